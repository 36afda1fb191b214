"""Whether one model is better than another, on the utterances that both predicted.

The tests are paired: each utterance is its own control. They take the trained models as they
are; how far another seed would lead is not in them. The intervals resample speakers where these
are known, as `resampling` says; McNemar's test takes the utterances as independent always.
"""

import dataclasses

import numpy as np
from scipy import stats

from amh_tf import errors
from amh_tf.scores import resampling


@dataclasses.dataclass(frozen=True)
class Difference:
    """A first model's score minus a second one's.

    Attributes:
        value: The difference, in shares from -1 to 1.
        low, high: Bounds of its 95 % interval.
    """

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two models on the utterances that both predicted.

    Attributes:
        utterances: How many these are.
        first_only, second_only: Utterances that only the first, or only the second, got right.
        p_value: Of the exact McNemar test, two-sided.
        weighted_accuracy, unweighted_accuracy: `Difference`, first minus second.
        interval: What their intervals resample, `resampling.BY_SPEAKER` or `BY_UTTERANCE`.
    """

    utterances: int
    first_only: int
    second_only: int
    p_value: float
    weighted_accuracy: Difference
    unweighted_accuracy: Difference
    interval: str = resampling.BY_UTTERANCE


def compare(first, second, names=("the first", "the second"), seed=0, speakers=None):
    """Compares two models.

    Args:
        first, second: Dict from an utterance's id to its (label, prediction).
        names: What to call the two in messages.
        seed: Seed of the bootstrap.
        speakers: Dict from an utterance's id to who speaks, or None. Speakers are resampled if
            that of every utterance is known, and there are `resampling.MIN_SPEAKERS` of them.

    Returns:
        `Comparison`.

    Raises:
        ValueError: If the two share no utterance, or disagree on the label of one.
    """
    common, labels, first_right, second_right = _pair(first, second, names)
    first_only = int((first_right & ~second_right).sum())
    second_only = int((second_right & ~first_right).sum())
    voices = np.array([(speakers or {}).get(utterance, "") for utterance in common])
    if (voices != "").all() and len(np.unique(voices)) >= resampling.MIN_SPEAKERS:
        method = resampling.BY_SPEAKER
        intervals = speaker_differences(labels, first_right, second_right, voices, seed=seed)
    else:
        method = resampling.BY_UTTERANCE
        intervals = bootstrap_differences(labels, first_right, second_right, seed=seed)
    return Comparison(
        utterances=len(labels),
        first_only=first_only,
        second_only=second_only,
        p_value=mcnemar(first_only, second_only),
        interval=method,
        **intervals,
    )


def _pair(first, second, names):
    """Lines up what both predicted: ids, labels, whether each was right; (utterances,)."""
    common = [utterance for utterance in first if utterance in second]
    if not common:
        raise errors.refusal(
            f"{names[0]} and {names[1]} share no utterance",
            "predictions for the same ids",
            f"{len(first)} and {len(second)} ids, none in common",
            "Compare models that were scored on the same data.",
        )
    for utterance in common:
        if first[utterance][0] != second[utterance][0]:
            raise errors.refusal(
                f"{names[0]} and {names[1]} disagree on the label of {utterance!r}",
                "one data set",
                f"{first[utterance][0]!r} and {second[utterance][0]!r}",
                "Compare models that were scored on the same data.",
            )
    _, labels = np.unique([first[utterance][0] for utterance in common], return_inverse=True)
    rights = [
        np.array([rows[utterance][0] == rows[utterance][1] for utterance in common])
        for rows in (first, second)
    ]
    return common, labels, *rights


def mcnemar(first_only, second_only):
    """Tests whether two models are right equally often: the exact McNemar test, two-sided.

    Args:
        first_only: Utterances that only the first model got right.
        second_only: Utterances that only the second model got right.

    Returns:
        The p-value; 1 where the models never differ.
    """
    discordant = first_only + second_only
    return float(stats.binomtest(first_only, discordant, 0.5).pvalue) if discordant else 1.0


def bootstrap_differences(
    labels, first_right, second_right, level=resampling.LEVEL, draws=resampling.DRAWS, seed=0
):
    """Computes percentile bootstrap intervals of the differences in accuracy.

    Utterances are drawn with replacement within each true class, both models' answers
    together. Only three kinds of utterance matter within a class: the first model alone is
    right, the second alone, or neither differs; drawing utterances is drawing their counts
    from a multinomial.

    Args:
        labels: Class ids of shape `(utterances,)`.
        first_right, second_right: Bool of shape `(utterances,)`.
        level: Coverage of the interval.
        draws: Number of resampled test sets.
        seed: Seed of the draws.

    Returns:
        Dict of `weighted_accuracy` and `unweighted_accuracy`, each a `Difference`.
    """
    gains = np.asarray(first_right, int) - np.asarray(second_right, int)
    _, labels = np.unique(labels, return_inverse=True)
    counts = np.zeros((labels.max() + 1, 3), int)  # (class, second alone / no difference / first)
    np.add.at(counts, (labels, gains + 1), 1)
    sizes = counts.sum(axis=1)
    rng = np.random.default_rng(seed)
    samples = rng.multinomial(sizes, counts / sizes[:, None], size=(draws, len(sizes)))

    def differences(resampled):  # (..., class, 3) to two arrays (...)
        gained = resampled[..., 2] - resampled[..., 0]
        return {
            "weighted_accuracy": gained.sum(axis=-1) / sizes.sum(),
            "unweighted_accuracy": (gained / sizes).mean(axis=-1),
        }

    tails = [(1 - level) / 2, (1 + level) / 2]
    return _with_bounds(differences(counts), differences(samples), tails)


def speaker_differences(
    labels,
    first_right,
    second_right,
    speakers,
    level=resampling.LEVEL,
    draws=resampling.DRAWS,
    seed=0,
):
    """Computes bootstrap intervals of the differences in accuracy over the speakers.

    Speakers are drawn with replacement, each with all of their utterances and both models'
    answers. In a draw that misses a class the mean is over those that are left.

    Args:
        labels: Class ids of shape `(utterances,)`.
        first_right, second_right: Bool of shape `(utterances,)`.
        speakers: Who speaks, `(utterances,)`; at least two.
        level: Coverage of the interval.
        draws: Number of resampled test sets.
        seed: Seed of the draws.

    Returns:
        Dict of `weighted_accuracy` and `unweighted_accuracy`, each a `Difference`.
    """
    gains = np.asarray(first_right, int) - np.asarray(second_right, int)
    _, labels = np.unique(labels, return_inverse=True)
    names, voices = np.unique(speakers, return_inverse=True)
    # (speaker, class, utterances / those that the first model gains)
    counts = np.zeros((len(names), labels.max() + 1, 2), int)
    np.add.at(counts, (voices, labels), np.stack([np.ones_like(gains), gains], axis=-1))

    def differences(sums):  # (..., class, 2) to two arrays (...)
        sizes, gained = sums[..., 0], sums[..., 1]
        present = sizes > 0
        return {
            "weighted_accuracy": gained.sum(axis=-1) / sizes.sum(axis=-1),
            "unweighted_accuracy": (gained / np.maximum(sizes, 1)).sum(axis=-1)
            / present.sum(axis=-1),
        }

    samples = resampling.resample(counts, draws, seed)
    tails = resampling.tails(len(names), level)
    return _with_bounds(differences(counts.sum(axis=0)), differences(samples), tails)


def _with_bounds(values, spread, tails):
    return {
        name: Difference(float(value), *(float(b) for b in np.quantile(spread[name], tails)))
        for name, value in values.items()
    }


def holm(p_values):
    """Corrects p-values for the number of tests, by Holm's method.

    Args:
        p_values: P-values of shape `(tests,)`.

    Returns:
        Corrected p-values of shape `(tests,)`, in the same order.
    """
    p_values = np.asarray(p_values, float)
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    corrected = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    result = np.empty_like(corrected)
    result[order] = corrected
    return result
