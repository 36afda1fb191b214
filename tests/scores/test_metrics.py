import json

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from amh_tf import schema
from amh_tf.scores import metrics

RNG = np.random.default_rng(0)
CASES = {
    "usual": (RNG.integers(0, 7, 300), RNG.integers(0, 7, 300)),
    "class_never_predicted": (RNG.integers(0, 7, 300), RNG.integers(0, 5, 300)),
    "class_without_utterances": (RNG.integers(0, 4, 300), RNG.integers(0, 7, 300)),
    "class_in_neither": (RNG.integers(0, 4, 300), RNG.integers(0, 4, 300)),
    "all_right": (np.arange(7), np.arange(7)),
    "one_utterance": (np.array([2]), np.array([3])),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_scores_are_scikit_learns(case):
    labels, predictions = CASES[case]
    confusion = metrics.confusion_matrix(labels, predictions, 7)
    computed = metrics.scores(confusion)
    score = {"zero_division": 0}
    expected = {
        "weighted_accuracy": sklearn_metrics.accuracy_score(labels, predictions),
        "unweighted_accuracy": sklearn_metrics.balanced_accuracy_score(labels, predictions),
        "weighted_precision": sklearn_metrics.precision_score(
            labels, predictions, average="weighted", **score
        ),
        "macro_precision": sklearn_metrics.precision_score(
            labels, predictions, average="macro", **score
        ),
        "weighted_f1": sklearn_metrics.f1_score(labels, predictions, average="weighted", **score),
        "macro_f1": sklearn_metrics.f1_score(labels, predictions, average="macro", **score),
    }
    assert set(computed) == set(expected) == set(schema.SCORES)
    for name, value in expected.items():
        assert computed[name] == pytest.approx(value, abs=1e-12), name


def test_values_worked_out_by_hand():
    # Class 0: 3 of 4 right; class 1: 1 of 1 right; predicted: 3 and 2.
    scores = metrics.scores([[3, 1], [0, 1]])
    assert scores["weighted_accuracy"] == pytest.approx(4 / 5)
    assert scores["unweighted_accuracy"] == pytest.approx((3 / 4 + 1) / 2)
    assert scores["weighted_precision"] == pytest.approx((4 * 1 + 1 * 1 / 2) / 5)
    assert scores["macro_precision"] == pytest.approx((1 + 1 / 2) / 2)


def test_precision_is_not_accuracy():
    scores = metrics.scores([[8, 2, 0], [5, 5, 0], [1, 1, 8]])
    assert abs(scores["weighted_precision"] - scores["weighted_accuracy"]) > 0.01


def test_intervals_agree_with_resampling_utterances():
    labels, predictions = CASES["usual"]
    predictions = np.where(RNG.random(300) < 0.6, labels, predictions)
    confusion = metrics.confusion_matrix(labels, predictions, 7)
    intervals = metrics.bootstrap_intervals(confusion, draws=4000)
    drawn = np.concatenate(
        [
            RNG.choice(np.flatnonzero(labels == label), (4000, (labels == label).sum()))
            for label in range(7)
        ],
        axis=1,
    )
    accuracies = (labels == predictions)[drawn].mean(axis=1)
    expected = np.quantile(accuracies, [0.025, 0.975])
    np.testing.assert_allclose(intervals["weighted_accuracy"], expected, atol=0.01)
    recalls = [
        sklearn_metrics.balanced_accuracy_score(labels[rows], predictions[rows])
        for rows in drawn[:1000]
    ]
    expected = np.quantile(recalls, [0.025, 0.975])
    np.testing.assert_allclose(intervals["unweighted_accuracy"], expected, atol=0.015)


def test_rare_class_is_never_lost_from_the_intervals():
    # One utterance of class 2, always right: its recall is 1 in every draw.
    confusion = np.array([[50, 50, 0], [50, 50, 0], [0, 0, 1]])
    low, high = metrics.bootstrap_intervals(confusion)["unweighted_accuracy"]
    assert 0.6 < low < 2 / 3 < high < 0.74


def test_report_holds_every_field():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.4, 0.1]])
    report = metrics.report([0, 1, 1], probabilities, ("ang", "hap", "sad"))
    assert report["utterances"] == 3
    assert report["majority_class_rate"] == pytest.approx(2 / 3)
    assert report["loss"] == pytest.approx(-np.log([0.7, 0.8, 0.4]).mean())
    assert report["loss"] == pytest.approx(
        sklearn_metrics.log_loss([0, 1, 1], probabilities, labels=[0, 1, 2])
    )
    assert report["confusion_matrix"] == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert report["per_class"][1] == {
        "class": "hap",
        "utterances": 2,
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
    }
    for name in schema.SCORES:
        low, high = report[name]["interval_95"]
        assert 0 <= low <= report[name]["value"] <= high <= 1


