"""The paper's tables, filled with published figures and with cross-validations.

A table is independent of how it is written; `formats` writes it.
"""

import dataclasses
import itertools

from amh_tf import config, published, schema, significance
from amh_tf.reporting import gather

NOT_RECORDED = "–"  # noqa: RUF001 (an en dash, as in print)

PAPER = f"paper ({published.DATA})"
CORRECTED = f"authors, corrected ({published.DATA})"
OURS = "this code"


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        header: What its cells are; a score's own name.
        band: What the columns beside each other have in common; empty where nothing.
        kind: "text"; "estimate" (`published.Estimate`); "difference"
            (`significance.Difference`); "p" (a p-value). Cells of every kind may also be texts.
        named: Whether the table's context names it already: the page leaves it out.
        wide: Whether the terminal, with little room, leaves it out.
    """

    header: str
    band: str = ""
    kind: str = "text"
    named: bool = False
    wide: bool = False


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        slug: Name of its files.
        name: What it shows.
        context: The data set and protocol.
        columns: Tuple of `Column`.
        rows: List of rows, each a list of one cell per column.
        notes: Texts below it.
    """

    slug: str
    name: str
    context: str
    columns: tuple
    rows: list
    notes: tuple

    @property
    def title(self):
        """Text above it where it stands alone."""
        return f"{self.name}. {self.context}"


SCORE_COLUMNS = (
    Column("weighted precision", PAPER, "estimate", wide=True),
    Column("macro precision", PAPER, "estimate", wide=True),
    Column("WA", CORRECTED, "estimate"),
    Column("UA", CORRECTED, "estimate"),
    Column("WA", OURS, "estimate"),
    Column("UA", OURS, "estimate"),
    Column("weighted precision", OURS, "estimate"),
    Column("macro precision", OURS, "estimate"),
    Column("folds", OURS),
    Column("data set", OURS, named=True, wide=True),
    Column("protocol", OURS, named=True, wide=True),
)
PUBLISHED_SCORES = (
    "weighted_precision",
    "macro_precision",
    "weighted_accuracy",
    "unweighted_accuracy",
)
OWN_SCORES = ("weighted_accuracy", "unweighted_accuracy", "weighted_precision", "macro_precision")


def _scores(known, run):
    """Cells of `SCORE_COLUMNS` for a published row, a cross-validation, or both."""
    cells = [getattr(known, name) if known else NOT_RECORDED for name in PUBLISHED_SCORES]
    if run is None:
        return [*cells, *[""] * (len(OWN_SCORES) + 3)]
    cells += [run.scores[name] for name in OWN_SCORES]
    return [*cells, run.folds_text, gather.data_name(run), run.protocol]


def _notes(group, rows):
    """What a reader must know of these rows: pairs of published row and cross-validation."""
    notes = [
        f"{PAPER} and {CORRECTED}: mean ± standard deviation over {published.NUM_FOLDS} folds, "
        f"seven classes, from {published.SOURCE}. The paper calls its two columns weighted and "
        "unweighted accuracy; the authors found them to be precisions.",
        f"{OURS}: mean ± standard deviation over the folds scored. WA: weighted accuracy; "
        "UA: unweighted accuracy.",
    ]
    if group.synthetic:
        notes.append(
            "This code's figures are of a synthetic data set: they say nothing about real "
            f"emotion and cannot be compared with figures of {published.DATA}."
        )
    else:
        notes.append(
            "Figures compare only where data set, classes and folds are the same; the authors' "
            "folds are their own."
        )
    if any(run and run.scores["weighted_accuracy"].deviation is None for _, run in rows):
        notes.append("A figure without ± is of one fold.")
    if any(known is None for known, _ in rows):
        notes.append(f"{NOT_RECORDED}: no published figure is recorded for this row.")
    if any(known and known.model == "mha" for known, _ in rows):
        notes.append("The authors do not say how many hops their MHA takes.")
    if any(run is None for _, run in rows):
        notes.append(f"Nothing under {OURS}: no cross-validation of this row was found.")
    return tuple(notes)


def _is_hop_row(model, modalities, transcripts):
    return (model, modalities, transcripts) == ("amh", schema.MODALITIES, "reference")


def _published(run):
    return published.find(*run.key)


