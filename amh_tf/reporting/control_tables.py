"""Tables beside the paper's: scores next to what chance gives, and the seeds of ensembles."""

import numpy as np

from amh_tf.reporting.report_tables import Column, Table
from amh_tf.scores import controls, groups, metrics, published, resampling, score_tables

_POOLED = "all test predictions [95 % interval]"
_MAJORITY = "largest class always"
_SHUFFLED = f"labels shuffled, mean [95 % of {controls.PERMUTATIONS:,}]"
_ACCURACIES = score_tables.SHORT[:2]


def _coded(run):
    """Class ids of a row's predictions: labels, predictions, and who speaks."""
    index = {name: number for number, name in enumerate(run.classes)}
    pairs = [(index[label], index[answer]) for label, answer in run.predictions.values()]
    labels, predictions = np.array(pairs).T
    return labels, predictions, [run.speakers.get(key, "") for key in run.predictions]


def control_table(group):
    """Makes the table of the pooled scores beside those of the negative controls.

    It is computed from the predictions, so that cross-validations of earlier versions have it too.

    Args:
        group: `gather.Group`.

    Returns:
        `Table`.
    """
    columns = [Column("model")]
    columns += [Column(title, _POOLED, "interval") for title, _ in _ACCURACIES]
    columns += [
        Column(title, _POOLED, "interval", wide=True) for title, _ in score_tables.SHORT[2:]
    ]
    columns += [Column(title, _MAJORITY, "share") for title, _ in _ACCURACIES]
    columns += [Column(title, _SHUFFLED, "interval") for title, _ in _ACCURACIES]
    by_sentence = any(run.ceiling is not None for run in group.rows)
    if by_sentence:
        columns.append(Column("UA (UAR)", "sentence alone, at best", "share"))
    rows, methods, runs_by_note = [], {}, {}
    for run in group.rows:
        cells, method, notes = _control_cells(run)
        if by_sentence:
            cells.append("" if run.ceiling is None else published.Share(run.ceiling))
        rows.append([run.name, *cells])
        methods.setdefault(method, []).append(run.name)
        for note in (*(f"{note}." for note in notes), *run.remarks):
            runs_by_note.setdefault(note, []).append(run.name)
    return Table(
        "controls",
        "Scores beside chance",
        group.title,
        tuple(columns),
        rows,
        _control_notes(len(group.rows), methods, runs_by_note, by_sentence),
    )


def _control_cells(run):
    labels, predictions, speakers = _coded(run)
    bounds, method, notes = metrics.intervals(labels, predictions, run.confusion, speakers)
    scores = metrics.scores(run.confusion)
    majority = controls.majority_class(run.confusion)
    shuffled = controls.shuffled_labels(run.confusion)
    cells = [
        resampling.Interval(float(scores[name]), *bounds[name]) for _, name in score_tables.SHORT
    ]
    cells += [published.Share(majority[name]) for _, name in _ACCURACIES]
    cells += [
        resampling.Interval(shuffled[name]["mean"], *shuffled[name]["range_95"])
        for _, name in _ACCURACIES
    ]
    return cells, method, notes


def _control_notes(num_rows, methods, runs_by_note, by_sentence):
    def prefix(names):
        return "" if len(names) == num_rows else f"{', '.join(names)}: "

    notes = [
        "WA is also called WAR; UA is also called UAR or macro recall.",
        *(f"{prefix(names)}intervals: {method}." for method, names in methods.items()),
        *(f"{prefix(names)}{note}" for note, names in runs_by_note.items()),
        "Largest class always: WA is its share, UA 1 / classes. Labels shuffled: the model's own "
        "answers against labels dealt out at random, the chance level of these answers.",
    ]
    if by_sentence:
        notes.append(
            "Sentence alone, at best: the UA of the best answer to each sentence, chosen on these "
            "labels; no model that reads the words alone does better. Near 1 where few sentences "
            "are said twice."
        )
    return tuple(notes)


def seed_table(group):
    """Makes the table of the seeds of ensembles: each, over them, and the ensemble.

    Args:
        group: `gather.Group`.

    Returns:
        `Table`, or None where no row is an ensemble.
    """
    runs = [run for run in group.rows if run.seeds is not None]
    if not runs:
        return None
    columns = [Column("model"), Column("seed")]
    columns += [Column(title, "mean over folds", "estimate") for title, _ in score_tables.SHORT]
    columns += [Column(title, _POOLED, "interval", wide=True) for title, _ in score_tables.SHORT]
    rows, methods = [], {}
    for run in runs:
        seeds = run.seeds
        for member in (*seeds["members"], seeds["ensemble"]):
            methods[member["interval"]] = None
        rows += [[run.name, _seed_name(row, run), *_seed_cells(row)] for row in seeds["members"]]
        if seeds["mean"] is not None:
            deviations = seeds["standard_deviation"] or {}
            cells = [
                published.Estimate(seeds["mean"][name], deviations.get(name))
                for _, name in score_tables.SHORT
            ]
            rows.append([run.name, "mean ± sd over seeds", *cells, *[""] * len(score_tables.SHORT)])
        rows.append([run.name, "ensemble", *_seed_cells(seeds["ensemble"])])
    notes = (
        "Ensemble: the seeds averaged. Mean ± sd over seeds: of the seeds' means "
        "over folds, of those seeds that have every scored fold.",
        f"Intervals: {'; '.join(methods)}.",
    )
    return Table("seeds", "Seeds and ensemble", group.title, tuple(columns), rows, notes)


def _seed_name(row, run):
    num_folds = len(row["folds"])
    part = "" if num_folds == run.folds_done else f" ({num_folds} of {run.folds_done} folds)"
    return f"{row['seed']}{part}"


def _seed_cells(row):
    means = [published.Estimate(row["mean"][name]) for _, name in score_tables.SHORT]
    scores = [row["pooled"][name] for _, name in score_tables.SHORT]
    return [*means, *(resampling.Interval(s["value"], *s["interval_95"]) for s in scores)]


def speaker_scores(run):
    """Computes the UA of each speaker of a row, for the picture.

    Args:
        run: `gather.CrossValidation`.

    Returns:
        Dict from speaker to UA over the classes that the speaker has; empty where no speaker is
        known.
    """
    labels, predictions, speakers = _coded(run)
    rows = groups.per_group(labels, predictions, speakers, len(run.classes), "speaker")
    return {row["speaker"]: row["unweighted_accuracy"] for row in rows}
