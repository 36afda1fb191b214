"""The types of the scores in `metrics.json` and `crossval.json`, as far as they are read again.

What reports of earlier versions lack may be absent, which is not null.
"""

from typing import Annotated, Literal, NotRequired, TypedDict

import msgspec

from amh_tf import schema, typed

_Utterances = Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]
# A difference of shares.
_Difference = Annotated[float, msgspec.Meta(ge=-1, le=1)]


class Score(TypedDict):
    value: typed.Share
    interval_95: tuple[typed.Share, typed.Share]


class _Chance(TypedDict):
    mean: typed.Share
    range_95: tuple[typed.Share, typed.Share]


class _Accuracies(TypedDict):
    weighted_accuracy: typed.Share
    unweighted_accuracy: typed.Share


class _ChanceAccuracies(TypedDict):
    weighted_accuracy: _Chance
    unweighted_accuracy: _Chance


class _Ceiling(_Accuracies):
    chance: typed.Share
    sentences: _Utterances
    explanation: typed.Text | None


class _Controls(TypedDict):
    majority_class: _Accuracies
    shuffled_labels: _ChanceAccuracies
    text_ceiling: NotRequired[_Ceiling | None]


class _Speaker(_Accuracies):
    speaker: str
    utterances: _Utterances


class _Sex(_Accuracies):
    sex: typed.Text
    utterances: _Utterances


class _Gap(TypedDict):
    score: Literal[schema.SCORES]
    between: tuple[typed.Text, typed.Text]
    value: typed.Share
    interval_95: tuple[_Difference, _Difference] | None


class _PerSex(TypedDict):
    groups: list[_Sex]
    gap: _Gap | None


class Remarks(TypedDict):
    """What a report says of sexes and sentences."""

    controls: NotRequired[_Controls]
    per_sex: NotRequired[_PerSex]


_ClassRow = TypedDict("_ClassRow", {"class": str, "recall": typed.Share})
Scores = TypedDict("Scores", dict.fromkeys(schema.SCORES, Score))


class Report(Remarks, Scores):
    """What `metrics.report` gives for a split."""

    majority_class_rate: typed.Share
    utterances: _Utterances
    per_class: list[_ClassRow]
    interval: NotRequired[str]
    notes: NotRequired[list[str]]
    per_speaker: NotRequired[list[_Speaker]]


BySplit = TypedDict("BySplit", dict.fromkeys(schema.SPLITS, Report), total=False)