def test_certain_mistake_gives_a_finite_loss():
    assert np.isfinite(metrics.cross_entropy(np.array([0]), np.array([[0.0, 1.0]])))


def report_of(labels, predictions, num_classes=7, **told):
    probabilities = np.eye(num_classes)[predictions]
    return metrics.report(labels, probabilities, [f"c{k}" for k in range(num_classes)], **told)


def test_one_speaker_has_no_interval_by_speaker_and_the_report_says_so():
    # Two utterances of each class, and one answer always: .143, whatever is resampled.
    labels = np.repeat(np.arange(7), 2)
    report = report_of(labels, np.zeros(14, int), speakers=["Ann"] * 14)
    assert report["unweighted_accuracy"]["interval_95"] == pytest.approx([1 / 7, 1 / 7])
    assert report["interval"] == "utterances resampled within classes"
    first, second = report["notes"]
    assert first == "1 speaker: no interval by speaker, which takes at least 5"
    assert second.startswith("an interval without width")


def test_report_with_speakers_resamples_them():
    labels, predictions = CASES["usual"]
    speakers = [f"s{i % 6}" for i in range(300)]
    sexes = ["female" if i % 2 else "male" for i in range(300)]
    sentences = [f"t{i % 2}" for i in range(300)]
    report = report_of(labels, predictions, speakers=speakers, sexes=sexes, sentences=sentences)
    assert report["interval"] == "speakers resampled" and report["notes"] == []
    counts = metrics.confusions.grouped(labels, predictions, speakers, 7)[1]
    expected = metrics.resampling.by_speaker(counts)
    for name in schema.SCORES:
        assert report[name]["interval_95"] == list(expected[name])
        assert expected[name] != metrics.bootstrap_intervals(counts.sum(axis=0))[name]
    assert [row["speaker"] for row in report["per_speaker"]] == [f"s{i}" for i in range(6)]
    assert report["per_sex"]["gap"]["between"] in (["female", "male"], ["male", "female"])
    assert report["controls"]["text_ceiling"]["sentences"] == 2
    assert json.loads(json.dumps(report)) == report


def test_unknown_speaker_stands_in_the_way_of_intervals_by_speaker():
    labels, predictions = CASES["usual"]
    speakers = ["", *(f"s{i % 6}" for i in range(299))]
    report = report_of(labels, predictions, speakers=speakers)
    assert report["notes"] == ["the speaker of 1 utterance is unknown: no interval by speaker"]
    assert sum(row["utterances"] for row in report["per_speaker"]) == 299


def test_source_that_says_nothing_is_reported_as_before():
    labels, predictions = CASES["usual"]
    nothing = [""] * 300
    report = report_of(labels, predictions, speakers=nothing, sexes=nothing, sentences=nothing)
    assert report == report_of(labels, predictions)
    assert report["notes"] == [] and not {"per_speaker", "per_sex"} & set(report)
    assert set(report["controls"]) == {"majority_class", "shuffled_labels"}


@pytest.mark.parametrize("name", ["speakers", "sexes", "sentences"])
def test_what_is_said_of_other_utterances_is_refused(name):
    with pytest.raises(ValueError, match=rf"`{name}`.*Expected 300. Received: 2"):
        report_of(*CASES["usual"], **{name: ["a", "b"]})


def test_class_of_one_speaker_alone_is_noted():
    labels = np.array([1] + [0] * 11)
    report = report_of(labels, labels * 0, 2, speakers=[f"s{i % 6}" for i in range(12)])
    # (5 / 6) ** 6 of the draws lack the speaker with class 1.
    (note,) = report["notes"]
    assert note.startswith("some classes have few speakers: up to 33 % of the resampled sets")
