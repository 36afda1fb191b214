"""Scores of confusion matrices: true class in rows, predicted class in columns.

Over the classes k, with n_k utterances of class k among n:

- weighted accuracy (WA, also called WAR, weighted average recall): right utterances / n, plain
  accuracy;
- unweighted accuracy (UA, also called UAR, unweighted average recall, or macro recall): mean
  over classes of the recall;
- weighted precision: sum over k of n_k / n * precision of k, which the paper's tables report;
- macro precision: mean over classes of the precision;
- weighted F1 and macro F1, likewise.

Means are over the classes that occur, in the labels or, for precision and F1, in the
predictions. The precision of a class that is never predicted is 0.
"""

import numpy as np
from sklearn import metrics as sklearn_metrics


def confusion_matrix(labels, predictions, num_classes):
    """Counts utterances by true class (row) and predicted class (column).

    Returns:
        Integer array of shape `(num_classes, num_classes)`.
    """
    return sklearn_metrics.confusion_matrix(labels, predictions, labels=np.arange(num_classes))


def grouped(labels, predictions, groups, num_classes) -> tuple[list, np.ndarray]:
    """Counts one confusion matrix for each group of utterances, such as each speaker.

    Args:
        labels: Class ids of shape `(utterances,)`.
        predictions: Class ids of shape `(utterances,)`.
        groups: The name of each utterance's group, `(utterances,)`.
        num_classes: Number of classes.

    Returns:
        The names of the groups, sorted, and counts of shape `(groups, classes, classes)`.
    """
    names, numbers = np.unique(np.asarray(groups, object).astype(str), return_inverse=True)
    counts = np.zeros((len(names), num_classes, num_classes), np.int64)
    np.add.at(counts, (numbers, np.asarray(labels), np.asarray(predictions)), 1)
    return names.tolist(), counts


def _ratio(numerator, denominator):
    return np.divide(
        numerator,
        denominator,
        out=np.zeros(np.broadcast(numerator, denominator).shape),
        where=denominator > 0,
    )


def marginals(confusion) -> np.ndarray:
    """Counts of each class what all scores are made of.

    Args:
        confusion: Counts of shape `(..., classes, classes)`.

    Returns:
        Utterances of the class that were recognized, that there are, and that were predicted as
        the class, `(..., 3, classes)`.
    """
    confusion = np.asarray(confusion)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.stack([right, confusion.sum(axis=-1), confusion.sum(axis=-2)], axis=-2)


def class_scores(confusion):
    """Computes each class' precision, recall and F1.

    Args:
        confusion: Counts of shape `(..., classes, classes)`.

    Returns:
        Dict of `precision`, `recall`, `f1`, `support` and `predicted`, each
        `(..., classes)`.
    """
    return _class_scores(marginals(confusion))


def _class_scores(counts):
    right, support, predicted = np.moveaxis(np.asarray(counts, float), -2, 0)
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
    return scores_of_marginals(marginals(confusion))


def scores_of_marginals(counts):
    """Computes the scores of `marginals`, `(..., 3, classes)`, as `scores` does."""
    per_class = _class_scores(counts)
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
