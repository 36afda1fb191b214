"""95 % intervals by the bootstrap: utterances resampled within classes, or whole speakers.

Utterances of one speaker are alike: a speaker whom the model reads well gives many right
answers at once. Resampling utterances leaves that out, and its intervals are far too narrow for
what the reader asks, which is how the model does on other speakers. In a simulation with 5 to 24
speakers of 40 utterances each (speakers' log odds of a right answer with a standard deviation
of 0.6) its 95 % intervals held the true value in 65 to 70 % of the cases. Resampling speakers
gave 83 % with 5 speakers and 93 % with 24; with the tails moved out for the small number of
speakers, as here, 92 % and 95 %.

Reference:
 - Hesterberg, 2015, The American Statistician 69 (4), p. 371: the expanded percentile interval
"""

import dataclasses
import math

import numpy as np
from scipy import stats

from amh_tf import errors
from amh_tf.scores import confusions

DRAWS = 2000
LEVEL = 0.95
# With fewer, the tail that an interval needs is beyond all resampled speakers.
MIN_SPEAKERS = 5
BY_SPEAKER = "speakers resampled"
BY_UTTERANCE = "utterances resampled within classes"
# Numbers in an array of resampled counts; more are drawn in blocks.
_BLOCK = 1 << 22


@dataclasses.dataclass(frozen=True)
class Interval:
    """A score with its interval, as shares from 0 to 1.

    Attributes:
        value: The score.
        low, high: Bounds of its 95 % interval.
    """

    value: float
    low: float
    high: float


def by_utterance(confusion, level=LEVEL, draws=DRAWS, seed=0):
    """Computes percentile bootstrap intervals of every score over the utterances.

    Utterances are drawn with replacement within each true class, so that a rare class is
    never lost, which would change what the unweighted accuracy is a mean of. Drawing them is
    drawing a row of the confusion matrix from a multinomial; no utterance is touched.

    Args:
        confusion: Counts of shape `(classes, classes)`.
        level: Coverage of the interval.
        draws: Number of resampled test sets.
        seed: Seed of the draws.

    Returns:
        Dict from each name in `schema.SCORES` to (low, high).
    """
    confusion = np.asarray(confusion)
    rng = np.random.default_rng(seed)
    counts = np.zeros((draws, 3, len(confusion)))
    right, support, predicted = np.moveaxis(counts, 1, 0)
    for number, row in enumerate(confusion):  # a row at a time: there may be many classes
        sample = rng.multinomial(row.sum(), row / max(row.sum(), 1), size=draws)
        right[:, number], support[:, number] = sample[:, number], row.sum()
        predicted += sample
    tails = [(1 - level) / 2, (1 + level) / 2]
    return _bounds(confusions.scores_of_marginals(counts), tails)


def by_speaker(speaker_confusions, level=LEVEL, draws=DRAWS, seed=0):
    """Computes bootstrap intervals of every score over the speakers.

    Speakers are drawn with replacement, each with all of their utterances. A draw that misses a
    class has a mean over the classes that are left, as `confusions.scores` says.

    Args:
        speaker_confusions: Counts of shape `(speakers, classes, classes)`; at least one
            utterance of each speaker.
        level: Coverage of the interval.
        draws: Number of resampled test sets.
        seed: Seed of the draws.

    Returns:
        Dict from each name in `schema.SCORES` to (low, high).

    Raises:
        ValueError: If there are fewer than two speakers.
    """
    counts = confusions.marginals(speaker_confusions)
    resampled = confusions.scores_of_marginals(resample(counts, draws, seed))
    return _bounds(resampled, tails(len(counts), level))


def resample(counts, draws=DRAWS, seed=0):
    """Draws speakers with replacement and adds up what was counted of each.

    Args:
        counts: Integer array of shape `(speakers, ...)`.
        draws: Number of resampled sets of speakers.
        seed: Seed of the draws.

    Returns:
        Sums of shape `(draws, ...)`, in float64.
    """
    counts = np.asarray(counts)
    flat = counts.reshape(len(counts), -1).astype(float)  # whole numbers below 2 ** 53 are exact
    rng = np.random.default_rng(seed)
    share = np.full(len(counts), 1 / len(counts))
    sums, remaining = [], draws
    while remaining:
        size = min(remaining, max(_BLOCK // len(counts), 1))
        sums.append(rng.multinomial(len(counts), share, size=size) @ flat)
        remaining -= size
    return np.concatenate(sums).reshape(draws, *counts.shape[1:])


def tails(num_speakers, level=LEVEL):
    """Returns the two quantiles of the resampled scores that bound an interval.

    They are further out than (1 - level) / 2: the bootstrap's spread is too small by
    sqrt((n - 1) / n), and few speakers ask for Student's t instead of the normal.

    Args:
        num_speakers: Number of speakers, at least two.
        level: Coverage of the interval.

    Raises:
        ValueError: If there are fewer than two speakers.
    """
    if num_speakers < 2:
        raise errors.refusal(
            "Speakers cannot be resampled", "at least two", f"num_speakers={num_speakers}"
        )
    distance = stats.t.ppf((1 + level) / 2, num_speakers - 1)
    low = float(stats.norm.cdf(-distance * math.sqrt(num_speakers / (num_speakers - 1))))
    return [low, 1 - low]


def share_without_a_class(speaker_confusions):
    """Bounds the share of resampled sets of speakers that miss a class.

    Args:
        speaker_confusions: Counts of shape `(speakers, classes, classes)`.

    Returns:
        The sum over the classes that occur of (1 - speakers who show it / speakers) ** speakers,
        at most 1.
    """
    present = np.asarray(speaker_confusions).sum(axis=-1) > 0  # (speakers, classes)
    by_class = present.mean(axis=0)
    return float(min(((1 - by_class[by_class > 0]) ** len(present)).sum(), 1))


def _bounds(resampled, quantiles):
    return {
        name: tuple(float(bound) for bound in np.quantile(values, quantiles))
        for name, values in resampled.items()
    }
