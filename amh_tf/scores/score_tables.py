"""Scores as tables for people."""

from rich import box
from rich import table as rich_table
from rich import text as rich_text

from amh_tf import escaping, progress

# Others call the same two scores WAR and UAR.
ROWS = (
    ("WA (WAR, plain accuracy)", "weighted_accuracy"),
    ("UA (UAR, macro recall)", "unweighted_accuracy"),
    ("weighted precision", "weighted_precision"),
    ("macro precision", "macro_precision"),
    ("weighted F1", "weighted_f1"),
    ("macro F1", "macro_f1"),
)
# Where there is no room for names: the scores that papers on emotion report.
SHORT = (
    ("WA (WAR)", "weighted_accuracy"),
    ("UA (UAR)", "unweighted_accuracy"),
    ("weighted F1", "weighted_f1"),
    ("macro F1", "macro_f1"),
)
_SHORT_NAMES = {name: title for title, name in SHORT}


def print_cross_validation(summary):
    """Prints the scores of a cross-validation: mean and deviation over folds, and pooled.

    Args:
        summary: Dict as in `crossval.json`.
    """
    num_folds = len(summary["folds"])
    table = rich_table.Table(box=box.SIMPLE)
    table.add_column(f"{summary['title']}, test")
    table.add_column(f"mean ± sd of {num_folds} of {summary['num_folds']} folds", justify="right")
    table.add_column("pooled [95 % interval]", justify="right")
    for title, name in ROWS:
        deviation = summary["standard_deviation"][name]
        table.add_row(
            title,
            f"{summary['mean'][name]:.3f}" + ("" if deviation is None else f" ± {deviation:.3f}"),
            _with_interval(summary["pooled"], name),
        )
    for title, cells in _control_rows([summary["pooled"]]):
        table.add_row(title, "", *cells)
    progress.console.print(table)
    _print_remarks({"pooled": summary["pooled"]})


def print_seeds(summary):
    """Prints the scores of each seed of a cross-validation, over the seeds, and the ensemble's.

    Args:
        summary: Dict as in `crossval.json`, with `seeds`.
    """
    seeds = summary["seeds"]
    table = rich_table.Table(box=box.SIMPLE)
    # Each interval below its score: four side by side fit 80 columns.
    table.add_column("", min_width=8)
    for title, _ in SHORT:
        table.add_column(title, justify="right", no_wrap=True)
    for member in seeds["members"]:
        num_folds = len(member["folds"])
        part = (
            ""
            if num_folds == len(summary["folds"])
            else f" ({num_folds} of {len(summary['folds'])} folds)"
        )
        table.add_row(f"seed {member['seed']}{part}", *_seed_cells(member))
    if seeds["mean"] is not None:
        deviations = seeds["standard_deviation"] or {}
        cells = [_mean_cell(seeds["mean"][name], deviations.get(name)) for _, name in SHORT]
        table.add_row("mean ± sd over seeds", *cells)
    table.add_row("ensemble", *_seed_cells(seeds["ensemble"]))
    progress.console.print(table)
    methods = dict.fromkeys(row["interval"] for row in (*seeds["members"], seeds["ensemble"]))
    progress.console.print(
        "Means over the folds; below, 95 % intervals of all folds' predictions together "
        f"({'; '.join(methods)}).",
        markup=False,
        highlight=False,
    )


def _seed_cells(row):
    cells = []
    for _, name in SHORT:
        low, high = row["pooled"][name]["interval_95"]
        cells.append(f"{row['mean'][name]:.3f}\n[{low:.3f}, {high:.3f}]")
    return cells


def _mean_cell(mean, deviation):
    return f"{mean:.3f}" + ("" if deviation is None else f" ± {deviation:.3f}")


def print_reports(reports):
    """Prints the scores of splits side by side, with the 95 % intervals.

    Args:
        reports: Dict from split to report, as in `metrics.json`.
    """
    table = rich_table.Table(box=box.SIMPLE, title_justify="left")
    table.add_column("score [95 % interval]")
    for split, report in reports.items():
        table.add_column(f"{split} ({report['utterances']:,} utterances)", justify="right")
    for title, name in ROWS:
        table.add_row(title, *(_with_interval(report, name) for report in reports.values()))
    for title, cells in _control_rows(list(reports.values())):
        table.add_row(title, *cells)
    progress.console.print(table)
    _print_remarks(reports)


