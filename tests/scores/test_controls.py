"""What chance gives, against loops and enumeration."""

import itertools

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from amh_tf import schema
from amh_tf.scores import controls, metrics

RNG = np.random.default_rng(1)
LABELS = RNG.choice(3, 120, p=[0.6, 0.3, 0.1])
PREDICTIONS = np.where(RNG.random(120) < 0.7, LABELS, RNG.integers(0, 3, 120))
CONFUSION = metrics.confusion_matrix(LABELS, PREDICTIONS, 3)


def test_majority_class_is_that_of_a_constant_answer():
    constant = np.full(120, np.bincount(LABELS).argmax())
    assert controls.majority_class(CONFUSION) == {
        "weighted_accuracy": pytest.approx(sklearn_metrics.accuracy_score(LABELS, constant)),
        "unweighted_accuracy": pytest.approx(
            sklearn_metrics.balanced_accuracy_score(LABELS, constant)
        ),
    }


def test_class_without_utterances_does_not_lower_chance():
    assert controls.majority_class([[3, 0, 1], [1, 1, 0], [0, 0, 0]]) == {
        "weighted_accuracy": 4 / 6,
        "unweighted_accuracy": 1 / 2,
    }


def test_shuffled_labels_agree_with_permuting_them():
    computed = controls.shuffled_labels(CONFUSION, permutations=4000)
    assert computed["permutations"] == 4000
    rng = np.random.default_rng(2)
    shuffled = [rng.permutation(LABELS) for _ in range(2000)]

    def recall(labels):
        return np.mean([np.mean(PREDICTIONS[labels == k] == k) for k in range(3)])

    functions = {
        "weighted_accuracy": lambda labels: np.mean(labels == PREDICTIONS),
        "unweighted_accuracy": recall,
    }
    for name, function in functions.items():
        values = [function(labels) for labels in shuffled]
        assert computed[name]["mean"] == pytest.approx(np.mean(values), abs=0.006), name
        bounds = np.quantile(values, [0.025, 0.975])
        np.testing.assert_allclose(computed[name]["range_95"], bounds, atol=0.02)
    assert set(schema.SCORES) < set(computed)


def test_mean_over_permutations_is_the_product_of_the_margins():
    # The chance that a random label is k times the chance that an answer is.
    expected = (np.bincount(LABELS) / 120) @ (np.bincount(PREDICTIONS) / 120)
    computed = controls.shuffled_labels(CONFUSION)
    assert computed["weighted_accuracy"]["mean"] == pytest.approx(expected, abs=0.005)
    assert computed["unweighted_accuracy"]["mean"] == pytest.approx(1 / 3, abs=0.005)


def test_sentence_alone_is_the_best_of_all_answers():
    sentences = np.array(["a", "b", "c", "d"])[np.random.default_rng(3).integers(0, 4, 120)]
    found = controls.text_ceiling(LABELS, sentences, 3)
    best = {"weighted_accuracy": 0, "unweighted_accuracy": 0}
    for answers in itertools.product(range(3), repeat=4):
        guessed = [answers["abcd".index(sentence)] for sentence in sentences]
        best["weighted_accuracy"] = max(
            best["weighted_accuracy"], sklearn_metrics.accuracy_score(LABELS, guessed)
        )
        best["unweighted_accuracy"] = max(
            best["unweighted_accuracy"], sklearn_metrics.balanced_accuracy_score(LABELS, guessed)
        )
    assert found["sentences"] == 4
    for name, value in best.items():
        assert found[name] == pytest.approx(value), name


def test_two_sentences_in_every_class_are_chance_and_said_to_be():
    labels = np.repeat(np.arange(8), 4)
    found = controls.text_ceiling(labels, ["kids", "dogs"] * 16, 8)
    # Two of each class with either sentence: an answer gets half of one class.
    assert found["unweighted_accuracy"] == found["chance"] == 1 / 8
    assert found["weighted_accuracy"] == 2 * 2 / 32
    for text in ("32 utterances say 2 sentences", "at most 0.125", "chance is 0.125"):
        assert text in found["explanation"]


def test_sentence_of_its_own_for_each_class_needs_no_explanation():
    labels = np.repeat(np.arange(3), 4)
    found = controls.text_ceiling(labels, [f"sentence {label}" for label in labels], 3)
    assert found["unweighted_accuracy"] == found["weighted_accuracy"] == 1
    assert found["explanation"] is None


def test_unknown_sentence_gives_no_ceiling():
    assert controls.text_ceiling(np.array([0, 1]), ["a", ""], 2) is None
    assert "text_ceiling" not in controls.all_controls(np.eye(2, dtype=int), np.array([0, 1]))
