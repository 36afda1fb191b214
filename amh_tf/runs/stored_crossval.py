"""The type of `crossval.json`, as far as it is read again."""

import dataclasses
from typing import Annotated, Literal, TypedDict

import msgspec
import numpy as np

from amh_tf import config, errors, files, schema, typed
from amh_tf.data import protocol_folds
from amh_tf.runs import stored_reports
from amh_tf.scores import published, score_tables

REMEDY = "Run the cross-validation again, or leave its folder out of --runs."
TRANSCRIPTS = ("reference", "asr")
_EXPECTED = "what amh_tf.crossval wrote"

_Records = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
_Means = TypedDict("_Means", dict.fromkeys(schema.SCORES, typed.Share))
_Deviations = TypedDict("_Deviations", dict.fromkeys(schema.SCORES, typed.Share | None))


class _Variant(typed.Line):
    @staticmethod
    def holds(value):
        return not value or typed.Text.holds(value)


class _Fold(TypedDict):
    fold: int


class _Pooled(stored_reports.Remarks):
    confusion_matrix: list[list[_Records]]


class _Ensemble(TypedDict):
    mean: _Means
    folds: Annotated[list[int], msgspec.Meta(min_length=1)]
    interval: typed.Text
    pooled: stored_reports.Scores


class _Member(_Ensemble):
    seed: typed.Size


class _Seeds(TypedDict):
    members: Annotated[list[_Member], msgspec.Meta(min_length=1)]
    ensemble: _Ensemble
    mean: _Means | None
    standard_deviation: _Deviations | None


def _require(condition, name, expected, received):
    if not condition:
        raise errors.InputError(f"`{name}`: expected {expected}, got {str(received)[:200]}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Crossval:
    """What `amh_tf.crossval` writes of a model, cross-validated.

    Attributes:
        title, data, protocol, protocol_description, warnings, classes: As printed.
        model, num_hops, modalities, transcripts: What makes a row of the paper's tables.
        synthetic: Whether the data set is synthetic.
        num_folds: Folds that exist.
        folds: Those that are scored.
        mean, standard_deviation: Dicts from each of `schema.SCORES` to its value over the folds.
        pooled: The report on all folds together.
        seeds: What there is of the seeds of an ensemble, or None.
        variant: What sets it apart from others of its model, such as "standardized by speaker".
    """

    title: typed.Line
    model: Literal[tuple(config.MODELS)]
    num_hops: typed.Count | None = None
    modalities: Annotated[tuple[Literal[schema.MODALITIES], ...], msgspec.Meta(min_length=1)]
    transcripts: Literal[TRANSCRIPTS]
    data: typed.Line
    synthetic: bool
    protocol: Literal[protocol_folds.PROTOCOLS]
    protocol_description: typed.Line
    num_folds: typed.Count
    warnings: tuple[typed.Text, ...]
    classes: Annotated[tuple[typed.Text, ...], msgspec.Meta(min_length=2)]
    folds: Annotated[list[_Fold], msgspec.Meta(min_length=1)]
    mean: _Means
    standard_deviation: _Deviations
    pooled: _Pooled
    seeds: _Seeds | None = None
    variant: _Variant = ""

    def __post_init__(self):
        count = len(self.classes)
        _require(len(set(self.classes)) == count, "classes", "distinct names", self.classes)
        ordered = [name for name in schema.MODALITIES if name in self.modalities]
        _require(list(self.modalities) == ordered, "modalities", ordered, self.modalities)
        if self.model == "amh":
            _require(self.num_hops is not None, "num_hops", "a number of hops", None)
        numbers = [fold["fold"] for fold in self.folds]
        right = len(self.fold_numbers) == len(numbers)
        right = right and all(0 <= number < self.num_folds for number in numbers)
        _require(right, "folds", f"some of 0 to {self.num_folds - 1}, each once", numbers)
        rows = self.pooled["confusion_matrix"]
        right = len(rows) == count and all(len(row) == count for row in rows)
        _require(right, "pooled.confusion_matrix", f"{count} by {count} counts", rows)
        if self.seeds is not None:
            for member in (*self.seeds["members"], self.seeds["ensemble"]):
                right = self.fold_numbers.issuperset(member["folds"])
                _require(right, "seeds", "scored folds", member["folds"])

    @property
    def fold_numbers(self):
        """Numbers of the scored folds."""
        return {fold["fold"] for fold in self.folds}

    @property
    def folds_done(self):
        """Number of the scored folds."""
        return len(self.folds)

    @property
    def scores(self):
        """Dict from each name in `schema.SCORES` to `published.Estimate`."""
        return {
            name: published.Estimate(self.mean[name], self.standard_deviation[name])
            for name in schema.SCORES
        }

    @property
    def confusion(self):
        """Counts of all folds, `(classes, classes)`, true class in rows."""
        return np.array(self.pooled["confusion_matrix"])

    @property
    def remarks(self):
        """Sentences on the scores by sex, and on what the words can tell."""
        return tuple(score_tables.remarks(self.pooled))

    @property
    def ceiling(self):
        """The best UA that the sentence alone can give, or None where it is unknown."""
        ceiling = self.pooled.get("controls", {}).get("text_ceiling")
        return None if ceiling is None else ceiling["unweighted_accuracy"]


def load(path) -> Crossval:
    """Reads a `crossval.json`.

    Raises:
        ValueError: If it is damaged; the message names the file and the field.
    """
    fields = files.read_json(path, _EXPECTED)
    with typed.refusing(path, _EXPECTED, REMEDY):
        return typed.convert(fields, Crossval)
