"""Intervals by speaker, against loops that touch every utterance."""

import tracemalloc

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from amh_tf import schema
from amh_tf.scores import confusions, resampling

RNG = np.random.default_rng(3)
SPEAKERS = RNG.integers(0, 8, 240)
LABELS = RNG.integers(0, 4, 240)
# Some speakers are read well, others badly.
EASE = np.linspace(0.2, 0.9, 8)[SPEAKERS]
PREDICTIONS = np.where(RNG.random(240) < EASE, LABELS, RNG.integers(0, 4, 240))


def by_speaker():
    return confusions.grouped(LABELS, PREDICTIONS, SPEAKERS, 4)[1]


def test_matrices_of_groups_are_scikit_learns():
    names, counts = confusions.grouped(LABELS, PREDICTIONS, SPEAKERS, 4)
    assert names == [str(number) for number in range(8)]
    for number in range(8):
        own = number == SPEAKERS
        expected = sklearn_metrics.confusion_matrix(LABELS[own], PREDICTIONS[own], labels=range(4))
        np.testing.assert_array_equal(counts[number], expected)


def test_tails_worked_out_by_hand():
    # Student's t with 4 degrees of freedom: 2.776; times sqrt(5 / 4): 3.104 standard deviations.
    low, high = resampling.tails(5)
    assert low == pytest.approx(stats.norm.sf(3.104), rel=2e-3)
    assert low + high == 1
    assert resampling.tails(100_000)[0] == pytest.approx(0.025, abs=1e-4)


@pytest.mark.parametrize("speakers", [0, 1])
def test_too_few_speakers_are_refused(speakers):
    with pytest.raises(ValueError, match=r"at least two.*num_speakers="):
        resampling.tails(speakers)


def test_intervals_agree_with_resampling_speakers_and_their_utterances():
    computed = resampling.by_speaker(by_speaker(), draws=6000)
    rows = [np.flatnonzero(number == SPEAKERS) for number in range(8)]
    drawn = [np.concatenate([rows[i] for i in RNG.integers(0, 8, 8)]) for _ in range(3000)]
    expected = {
        "weighted_accuracy": [np.mean(LABELS[d] == PREDICTIONS[d]) for d in drawn],
        "unweighted_accuracy": [
            np.mean([np.mean(PREDICTIONS[d][LABELS[d] == k] == k) for k in range(4)]) for d in drawn
        ],
    }
    # The t of 7 degrees of freedom, 2.365, times sqrt(8 / 7), as a tail of the normal.
    low = stats.norm.sf(2.365 * np.sqrt(8 / 7))
    for name, values in expected.items():
        bounds = np.quantile(values, [low, 1 - low])
        np.testing.assert_allclose(computed[name], bounds, atol=0.02, err_msg=name)
    assert set(computed) == set(schema.SCORES)


def test_speakers_give_wider_intervals_than_their_utterances():
    wide = resampling.by_speaker(by_speaker())["weighted_accuracy"]
    narrow = resampling.by_utterance(by_speaker().sum(axis=0))["weighted_accuracy"]
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_blocks_draw_as_many_sets_as_asked(monkeypatch):
    whole = resampling.resample(by_speaker(), draws=50, seed=4)
    assert whole.shape == (50, 4, 4)
    monkeypatch.setattr(resampling, "_BLOCK", 8 * 7)
    blocks = resampling.resample(by_speaker(), draws=50, seed=4)
    np.testing.assert_array_equal(blocks, whole)


def test_draws_are_sums_of_eight_speakers():
    single = np.zeros((8, 1), int) + 3
    assert (resampling.resample(single, draws=20) == 24).all()


def test_share_without_a_class_is_that_of_the_draws():
    # Six speakers: all show class 0, two class 1, nobody class 2.
    counts = np.zeros((6, 3, 3), int)
    counts[:, 0, 0] = 4
    counts[:2, 1, 1] = 1
    missed = (resampling.resample(counts, draws=5000)[:, 1].sum(axis=-1) == 0).mean()
    assert resampling.share_without_a_class(counts) == pytest.approx((4 / 6) ** 6)
    assert missed == pytest.approx((4 / 6) ** 6, abs=0.02)


def test_intervals_by_speaker_hold_the_truth_about_as_often_as_they_say():
    # Speakers' log odds of a right answer: mean 0.4, standard deviation 0.6, as in the docstring.
    rng = np.random.default_rng(5)

    def rates(count):
        return 1 / (1 + np.exp(-rng.normal(0.4, 0.6, count)))

    truth = rates(200_000).mean()
    held = {resampling.by_speaker: 0, resampling.by_utterance: 0}
    for _ in range(300):
        right = rng.binomial(40, rates(8))
        counts = np.zeros((8, 2, 2), int)
        counts[:, 0, 0], counts[:, 0, 1] = right, 40 - right
        for intervals, given in (
            (resampling.by_speaker, counts),
            (resampling.by_utterance, counts.sum(axis=0)),
        ):
            low, high = intervals(given, draws=500)["weighted_accuracy"]
            held[intervals] += low <= truth <= high
    assert held[resampling.by_speaker] / 300 == pytest.approx(0.93, abs=0.05)
    assert held[resampling.by_utterance] / 300 == pytest.approx(0.66, abs=0.09)


@pytest.mark.parametrize("classes", [8, 256])
def test_many_classes_take_memory_in_proportion(classes):
    rng = np.random.default_rng(0)
    confusion = rng.integers(0, 3, (classes, classes))
    tracemalloc.start()
    found = resampling.by_utterance(confusion, draws=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 * 1000 * classes  # bytes a draw and a class, and no square of the classes
    accuracy = np.trace(confusion) / confusion.sum()
    assert found["weighted_accuracy"][0] < accuracy < found["weighted_accuracy"][1]


def test_scores_of_many_matrices_at_once_are_scikit_learn_s():
    rng = np.random.default_rng(1)
    matrices = rng.integers(0, 9, (20, 5, 5))
    matrices[0, :, 2] = matrices[0, 2] = 0  # a class that does not occur
    found = confusions.scores_of_marginals(confusions.marginals(matrices))
    for number, matrix in enumerate(matrices):
        labels, predictions = np.divmod(np.repeat(np.arange(25), matrix.ravel()), 5)
        for name, score in (
            ("macro_f1", sklearn_metrics.f1_score(labels, predictions, average="macro")),
            ("weighted_f1", sklearn_metrics.f1_score(labels, predictions, average="weighted")),
            ("weighted_accuracy", sklearn_metrics.accuracy_score(labels, predictions)),
            ("unweighted_accuracy", sklearn_metrics.balanced_accuracy_score(labels, predictions)),
        ):
            assert found[name][number] == pytest.approx(score)
