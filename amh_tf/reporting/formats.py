"""Tables written as Markdown, CSV, LaTeX, and for the terminal."""

import csv
import io
import itertools
import textwrap

from rich import box
from rich import table as rich_table

from amh_tf import escaping, templates
from amh_tf.scores import published, resampling, significance

_CSV_PARTS = {
    "text": ("",),
    "estimate": (", mean", ", standard deviation"),
    "difference": ("", ", low", ", high"),
    "interval": ("", ", low", ", high"),
    "share": ("",),
    "p": ("",),
}


def share(value, signed=False):
    """Writes a share with three decimals and no leading zero: ".624", "1.000", "+.021"."""
    text = f"{abs(value):.3f}"
    text = text[1:] if text.startswith("0") else text
    negative = value < 0 and text.strip(".0")
    sign = "−" if negative else "+" if signed and text.strip(".0") else ""  # noqa: RUF001
    return sign + text


def probability(value):
    """Writes a p-value with three decimals: ".012", "< .001"."""
    return "< .001" if value < 0.001 else share(value)


def cell_text(cell):
    """Writes a cell for people."""
    if isinstance(cell, published.Estimate):
        spread = "" if cell.deviation is None else f" ± {share(cell.deviation)}"
        return share(cell.mean) + spread
    if isinstance(cell, significance.Difference):
        low, high = share(cell.low, signed=True), share(cell.high, signed=True)
        return f"{share(cell.value, signed=True)} [{low}, {high}]"
    if isinstance(cell, resampling.Interval):
        return f"{share(cell.value)} [{share(cell.low)}, {share(cell.high)}]"
    if isinstance(cell, published.Share):
        return share(cell.value)
    return probability(cell) if isinstance(cell, float) else cell


def markdown(table):
    """Writes a table as Markdown, with its title above and its notes below."""
    return templates.render("reporting/table.md", table=table, rows=_texts(table))


def latex(table):
    """Writes a table as a LaTeX `table*`; it needs the packages booktabs and graphicx."""
    return templates.render("reporting/table.tex", table=table, rows=_texts(table))


def _texts(table):
    return [list(map(cell_text, row)) for row in table.rows]


def _csv_cells(cell, parts):
    if isinstance(cell, published.Estimate):
        return [cell.mean, cell.deviation]
    if isinstance(cell, (significance.Difference, resampling.Interval)):
        return [cell.value, cell.low, cell.high]
    if isinstance(cell, published.Share):
        return [cell.value]
    if len(parts) > 1:  # an empty cell, or one that is not recorded
        return [""] * len(parts)
    return [escaping.cell(cell) if isinstance(cell, str) else cell]


def csv_text(table):
    """Writes a table as CSV with plain numbers: a column for each mean, deviation and bound.

    What is not recorded is left empty; title and notes are not in it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        escaping.cell(column.full_header + part)
        for column in table.columns
        for part in _CSV_PARTS[column.kind]
    )
    for row in table.rows:
        pairs = zip(table.columns, row)
        writer.writerow(
            value for column, cell in pairs for value in _csv_cells(cell, _CSV_PARTS[column.kind])
        )
    return text.getvalue()


def for_terminal(table, console):
    """Makes what a console can print, without the columns that need much room.

    Args:
        table: `tables.Table`.
        console: `rich.console.Console`. Where it is too narrow for the rows side by side, each is
            written in its own lines.
    """
    terminal_table = rich_table.Table(box=box.SIMPLE, title=table.title, title_justify="left")
    table = table.without("wide")
    columns, rows = table.columns, _texts(table)
    for column in columns:
        header = f"{column.band}\n{column.header}" if column.band else f"\n{column.header}"
        terminal_table.add_column(header, justify="left" if column.kind == "text" else "right")
    for row in rows:
        terminal_table.add_row(*row)
    if (
        console.measure(terminal_table, options=console.options.update(width=10_000)).maximum
        > console.width
    ):
        return "\n".join(_in_lines(table.title, columns, rows, console.width))
    return terminal_table


def _in_lines(title, columns, rows, width):
    """Yields the lines of a table whose rows are below each other; dashes are left out."""
    yield from ["", *textwrap.wrap(title, width), ""]
    names = next(index for index, column in enumerate(columns) if column.kind != "text")
    before = None
    for row in rows:
        bands = [
            (band, [f"{column.header} {cell}" for column, cell in members if cell.strip("–")])  # noqa: RUF001
            for band, members in itertools.groupby(
                zip(columns[names:], row[names:]), key=lambda member: member[0].band
            )
        ]
        if not any(scores for _, scores in bands):
            continue
        if row[0] != before:
            yield from textwrap.wrap(before := row[0], width)
        # A number says nothing without what it counts.
        about = [
            f"{column.header} {cell}" if cell.isdecimal() else cell
            for column, cell in zip(columns[1:names], row[1:names])
            if cell
        ]
        if about:
            yield from _wrapped(about, width, 2)
        for band, scores in bands:
            if scores:
                yield from _wrapped([f"{band}:", *scores] if band else scores, width, 4)


def _wrapped(parts, width, indent):
    """Wraps parts between commas, none of which is broken."""
    head, *rest = (part.replace(" ", "\0") for part in parts)
    text = f"{head} {', '.join(rest)}" if head.endswith(":") else ", ".join([head, *rest])
    margins = {"initial_indent": " " * indent, "subsequent_indent": " " * (indent + 2)}
    return [line.replace("\0", " ") for line in textwrap.wrap(text, width, **margins)]