def _control_rows(reports):
    """Lists rows of what chance gives: (title, a cell for each report)."""
    controls = [report.get("controls") for report in reports]
    if None in controls:  # of an earlier version
        rates = [f"{report['majority_class_rate']:.3f}" for report in reports]
        return [("always the largest class: WA", rates)]
    rows = []
    for short, name in SHORT[:2]:
        cells = [f"{control['majority_class'][name]:.3f}" for control in controls]
        rows.append((f"always the largest class: {short}", cells))
    for short, name in SHORT[:2]:
        cells = []
        for control in controls:
            chance = control["shuffled_labels"][name]
            low, high = chance["range_95"]
            cells.append(f"{chance['mean']:.3f} [{low:.3f}, {high:.3f}]")
        rows.append((f"labels shuffled: {short}", cells))
    ceilings = [control.get("text_ceiling") for control in controls]
    # Where hardly a sentence is said twice the bound is near 1 and says nothing.
    if any(c and (c["explanation"] or c["unweighted_accuracy"] < 0.9) for c in ceilings):
        cells = [f"{c['unweighted_accuracy']:.3f}" if c else "" for c in ceilings]
        rows.append(("the sentence alone, at best: UA (UAR)", cells))
    return rows


def remarks(report) -> list:
    """Lists what a reader of a report's scores must know, as sentences.

    Args:
        report: As in `metrics.json`; those of earlier versions say less.
    """
    sentences = []
    if "interval" in report:
        sentences.append(f"Intervals: {'; '.join([report['interval'], *report.get('notes', [])])}.")
    by_sex = report.get("per_sex")
    if by_sex:
        parts = [
            f"{row['sex']} {row['weighted_accuracy']:.3f} and {row['unweighted_accuracy']:.3f} "
            f"({row['utterances']:,} utterances)"
            for row in by_sex["groups"]
        ]
        sentences.append(f"WA and UA by sex: {', '.join(parts)}.")
        gap = by_sex["gap"]
        if gap and gap["value"] > 0:
            interval = "no interval: it takes 5 speakers of each"
            if gap["interval_95"] is not None:
                low, high = gap["interval_95"]
                interval = f"95 % interval {low:+.3f} to {high:+.3f}"
            name = _SHORT_NAMES.get(gap["score"], gap["score"])
            better, worse = gap["between"]
            sentences.append(
                f"Largest gap by sex: {name}, {better} above {worse} by {gap['value']:.3f} "
                f"({interval})."
            )
    ceiling = report.get("controls", {}).get("text_ceiling")
    if ceiling and ceiling["explanation"]:
        sentences.append(ceiling["explanation"])
    return sentences


def _print_remarks(reports):
    by_split = {name: remarks(report) for name, report in reports.items()}
    for name, sentences in by_split.items():
        title = f"{name}: " if len(by_split) > 1 else ""
        for sentence in sentences:
            # Text from a file: nothing in it is markup.
            progress.console.print(f"{title}{sentence}", markup=False, highlight=False)


def print_prediction(predicted):
    """Prints what a model says of a clip.

    Args:
        predicted: `amh_tf.prediction.clip.Prediction`.
    """
    table = rich_table.Table(box=box.SIMPLE)
    table.add_column("class")
    table.add_column("probability", justify="right")
    table.add_column("")
    for name, probability in sorted(predicted.probabilities.items(), key=lambda item: -item[1]):
        # Names come from users: nothing in them is markup.
        name = rich_text.Text(escaping.terminal(name))
        table.add_row(name, f"{probability:.3f}", "█" * round(30 * probability))
    progress.console.print(table)
    if predicted.text:
        progress.console.print(f"Text: {predicted.text}")
    progress.console.print(f"Trained on: {predicted.data}")


def _with_interval(report, name):
    low, high = report[name]["interval_95"]
    return f"{report[name]['value']:.3f} [{low:.3f}, {high:.3f}]"


def print_available(reports, split):
    """Prints a model's accuracies and F1 by the modalities that were available.

    Args:
        reports: Dict from modalities, as "audio+text", to report.
        split: The split that was scored.
    """
    table = rich_table.Table(box=box.SIMPLE)
    table.add_column(f"available in {split}", no_wrap=True)
    for title, _ in SHORT[:2]:
        table.add_column(f"{title} [95 % interval]", justify="right")
    for title, _ in SHORT[2:]:
        table.add_column(title, justify="right")
    for available, report in reports.items():
        accuracies = [_with_interval(report, name) for _, name in SHORT[:2]]
        others = [f"{report[name]['value']:.3f}" for _, name in SHORT[2:]]
        table.add_row(available, *accuracies, *others)
    progress.console.print(table)


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
