"""Scores as tables for people."""

from rich import box
from rich import table as rich_table

from amh_tf import progress

ROWS = (
    ("weighted accuracy (WA)", "weighted_accuracy"),
    ("unweighted accuracy (UA)", "unweighted_accuracy"),
    ("weighted precision", "weighted_precision"),
    ("macro precision", "macro_precision"),
    ("weighted F1", "weighted_f1"),
    ("macro F1", "macro_f1"),
)


def print_reports(reports):
    """Prints the scores of splits side by side, with the 95 % intervals.

    Args:
        reports: Dict from split to report, as in `metrics.json`.
    """
    shown = rich_table.Table(box=box.SIMPLE, title_justify="left")
    shown.add_column("score [95 % interval]")
    for split, report in reports.items():
        shown.add_column(f"{split} ({report['utterances']:,} utterances)", justify="right")
    for title, name in ROWS:
        cells = []
        for report in reports.values():
            low, high = report[name]["interval_95"]
            cells.append(f"{report[name]['value']:.3f} [{low:.3f}, {high:.3f}]")
        shown.add_row(title, *cells)
    shown.add_row(
        "always the largest class", *(f"{r['majority_class_rate']:.3f}" for r in reports.values())
    )
    progress.console.print(shown)
