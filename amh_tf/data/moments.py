"""Means and deviations of features, gathered while a data set is written.

The writer keeps them for each speaker of each part, so that any fold's training part, and any
speaker, has its own without another pass over the records.
"""

import dataclasses

import numpy as np

from amh_tf import errors
from amh_tf.data import utterances

# The modalities that models standardize. Vectors of a text are taken as their encoder gives them.
MODALITIES = ("audio", "video")
# A dimension that deviates less, relative to its mean, does not vary: this is its rounding.
_ROUNDING = 1e-6


@dataclasses.dataclass(frozen=True)
class Moments:
    """Mean and deviation of every dimension over some steps.

    Attributes:
        count: Number of steps.
        mean: `(width,)` float64.
        squares: Sum of squared distances from the mean, `(width,)` float64.
    """

    count: int
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, steps: np.ndarray) -> "Moments":
        """Takes the moments of `(time, width)`; time may be 0."""
        if not len(steps):
            return cls.none(steps.shape[1])
        steps = np.asarray(steps, np.float64)
        mean = steps.mean(axis=0)
        return cls(len(steps), mean, np.square(steps - mean).sum(axis=0))

    @classmethod
    def none(cls, width: int) -> "Moments":
        """Returns those of no steps at all."""
        return cls(0, np.zeros(width), np.zeros(width))

    def __add__(self, other: "Moments") -> "Moments":
        """Joins those of two sets of steps (Chan, Golub and LeVeque, 1979)."""
        count = self.count + other.count
        if not count:
            return self
        apart = other.mean - self.mean
        share = other.count / count
        return Moments(
            count,
            self.mean + apart * share,
            self.squares + other.squares + np.square(apart) * (self.count * share),
        )

    def deviation(self) -> np.ndarray:
        """Returns the standard deviation, `(width,)`; exactly 0 where nothing varies."""
        deviation = np.sqrt(self.squares / max(self.count, 1))
        return np.where(deviation > _ROUNDING * np.abs(self.mean), deviation, 0.0)


class Gatherer:
    """Gathers the moments of a data set that is being written.

    Args:
        widths: Dict of the width of a step of "audio" and "video".
    """

    def __init__(self, widths: dict):
        self._widths = widths
        self._cells = {}

    def add(self, cell: tuple, utterance) -> None:
        """Adds an utterance of a (part, speaker)."""
        moments = self._cells.setdefault(
            cell, {m: Moments.none(self._widths[m]) for m in MODALITIES}
        )
        for modality in MODALITIES:
            moments[modality] += Moments.of(getattr(utterance, modality))

    def table(self) -> np.ndarray:
        """Returns one row for each cell, as `of_cells` reads it, in the order they came."""
        rows = [
            np.concatenate([[m.count, *m.mean, *m.squares] for m in cell.values()])
            for cell in self._cells.values()
        ]
        return np.stack(rows).astype(np.float32)


def row_width(widths: dict) -> int:
    """Returns the number of columns of the table."""
    return sum(1 + 2 * widths[modality] for modality in MODALITIES)


def of_cells(manifest, modality: str) -> dict:
    """Reads the moments of every (part, speaker) of a data set.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        modality: "audio" or "video".

    Returns:
        Dict from (part, speaker) to `Moments`.

    Raises:
        ValueError: If the data set was written by a version that did not note them, or the
            file is damaged.
    """
    if manifest.moments_file is None:
        raise errors.refusal(
            f"{str(manifest.location)!r} does not hold what features are standardized by",
            "a data folder of this version",
            "one of an earlier version",
            "Prepare it again, or train with --standardize=none.",
        )
    cells = utterances.cells(utterances.read(manifest))
    with np.errstate(invalid="ignore"):  # what is not a number is found below
        table = manifest.moments(len(cells), row_width(manifest.widths)).astype(np.float64)
    start = 0
    for before in MODALITIES[: MODALITIES.index(modality)]:
        start += 1 + 2 * manifest.widths[before]
    width = manifest.widths[modality]
    columns = table[:, start : start + 1 + 2 * width]
    if (
        not np.isfinite(columns).all()
        or (columns[:, [0, *range(1 + width, 1 + 2 * width)]] < 0).any()
    ):
        raise errors.refusal(
            f"{str(manifest.path(manifest.moments_file))!r} is damaged",
            "counts, means and sums of squares",
            "impossible numbers",
            "Prepare the data set again.",
        )
    return {
        cell: Moments(int(row[0]), row[1 : 1 + width], row[1 + width :])
        for cell, row in zip(cells, columns)
    }


def of_train(fold, modality: str) -> Moments:
    """Returns the moments of a fold's training part."""
    parts = fold.parts("train")
    total = Moments.none(fold.manifest.widths[modality])
    for (part, _), moments in of_cells(fold.manifest, modality).items():
        if part in parts:
            total += moments
    return total


def of_speakers(manifest, modality: str) -> dict:
    """Returns the moments of every speaker, over all parts.

    Raises:
        ValueError: If an utterance has no speaker, besides what `of_cells` raises.
    """
    totals = {}
    for (_, speaker), moments in of_cells(manifest, modality).items():
        totals[speaker] = totals[speaker] + moments if speaker in totals else moments
    if "" in totals:
        raise errors.refusal(
            f"The {manifest.name} does not say who speaks in every utterance",
            "a speaker for each under --standardize=speaker",
            "utterances without",
            "Train with --standardize=global, or prepare the data set with speakers.",
        )
    return totals
