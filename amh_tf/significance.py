"""Whether one model is better than another, on the utterances that both predicted.

The tests are paired: each utterance is its own control. They take the trained models as they
are and the utterances as independent; how far another seed would lead is not in them.
"""

import dataclasses

import numpy as np
from scipy import stats

from amh_tf import metrics


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
    """

    utterances: int
    first_only: int
    second_only: int
    p_value: float
    weighted_accuracy: Difference
    unweighted_accuracy: Difference


def compare(first, second, names=("the first", "the second"), seed=0):
    """Compares two models.

    Args:
        first, second: Dict from an utterance's id to its (label, prediction).
        names: What to call the two in messages.
        seed: Seed of the bootstrap.

    Returns:
        `Comparison`.

    Raises:
        ValueError: If the two share no utterance, or disagree on the label of one.
    """
    labels, first_right, second_right = _pair(first, second, names)
    first_only = int((first_right & ~second_right).sum())
    second_only = int((second_right & ~first_right).sum())
    intervals = bootstrap_differences(labels, first_right, second_right, seed=seed)
    return Comparison(
        utterances=len(labels),
        first_only=first_only,
        second_only=second_only,
        p_value=mcnemar(first_only, second_only),
        **intervals,
    )


def _pair(first, second, names):
    """Lines up what both predicted: labels, and whether each was right; (utterances,)."""
    common = [utterance for utterance in first if utterance in second]
    if not common:
        raise ValueError(
            f"{names[0]} and {names[1]} share no utterance. Expected predictions for the same "
            f"ids. Received: {len(first)} and {len(second)} ids, none in common. Compare models "
            "that were scored on the same data."
        )
    for utterance in common:
        if first[utterance][0] != second[utterance][0]:
            raise ValueError(
                f"{names[0]} and {names[1]} disagree on the label of {utterance!r}. Expected one "
                f"data set. Received: {first[utterance][0]!r} and {second[utterance][0]!r}. "
                "Compare models that were scored on the same data."
            )
    _, labels = np.unique([first[utterance][0] for utterance in common], return_inverse=True)
    rights = [
        np.array([rows[utterance][0] == rows[utterance][1] for utterance in common])
        for rows in (first, second)
    ]
    return labels, *rights


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
    labels, first_right, second_right, level=0.95, draws=metrics.BOOTSTRAP_DRAWS, seed=0
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
    drawn = rng.multinomial(sizes, counts / sizes[:, None], size=(draws, len(sizes)))

    def differences(resampled):  # (..., class, 3) to two arrays (...)
        gained = resampled[..., 2] - resampled[..., 0]
        return {
            "weighted_accuracy": gained.sum(axis=-1) / sizes.sum(),
            "unweighted_accuracy": (gained / sizes).mean(axis=-1),
        }

    values, spread = differences(counts), differences(drawn)
    tails = [(1 - level) / 2, (1 + level) / 2]
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
