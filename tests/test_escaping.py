"""Names that mean something to a page, a sheet or a terminal."""

import csv
import io

import markdown_it
import pytest
from rich import console as rich_console
from rich import table as rich_table

from amh_tf import escaping, progress
from amh_tf.runs import predictions

HOSTILE = [
    "<script>alert(1)</script>",
    "a | b",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2",
    "@SUM(1)",
    "'quoted",
    "''",
    "\x1b]0;title\x07",
    "\x1b[2J",
    "two\nlines\r\nand a tab\t.",
    "[link](javascript:alert(1)) *bold* `code` ~~gone~~ # head & &amp;",
    "\u202egnp.exe",
    "\\",
    "$x$ {y} ~^",
    "",
    "怒り",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_the_text_and_nothing_else(text):
    parser = markdown_it.MarkdownIt("gfm-like", {"linkify": False})
    table = f"| name | other |\n|---|---|\n| {escaping.markdown(text)} | end |\n"
    tokens = parser.parse(table)
    cells = [token for token in tokens if token.type == "inline"]
    assert [cell.content for cell in cells][-1] == "end" and len(cells) == 4
    kinds = {child.type for child in cells[2].children}
    assert kinds <= {"text", "text_special"}
    shown = "".join(child.content for child in cells[2].children)
    assert shown.strip() == " ".join(escaping.terminal(text).split())


@pytest.mark.parametrize("text", HOSTILE)
def test_sheet_computes_nothing_and_the_text_comes_back(text):
    cell = escaping.cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert escaping.from_cell(cell) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_terminal_gets_no_orders(text):
    shown = escaping.terminal(text)
    assert all(letter.isprintable() or letter in "\n\t" for letter in shown)
    written = io.StringIO()
    console = type(progress.console)(file=written, markup=False, highlight=False, width=200)
    console.print(text)
    table = rich_table.Table()
    table.add_column(text)
    table.add_row(text)
    console.print(table)
    assert "\x1b" not in written.getvalue() and "\x07" not in written.getvalue()
    assert isinstance(progress.console, rich_console.Console)


def test_predictions_of_hostile_names_are_no_formulas(tmp_path):
    classes = ["=1+1", "neutral"]
    path = tmp_path / "predictions.csv"
    predictions.write(path, [("@id", 0, [0.25, 0.75])], classes)
    header, row = csv.reader(path.read_text().splitlines())
    assert row == ["'@id", "'=1+1", "neutral", "0.25", "0.75"]
    assert list(map(escaping.from_cell, header))[3:] == classes
    assert predictions.read(path, classes) == [("@id", 0, [0.25, 0.75])]
