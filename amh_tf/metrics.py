"""Scores under their own names, with intervals.

Everything is computed from a confusion matrix with the true class in rows and the predicted
class in columns. Over the classes k, with n_k utterances of class k among n:

- weighted accuracy (WA): right utterances / n, plain accuracy;
- unweighted accuracy (UA): mean over classes of the recall;
- weighted precision: sum over k of n_k / n * precision of k, which the paper's tables report;
- macro precision: mean over classes of the precision;
- weighted F1 and macro F1, likewise.

Means are over the classes that occur, in the labels or, for precision and F1, in the
predictions. The precision of a class that is never predicted is 0.
"""

import numpy as np
from sklearn import metrics as sklearn_metrics

BOOTSTRAP_DRAWS = 2000


def confusion_matrix(labels, predictions, num_classes):
    """Counts utterances by true class (row) and predicted class (column).

    Returns:
        Integer array of shape `(num_classes, num_classes)`.
    """
    return sklearn_metrics.confusion_matrix(labels, predictions, labels=np.arange(num_classes))


def _ratio(numerator, denominator):
    return np.divide(
        numerator,
        denominator,
        out=np.zeros(np.broadcast(numerator, denominator).shape),
        where=denominator > 0,
    )


def class_scores(confusion):
    """Computes each class' precision, recall and F1.

    Args:
        confusion: Counts of shape `(..., classes, classes)`.

    Returns:
        Dict of `precision`, `recall`, `f1`, `support` and `predicted`, each
        `(..., classes)`.
    """
    confusion = np.asarray(confusion, float)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    support = confusion.sum(axis=-1)
    predicted = confusion.sum(axis=-2)
    return {
        "precision": _ratio(right, predicted),
        "recall": _ratio(right, support),
        "f1": _ratio(2 * right, support + predicted),
        "support": support,
        "predicted": predicted,
    }


def scores(confusion):
    """Computes the scores of a confusion matrix, or of many at once.

    Args:
        confusion: Counts of shape `(..., classes, classes)`; at least one utterance.

    Returns:
        Dict from each name in `schema.SCORES` to an array of shape `(...)`.
    """
    per_class = class_scores(confusion)
    support = per_class["support"]
    total = support.sum(axis=-1, keepdims=True)
    present = support > 0
    occurring = present | (per_class["predicted"] > 0)

    def mean(values, among):
        return (values * among).sum(axis=-1) / among.sum(axis=-1)

    def weighted(values):
        return (values * support / total).sum(axis=-1)

    return {
        "weighted_accuracy": weighted(per_class["recall"]),
        "unweighted_accuracy": mean(per_class["recall"], present),
        "weighted_precision": weighted(per_class["precision"]),
        "macro_precision": mean(per_class["precision"], occurring),
        "weighted_f1": weighted(per_class["f1"]),
        "macro_f1": mean(per_class["f1"], occurring),
    }


def bootstrap_intervals(confusion, level=0.95, draws=BOOTSTRAP_DRAWS, seed=0):
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
    rng = np.random.default_rng(seed)
    rows = [
        rng.multinomial(row.sum(), row / max(row.sum(), 1), size=draws)
        for row in np.asarray(confusion)
    ]
    resampled = scores(np.stack(rows, axis=1))
    tails = [(1 - level) / 2, (1 + level) / 2]
    return {
        name: tuple(float(bound) for bound in np.quantile(values, tails))
        for name, values in resampled.items()
    }


def cross_entropy(labels, probabilities):
    """Returns the mean negative log-likelihood of the true classes, in nats."""
    chosen = np.asarray(probabilities)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, np.finfo(np.float32).tiny)).mean())


def report(labels, probabilities, classes):
    """Scores one split, as `metrics.json` holds it.

    Args:
        labels: Class ids of shape `(utterances,)`; at least one.
        probabilities: Array of shape `(utterances, classes)`.
        classes: Class names.

    Returns:
        Dict of JSON values: `utterances`, `majority_class_rate`, `loss`, each score as a dict
        of `value` and `interval_95`, `confusion_matrix`, and `per_class`.
    """
    labels = np.asarray(labels)
    confusion = confusion_matrix(labels, np.argmax(probabilities, axis=1), len(classes))
    intervals = bootstrap_intervals(confusion)
    per_class = class_scores(confusion)
    return {
        "utterances": len(labels),
        "majority_class_rate": float(confusion.sum(axis=1).max() / len(labels)),
        "loss": cross_entropy(labels, probabilities),
        **{
            name: {"value": float(value), "interval_95": list(intervals[name])}
            for name, value in scores(confusion).items()
        },
        "confusion_matrix": confusion.tolist(),
        "per_class": [
            {
                "class": name,
                "utterances": int(per_class["support"][index]),
                "precision": float(per_class["precision"][index]),
                "recall": float(per_class["recall"][index]),
                "f1": float(per_class["f1"][index]),
            }
            for index, name in enumerate(classes)
        ],
    }
