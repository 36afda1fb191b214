"""The paper's tables, filled with published figures and with cross-validations.

A table is independent of how it is written; `formats` writes it.
"""

import dataclasses
import itertools

from amh_tf import config, schema
from amh_tf.reporting import gather
from amh_tf.scores import published

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
            (`significance.Difference`); "interval" (`resampling.Interval`); "share"
            (`published.Share`); "p" (a p-value). Cells of every kind may also be texts.
        named: Whether the table's context names it already: the page leaves it out.
        wide: Whether the terminal, with little room, leaves it out.
    """

    header: str
    band: str = ""
    kind: str = "text"
    named: bool = False
    wide: bool = False

    @property
    def full_header(self):
        """The header with its band: "this code: WA"."""
        return f"{self.band}: {self.header}" if self.band else self.header


@dataclasses.dataclass(frozen=True)
class Band:
    """What neighbouring columns have in common.

    Attributes:
        name: Empty where they have nothing in common.
        first, last: Places of the columns, from 1.
    """

    name: str
    first: int
    last: int

    @property
    def width(self):
        """Number of columns."""
        return self.last - self.first + 1


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

    @property
    def bands(self):
        """Every `Band`, those without a name among them."""
        places = enumerate(self.columns, 1)
        for name, members in itertools.groupby(places, key=lambda place: place[1].band):
            numbers = [number for number, _ in members]
            yield Band(name, numbers[0], numbers[-1])

    def without(self, mark):
        """Returns the table without the columns that carry a mark: "named" or "wide"."""
        indices = [index for index, column in enumerate(self.columns) if not getattr(column, mark)]

        def select(row):
            return [row[index] for index in indices]

        columns, rows = tuple(select(self.columns)), [select(row) for row in self.rows]
        return dataclasses.replace(self, columns=columns, rows=rows)


SCORE_COLUMNS = (
    Column("weighted precision", PAPER, "estimate", wide=True),
    Column("macro precision", PAPER, "estimate", wide=True),
    Column("WA (WAR)", CORRECTED, "estimate"),
    Column("UA (UAR)", CORRECTED, "estimate"),
    Column("WA (WAR)", OURS, "estimate"),
    Column("UA (UAR)", OURS, "estimate"),
    Column("weighted precision", OURS, "estimate", wide=True),
    Column("macro precision", OURS, "estimate", wide=True),
    Column("weighted F1", OURS, "estimate"),
    Column("macro F1", OURS, "estimate"),
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
OWN_SCORES = schema.SCORES


def _scores(reference, run):
    """Cells of `SCORE_COLUMNS` for a published row, a cross-validation, or both."""
    cells = [getattr(reference, name, None) or NOT_RECORDED for name in PUBLISHED_SCORES]
    if run is None:
        return [*cells, *[""] * (len(OWN_SCORES) + 3)]
    cells += [run.scores[name] for name in OWN_SCORES]
    return [*cells, run.folds_text, gather.data_name(run), run.protocol]


def _notes(group, rows):
    """What a reader must know of these rows: pairs of published row and cross-validation."""
    notes = [
        f"{PAPER} and {CORRECTED}: mean ± standard deviation over {published.NUM_FOLDS} folds, "
        f"seven classes, from {published.PAPER} and {published.SOURCE}. The paper calls its two "
        "columns weighted and unweighted accuracy; the authors found them to be precisions.",
        f"{OURS}: mean ± standard deviation over the folds scored. WA: weighted accuracy, "
        "also called WAR; UA: unweighted accuracy, also called UAR or macro recall.",
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
    if any(reference is None or reference.weighted_accuracy is None for reference, _ in rows):
        notes.append(f"{NOT_RECORDED}: no such figure was published for this row.")
    if any(reference and reference.model == "mha" for reference, _ in rows):
        notes.append("The authors do not say how many hops their MHA takes.")
    if any(run is None for _, run in rows):
        notes.append(f"Nothing under {OURS}: no cross-validation of this row was found.")
    return tuple(notes)


def _is_hop_row(model, modalities, transcripts):
    return (model, modalities, transcripts) == ("amh", schema.MODALITIES, "reference")


def _variant(run):
    return f", {run.variant}" if run and run.variant else ""


def _published(run):
    return None if run.variant else published.find(*run.key)


def model_table(group):
    """Makes table 1: by model and modalities, then the rows on ASR transcripts.

    AMH on all modalities is here with the published number of hops; the others are in
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
        (
            reference.model,
            reference.num_hops,
            reference.modalities,
            reference.transcripts,
            reference,
            None,
        )
        for reference in published.ROWS
        if reference not in repeated
        and (reference.model != "amh" or reference.num_hops == published.AMH_HOPS)
    ]
    rows.sort(key=lambda row: gather.order(*row[:4]))
    columns = (Column("model"), Column("modalities"), Column("transcripts"), *SCORE_COLUMNS)
    cells = [
        [
            config.MODELS[model].title + (f"-{hops}" if hops else "") + _variant(run),
            gather.short_modalities(modalities),
            "ASR" if transcripts == "asr" else "reference",
            *_scores(reference, run),
        ]
        for model, hops, modalities, transcripts, reference, run in rows
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
    for reference in published.ROWS:
        is_hop_row = _is_hop_row(reference.model, reference.modalities, reference.transcripts)
        if is_hop_row and reference.num_hops not in [hops for hops, _, _ in rows]:
            rows.append((reference.num_hops, reference, None))
    rows.sort(key=lambda row: row[0])
    cells = [[str(hops), *_scores(reference, run)] for hops, reference, run in rows]
    columns = (Column("hops"), *SCORE_COLUMNS)
    notes = _notes(group, [row[1:] for row in rows])
    return Table(
        "table_2", "Table 2: AMH (A+T+V) by number of hops", group.title, columns, cells, notes
    )
