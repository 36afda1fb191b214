"""Scores as tables for people."""

from rich import box
from rich import table as rich_table
from rich import text as rich_text

from amh_tf import progress

ROWS = (
    ("weighted accuracy (WA)", "weighted_accuracy"),
    ("unweighted accuracy (UA)", "unweighted_accuracy"),
    ("weighted precision", "weighted_precision"),
    ("macro precision", "macro_precision"),
    ("weighted F1", "weighted_f1"),
    ("macro F1", "macro_f1"),
)


def print_cross_validation(summary):
    """Prints the scores of a cross-validation: mean and deviation over folds, and pooled.

    Args:
        summary: Dict as in `crossval.json`.
    """
    done = len(summary["folds"])
    shown = rich_table.Table(box=box.SIMPLE)
    shown.add_column(f"{summary['title']}, test")
    shown.add_column(f"mean ± sd of {done} of {summary['num_folds']} folds", justify="right")
    shown.add_column("pooled [95 % interval]", justify="right")
    for title, name in ROWS:
        deviation = summary["standard_deviation"][name]
        low, high = summary["pooled"][name]["interval_95"]
        shown.add_row(
            title,
            f"{summary['mean'][name]:.3f}" + ("" if deviation is None else f" ± {deviation:.3f}"),
            f"{summary['pooled'][name]['value']:.3f} [{low:.3f}, {high:.3f}]",
        )
    shown.add_row("always the largest class", "", f"{summary['pooled']['majority_class_rate']:.3f}")
    progress.console.print(shown)


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
        shown.add_row(title, *(_with_interval(report, name) for report in reports.values()))
    shown.add_row(
        "always the largest class", *(f"{r['majority_class_rate']:.3f}" for r in reports.values())
    )
    progress.console.print(shown)


def print_prediction(predicted):
    """Prints what a model says of a clip.

    Args:
        predicted: `amh_tf.prediction.clip.Prediction`.
    """
    shown = rich_table.Table(box=box.SIMPLE)
    shown.add_column("class")
    shown.add_column("probability", justify="right")
    shown.add_column("")
    for number in predicted.probabilities.argsort()[::-1]:
        probability = float(predicted.probabilities[number])
        # Names come from users: nothing in them is markup.
        name = rich_text.Text(predicted.classes[number])
        shown.add_row(name, f"{probability:.3f}", "█" * round(30 * probability))
    progress.console.print(shown)
    if predicted.text:
        progress.console.print(f"Text: {predicted.text}")
    progress.console.print(f"Trained on: {predicted.data}")


def _with_interval(report, name):
    low, high = report[name]["interval_95"]
    return f"{report[name]['value']:.3f} [{low:.3f}, {high:.3f}]"


def print_available(reports, split):
    """Prints a model's accuracies by the modalities that were available.

    Args:
        reports: Dict from modalities, as "audio+text", to report.
        split: The split that was scored.
    """
    shown = rich_table.Table(box=box.SIMPLE)
    shown.add_column(f"available in {split}", no_wrap=True)
    shown.add_column("WA [95 % interval]", justify="right", no_wrap=True)
    shown.add_column("UA [95 % interval]", justify="right", no_wrap=True)
    for available, report in reports.items():
        shown.add_row(available, *_available_cells(report)[:2])
    progress.console.print(shown)


def available_markdown(reports):
    """Returns a model's scores by the modalities that were available, as a Markdown table.

    Args:
        reports: Dict from modalities, as "audio+text", to report.
    """
    titles = ["available", *(title for title, _ in ROWS)]
    lines = [titles, ["---"] * len(titles)]
    lines += [[available, *_available_cells(report)] for available, report in reports.items()]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _available_cells(report):
    accuracies, others = ROWS[:2], ROWS[2:]
    return [
        *(_with_interval(report, name) for _, name in accuracies),
        *(f"{report[name]['value']:.3f}" for _, name in others),
    ]
