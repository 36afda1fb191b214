"""Negative controls: what is reached without knowing the emotion.

A score means something only beside what comes of nothing: of naming the largest class always, of
the model's own answers dealt out to the wrong utterances, and of the sentence alone where a
corpus has every sentence said in every class.
"""

import numpy as np
from scipy import stats

from amh_tf import schema
from amh_tf.scores import confusions

PERMUTATIONS = 1000
# A sentence that gives no more than this above chance says almost nothing about the class.
NEAR_CHANCE = 0.05


def majority_class(confusion) -> dict:
    """Scores naming the largest class always.

    Args:
        confusion: Counts of shape `(classes, classes)`, true class in rows.

    Returns:
        Dict of `weighted_accuracy` (the share of that class) and `unweighted_accuracy` (1 over
        the number of classes that occur).
    """
    support = np.asarray(confusion).sum(axis=1)
    return {
        "weighted_accuracy": float(support.max() / support.sum()),
        "unweighted_accuracy": float(1 / np.count_nonzero(support)),
    }


def shuffled_labels(confusion, permutations=PERMUTATIONS, seed=0) -> dict:
    """Scores the model's answers against labels that are permuted among the utterances.

    This is the chance level of these very predictions: how often each class is predicted stays.
    A permutation leaves both margins of the confusion matrix as they are, so the tables are drawn
    with fixed margins, and no utterance is touched.

    Args:
        confusion: Counts of shape `(classes, classes)`, true class in rows.
        permutations: How many permutations to draw.
        seed: Seed of the draws.

    Returns:
        Dict of `permutations` and, for each name in `schema.SCORES`, a dict of `mean` and
        `range_95`: the bounds that hold 95 % of the permutations.
    """
    counts = np.asarray(confusion)
    tables = stats.random_table.rvs(
        counts.sum(axis=1),
        counts.sum(axis=0),
        size=permutations,
        random_state=np.random.default_rng(seed),
    )
    values = confusions.scores(tables)
    return {
        "permutations": permutations,
        **{
            name: {
                "mean": float(values[name].mean()),
                "range_95": [float(b) for b in np.quantile(values[name], [0.025, 0.975])],
            }
            for name in schema.SCORES
        },
    }


def text_ceiling(labels, sentences, num_classes) -> dict | None:
    """Computes the best scores that knowing the sentence, and nothing else, can give.

    Each sentence gets one answer, the one that these very labels favour: for WA its largest
    class, for UA the class of which it holds the largest share. No model that reads the words
    alone does better on these utterances. Where no sentence is said twice the bound is 1 and
    says nothing.

    Args:
        labels: Class ids of shape `(utterances,)`.
        sentences: What is said in each, `(utterances,)`; "" where it is unknown.
        num_classes: Number of classes.

    Returns:
        Dict of `sentences` (how many differ), `weighted_accuracy`, `unweighted_accuracy`,
        `chance` (the UA of a single answer), and `explanation`, None unless the UA is within
        `NEAR_CHANCE` of it. None where the sentence of an utterance is unknown.
    """
    if "" in sentences:
        return None
    names, numbers = np.unique(np.asarray(sentences, object).astype(str), return_inverse=True)
    counts = np.zeros((len(names), num_classes), np.int64)
    np.add.at(counts, (numbers, np.asarray(labels)), 1)
    support = counts.sum(axis=0)
    present = support > 0
    recalls = counts[:, present] / support[present]
    best = float(recalls.max(axis=1).sum() / present.sum())
    chance = float(1 / present.sum())
    explanation = None
    if best <= chance + NEAR_CHANCE:
        amount = "1 sentence" if len(names) == 1 else f"{len(names)} sentences"
        explanation = (
            f"{len(labels)} utterances say {amount}, each in the classes about equally often: the "
            f"words hardly tell the class. Knowing the sentence alone gives a UA of at most "
            f"{best:.3f}; chance is {chance:.3f}. No model on text alone does better here."
        )
    return {
        "sentences": len(names),
        "weighted_accuracy": float(counts.max(axis=1).sum() / len(numbers)),
        "unweighted_accuracy": best,
        "chance": chance,
        "explanation": explanation,
    }


def all_controls(confusion, labels, sentences=None) -> dict:
    """Gathers the controls of a report.

    Args:
        confusion: Counts of shape `(classes, classes)`, true class in rows.
        labels: Class ids of shape `(utterances,)`.
        sentences: What is said in each utterance, or None.

    Returns:
        Dict of `majority_class`, `shuffled_labels` and, where sentences are known,
        `text_ceiling`.
    """
    results = {
        "majority_class": majority_class(confusion),
        "shuffled_labels": shuffled_labels(confusion),
    }
    ceiling = None if sentences is None else text_ceiling(labels, sentences, len(confusion))
    return results if ceiling is None else {**results, "text_ceiling": ceiling}