def model_table(group):
    """Makes table 1: by model and modalities, then the rows on ASR transcripts.

    AMH on all modalities stands here with the published number of hops; the others are in
    table 2.

    Args:
        group: `gather.Group`.

    Returns:
        `Table`.
    """
    rows = [
        (*run.key, _published(run), run)
        for run in group.rows
        if run.num_hops == published.AMH_HOPS
        or not _is_hop_row(run.model, run.modalities, run.transcripts)
    ]
    repeated = [row[4] for row in rows]
    rows += [
        (known.model, known.num_hops, known.modalities, "reference", known, None)
        for known in published.ROWS
        if known not in repeated
    ]
    rows.sort(key=lambda row: gather.order(*row[:4]))
    columns = (Column("model"), Column("modalities"), Column("transcripts"), *SCORE_COLUMNS)
    cells = [
        [
            config.MODEL_NAMES[model] + (f"-{hops}" if hops else ""),
            gather.short_modalities(modalities),
            "ASR" if transcripts == "asr" else "reference",
            *_scores(known, run),
        ]
        for model, hops, modalities, transcripts, known, run in rows
    ]
    notes = _notes(group, [row[4:] for row in rows])
    return Table("table_1", "Table 1: models", group.title, columns, cells, notes)


def hop_rows(group):
    """Lists the cross-validations of AMH on all modalities, by number of hops."""
    return [run for run in group.rows if _is_hop_row(run.model, run.modalities, run.transcripts)]


def hop_table(group):
    """Makes table 2: AMH on audio, text and video by number of hops.

    Args:
        group: `gather.Group`.

    Returns:
        `Table`, or None where the group has no such row.
    """
    runs = hop_rows(group)
    if not runs:
        return None
    rows = [(run.num_hops, _published(run), run) for run in runs]
    for known in published.ROWS:
        if known.model == "amh" and known.num_hops not in [hops for hops, _, _ in rows]:
            rows.append((known.num_hops, known, None))
    rows.sort(key=lambda row: row[0])
    cells = [[str(hops), *_scores(known, run)] for hops, known, run in rows]
    columns = (Column("hops"), *SCORE_COLUMNS)
    notes = _notes(group, [row[1:] for row in rows])
    return Table(
        "table_2", "Table 2: AMH (A+T+V) by number of hops", group.title, columns, cells, notes
    )


def _utterances(run, by_fold):
    if by_fold:
        return run.predictions
    return {utterance: answer for (_, utterance), answer in run.predictions.items()}


def _repeats_ids(run):
    return len({utterance for _, utterance in run.predictions}) < len(run.predictions)


def _compare(first, second, utterances):
    return significance.compare(
        utterances[first.name],
        utterances[second.name],
        names=(repr(first.folder), repr(second.folder)),
    )


def pair_table(group):
    """Makes the table of the paired tests between every two rows, surest difference first.

    Where a row holds the same id in several folds, fold and id together tell an utterance.

    Args:
        group: `gather.Group`.

    Returns:
        `Table`, or None where the group has a single row.

    Raises:
        ValueError: If two rows disagree on the label of an utterance.
    """
    by_fold = any(_repeats_ids(run) for run in group.rows)
    utterances = {run.name: _utterances(run, by_fold) for run in group.rows}
    compared, apart = [], []
    for first, second in itertools.combinations(group.rows, 2):
        if utterances[first.name].keys().isdisjoint(utterances[second.name]):
            apart.append(f"{first.name} and {second.name} share no scored utterance: no test.")
            continue
        result = _compare(first, second, utterances)
        if result.weighted_accuracy.value < 0:  # the better row comes first
            first, second = second, first
            result = _compare(first, second, utterances)
        compared.append((first.name, second.name, result))
    if not compared and not apart:
        return None
    compared.sort(key=lambda pair: (pair[2].p_value, -pair[2].weighted_accuracy.value))
    corrected = significance.holm([pair[2].p_value for pair in compared])
    rows = [
        [
            first,
            second,
            result.weighted_accuracy,
            result.unweighted_accuracy,
            str(result.first_only),
            str(result.second_only),
            str(result.utterances),
            result.p_value,
            float(holm),
        ]
        for (first, second, result), holm in zip(compared, corrected)
    ]
    columns = (
        Column("first"),
        Column("second"),
        Column("WA", "first minus second [95 % interval]", "difference"),
        Column("UA", "first minus second [95 % interval]", "difference"),
        Column("first alone", "utterances right"),
        Column("second alone", "utterances right"),
        Column("both scored", "utterances"),
        Column("p", "exact McNemar test", "p"),
        Column(f"p, Holm for {len(rows)}", "exact McNemar test", "p"),
    )
    notes = (
        "Differences are over the utterances that both rows scored, all folds together, so they "
        "may differ a little from those of the fold means above.",
        "Interval: paired bootstrap within each true class. p: chance of so uneven a split of "
        "the utterances that one model alone got right, if both were right equally often; "
        "Holm: corrected for the number of tests in this table.",
        "The tests take the trained models as they are; how far another seed would lead is not "
        "in them.",
        *apart,
    )
    return Table("paired_tests", "Paired tests", group.title, columns, rows, notes)
