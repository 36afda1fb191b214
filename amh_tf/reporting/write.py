"""Writes a report: tables, pictures and the page, from a folder of cross-validations."""

import dataclasses
import re
from pathlib import Path

from amh_tf import errors, files, progress
from amh_tf.reporting import (
    control_tables,
    formats,
    gather,
    page,
    pair_tables,
    plots,
    report_tables,
)
from amh_tf.scores import published

PAGE = "report.html"
ALL_TABLES = "tables.md"
_WRITERS = {"md": formats.markdown, "csv": formats.csv_text, "tex": formats.latex}


@dataclasses.dataclass(frozen=True)
class Written:
    """What a report is made of.

    Attributes:
        page: Path of the page.
        paths: Paths of all files written, the page first.
        tables: List of `tables.Table`: all of them without the paired tests.
    """

    page: Path
    paths: list
    tables: list


def report(runs_dir, output_dir):
    """Gathers cross-validations and writes the report.

    Everything is read, checked and tested before the first file is written. Files of an
    earlier report with the same names are replaced; others stay.

    Args:
        runs_dir: Folder with cross-validations at any depth.
        output_dir: Folder to write to: `report.html`, `tables.md`, and a folder for each
            data set and protocol with its tables (Markdown, CSV, LaTeX) and pictures (PNG).

    Returns:
        `Written`.

    Raises:
        ValueError: If the cross-validations cannot be read or compared.
    """
    for name, folder in (("runs", runs_dir), ("output_dir", output_dir)):
        if not str(folder):
            raise errors.refusal(
                f"`{name}` is empty", "a folder", f"{name}=''", f"Set it with --{name}."
            )
    output_dir = Path(output_dir)
    groups = gather.gather(runs_dir)
    tables = [_tables(group) for group in groups]
    folders = [output_dir / slug for slug in _slugs(f"{g.data} {g.protocol}" for g in groups)]
    sections, paths = [], []
    with progress.bar(sum(len(g.rows) for g in groups), "drawing", "pictures") as bar:
        for group, group_tables, folder in zip(groups, tables, folders):
            section, group_paths = _write_group(group, group_tables, folder, bar)
            sections.append(section)
            paths += group_paths
    all_tables = [table for group_tables in tables for table in group_tables]
    files.write_text(output_dir / ALL_TABLES, "\n".join(map(formats.markdown, all_tables)))
    files.write_text(output_dir / PAGE, page.page(sections))
    paths = [output_dir / PAGE, output_dir / ALL_TABLES, *paths]
    printed = [table for table in all_tables if table.slug != "paired_tests"]
    return Written(output_dir / PAGE, paths, printed)


def _tables(group):
    tables = (
        report_tables.model_table(group),
        report_tables.hop_table(group),
        control_tables.control_table(group),
        control_tables.seed_table(group),
        pair_tables.pair_table(group),
    )
    return [table for table in tables if table is not None]


def _slugs(names):
    """Turns names into distinct names of folders and files, in order."""
    used = []
    for name in names:
        base = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60] or "group"
        slug, number = base, 1
        while slug in used:
            number += 1
            slug = f"{base}_{number}"
        used.append(slug)
    return used


def _write_group(group, tables, folder, bar):
    """Writes a group's files; returns its section of the page, and their paths."""
    paths = []
    for table in tables:
        for ending, writer in _WRITERS.items():
            paths.append(folder / f"{table.slug}.{ending}")
            files.write_text(paths[-1], writer(table))

    beside, hop_rows = {}, report_tables.hop_rows(group)
    if len(hop_rows) > 1:
        paths.append(folder / "hops.png")
        plots.hops(hop_rows, f"AMH (A+T+V)\n{group.title}", paths[-1])
        caption = "AMH (A+T+V): WA and UA by number of hops, standard deviation over folds as bars."
        alternative = f"{caption} The numbers are in table 2."
        beside["table_2"] = page.Picture(paths[-1], caption, alternative)

    scored = {row.name: control_tables.speaker_scores(row) for row in group.rows}
    scored = {name: values for name, values in scored.items() if values}
    if scored:
        paths.append(folder / "speakers.png")
        plots.speakers(scored, len(group.classes), group.title, paths[-1])
        caption = "UA of each speaker, over the classes that the speaker shows; by model."
        alternative = f"{caption} {_speakers_in_words(scored)}"
        beside["controls"] = page.Picture(paths[-1], caption, alternative)

    confusions = []
    for row, slug in zip(group.rows, _slugs(row.name for row in group.rows)):
        paths.append(folder / f"confusion_{slug}.png")
        plots.confusion_matrix(row, paths[-1])
        title = "" if row.title == row.name else f"{row.title}; "
        folds = f"{row.folds_text.removesuffix(' folds')} folds"
        caption = f"{row.name}: {title}{folds}; from {row.folder}{_confused(row)}"
        alternative = (
            f"Confusion matrix of {row.name} on {gather.data_name(group)}. {_recalls(row)}"
        )
        confusions.append(page.Picture(paths[-1], caption, alternative))
        bar.advance()
    return page.Section(group, tables, beside, confusions), paths


def _speakers_in_words(scored):
    """Says the picture of the speakers in words."""
    sentences = []
    for name, values in scored.items():
        least, most = min(values, key=values.get), max(values, key=values.get)
        mean = formats.share(sum(values.values()) / len(values))
        sentences.append(
            f"{name}: {len(values)} speakers, mean {mean}, from {formats.share(values[least])} "
            f"({least}) to {formats.share(values[most])} ({most})."
        )
    return " ".join(sentences)


def _confused(row):
    """Compares a confusion matrix with the paper's, in words."""
    compared = []
    for (true, predicted), paper in published.confused(*row.key).items():
        if {true, predicted} <= set(row.classes) and not row.variant:
            counts = row.confusion[row.classes.index(true)]
            share = counts[row.classes.index(predicted)] / max(1, counts.sum())
            compared.append(
                f"{true} taken for {predicted} {formats.share(share)}, {formats.share(paper)} there"
            )
    if not compared:
        return ""
    return f". Beside the paper's figure 2 ({published.DATA}): {'; '.join(compared)}"


def _recalls(row):
    """Says a confusion matrix' diagonal in words."""
    totals = row.confusion.sum(axis=1)
    right = row.confusion.diagonal()
    recalls = [
        f"{name} {formats.share(count / total)}"
        for name, count, total in zip(row.classes, right, totals)
        if total
    ]
    return f"Recall by class: {', '.join(recalls)}."
