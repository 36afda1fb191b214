"""The report as one HTML page that needs nothing else: no network, no script."""

import base64
import html

from amh_tf.reporting import formats, gather, style

_SCORES_EXPLAINED = (
    (
        "Weighted accuracy (WA), also called WAR",
        "right utterances over all utterances: plain accuracy.",
    ),
    (
        "Unweighted accuracy (UA), also called UAR or macro recall",
        "the mean over the classes of the recall, so that rare classes count alike.",
    ),
    (
        "Precision of a class",
        "among the utterances given that class, the share that belongs to it.",
    ),
    (
        "Weighted and macro precision",
        "its mean over the classes, weighted by their size or plain; neither is an accuracy.",
    ),
    (
        "F1 of a class",
        "the harmonic mean of its precision and recall; weighted and macro F1 are its means.",
    ),
    (
        "Chance",
        "what naming the largest class always gives, and the model's own answers against shuffled "
        "labels; a score says something only above both.",
    ),
    (
        "The paper's table 1",
        "shows these precisions under the names of WA and UA, as its authors say; they differ.",
    ),
)


def _escape(text):
    return html.escape(text, quote=True)


def picture(path, alternative, caption):
    """Writes a PNG file as an inline figure.

    Args:
        path: The PNG file.
        alternative: What it shows, for those who do not see it.
        caption: Text below it.

    Returns:
        HTML text.
    """
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{_escape(alternative)}">'
        f"<figcaption>{_escape(caption)}</figcaption></figure>"
    )


def table(content, known_notes=()):
    """Writes a table, its band row and its notes.

    Args:
        content: `tables.Table`.
        known_notes: Notes that the reader has seen already.

    Returns:
        HTML text.
    """
    kept = [index for index, column in enumerate(content.columns) if not column.named]
    columns = [content.columns[index] for index in kept]
    banded = any(column.band for column in columns)
    head = ""
    if banded:
        cells = [
            f'<th colspan="{width}" scope="colgroup">{_escape(band)}</th>'
            if band
            else f'<td colspan="{width}"></td>'
            for band, width in formats.bands(columns)
        ]
        head = f'<tr class="bands">{"".join(cells)}</tr>'
    headers = "".join(
        f'<th scope="col" class="{column.kind}">{_escape(column.header)}</th>' for column in columns
    )
    body = "".join(_row(columns, [row[index] for index in kept]) for row in content.rows)
    new = [note for note in content.notes if note not in known_notes]
    notes = "".join(f"<li>{_escape(note)}</li>" for note in new)
    notes = f'<ul class="notes">{notes}</ul>' if notes else ""
    # The frame scrolls by itself on a narrow screen; a keyboard must be able to reach it.
    name = _escape(content.name)
    return (
        f'<div class="frame" tabindex="0" role="region" aria-label="{name}">'
        f"<table><caption>{name}</caption><thead>{head}<tr>{headers}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>{notes}"
    )


def _row(columns, row):
    cells = []
    for index, (column, cell) in enumerate(zip(columns, row)):
        text = _escape(formats.cell_text(cell))
        if index == 0:
            cells.append(f'<th scope="row">{text}</th>')
        else:
            cells.append(f'<td class="{column.kind}">{text}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def section(number, group, shown, beside, confusion_pictures):
    """Writes the section of a group.

    Args:
        number: Its place in the page, from 1.
        group: `gather.Group`.
        shown: List of the group's `tables.Table`.
        beside: Dict from the slug of a table to the HTML of the picture below it.
        confusion_pictures: List of HTML, one picture for each row.

    Returns:
        HTML text.
    """
    name = _escape(gather.data_name(group))
    badge = ' <span class="badge">synthetic data</span>' if group.synthetic else ""
    warnings = "".join(f"<li>{_escape(text)}</li>" for text in group.warnings)
    if warnings:
        warnings = f'<div class="warnings"><strong>Warnings</strong><ul>{warnings}</ul></div>'
    parts, known_notes = [], set()
    for content in shown:
        parts.append(table(content, known_notes))
        known_notes.update(content.notes)
        parts.append(beside.get(content.slug, ""))
    return (
        f'<section id="group-{number}"><h2>{name}{badge}</h2>'
        f"<p><strong>Protocol: {_escape(group.protocol)}.</strong> "
        f"{_escape(group.protocol_description)}</p>{warnings}"
        f"{''.join(parts)}"
        f"<h3>Confusion matrices</h3><p>Each row is a true class, as shares of it; counts "
        f"below, all scored folds together.</p>"
        f'<div class="pictures">{"".join(confusion_pictures)}</div></section>'
    )


def page(groups, sections):
    """Writes the whole page.

    Args:
        groups: List of `gather.Group`.
        sections: Their sections, HTML text in the same order.

    Returns:
        HTML text.
    """
    links = "".join(
        f'<li><a href="#group-{number}">{_escape(group.title)}</a> '
        f"({len(group.rows)} cross-validation{'s' if len(group.rows) > 1 else ''})</li>"
        for number, group in enumerate(groups, 1)
    )
    explained = "".join(
        f"<li><strong>{name}:</strong> {meaning}</li>" for name, meaning in _SCORES_EXPLAINED
    )
    apart = "<p>Each data set and protocol has tables of its own; they are not compared.</p>"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        # Even a name that slipped through could fetch and run nothing.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        '<link rel="icon" href="data:,"><title>Speech emotion recognition: cross-validations'
        f"</title><style>{style.SHEET}</style></head><body><header>"
        "<h1>Speech emotion recognition: cross-validations</h1>"
        f"<nav><ul>{links}</ul></nav>{apart if len(groups) > 1 else ''}</header><main>"
        f'<section id="scores"><h2>What the scores are</h2><ul>{explained}</ul></section>'
        f"{''.join(sections)}</main></body></html>\n"
    )
