"""Scores of speakers and sexes, against scikit-learn on each by itself."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from amh_tf.scores import groups

RNG = np.random.default_rng(2)
LABELS = RNG.integers(0, 3, 200)
SPEAKERS = np.array([f"s{number:02d}" for number in RNG.integers(0, 12, 200)])
SEXES = ["female" if int(speaker[1:]) % 2 else "male" for speaker in SPEAKERS]
EASE = np.where(np.array(SEXES) == "female", 0.9, 0.3)
PREDICTIONS = np.where(RNG.random(200) < EASE, LABELS, RNG.integers(0, 3, 200))


def test_each_speaker_is_scored_as_by_scikit_learn():
    rows = groups.per_group(LABELS, PREDICTIONS, SPEAKERS, 3, "speaker")
    assert [row["speaker"] for row in rows] == sorted(set(SPEAKERS))
    for row in rows:
        own = row["speaker"] == SPEAKERS
        assert row["utterances"] == own.sum()
        accuracy = sklearn_metrics.accuracy_score(LABELS[own], PREDICTIONS[own])
        assert row["weighted_accuracy"] == pytest.approx(accuracy)
        recalls = [
            np.mean(PREDICTIONS[own & (k == LABELS)] == k)
            for k in range(3)
            if (own & (k == LABELS)).any()
        ]
        assert row["unweighted_accuracy"] == pytest.approx(np.mean(recalls))


def test_unknown_groups_are_left_out():
    rows = groups.per_group([0, 1, 1], [0, 1, 0], ["a", "", "a"], 2, "speaker")
    assert rows == [
        {"speaker": "a", "utterances": 2, "weighted_accuracy": 0.5, "unweighted_accuracy": 0.5}
    ]
    assert groups.per_group([0], [0], [""], 2, "speaker") == []
    assert groups.per_sex([0], [0], [""], ["a"], 2) is None


def test_largest_gap_by_sex_is_named():
    # Women: 3 of 4 right, recalls 2/3 and 1. Men: 2 of 4 right, recalls 2/3 and 0.
    labels = [0, 0, 0, 1, 0, 0, 0, 1]
    predictions = [0, 0, 1, 1, 0, 0, 1, 0]
    sexes = ["female"] * 4 + ["male"] * 4
    found = groups.per_sex(labels, predictions, sexes, list("aabbccdd"), 2)
    assert [row["sex"] for row in found["groups"]] == ["female", "male"]
    assert [row["utterances"] for row in found["groups"]] == [4, 4]
    assert found["gap"] == {
        "score": "unweighted_accuracy",
        "between": ["female", "male"],
        "value": pytest.approx(1 / 2),
        "interval_95": None,  # two speakers of each
    }


def test_gap_has_an_interval_with_enough_speakers_of_each_sex():
    found = groups.per_sex(LABELS, PREDICTIONS, SEXES, SPEAKERS, 3)
    low, high = found["gap"]["interval_95"]
    assert 0 < low < found["gap"]["value"] < high < 1
    assert found["gap"]["between"] == ["female", "male"]
    # Against a loop over speakers and their utterances, both sexes drawn by themselves.
    score = {
        "weighted_accuracy": sklearn_metrics.accuracy_score,
        "unweighted_accuracy": sklearn_metrics.balanced_accuracy_score,
    }[found["gap"]["score"]]
    gaps = []
    for _ in range(800):
        values = []
        for sex in ("female", "male"):
            voices = sorted({s for s, own in zip(SPEAKERS, SEXES) if own == sex})
            chosen = RNG.choice(voices, len(voices))
            rows = np.concatenate([np.flatnonzero(voice == SPEAKERS) for voice in chosen])
            values.append(score(LABELS[rows], PREDICTIONS[rows]))
        gaps.append(values[0] - values[1])
    # Twice the standard deviation, a little more for six speakers.
    spread = 2 * np.std(gaps)
    assert spread < (high - low) / 2 < 1.6 * spread


@pytest.mark.parametrize("speakers", [None, [""] * 200])
def test_gap_without_speakers_has_no_interval(speakers):
    assert groups.per_sex(LABELS, PREDICTIONS, SEXES, speakers, 3)["gap"]["interval_95"] is None


def test_single_sex_has_no_gap():
    assert groups.per_sex([0, 1], [0, 0], ["male", "male"], None, 2)["gap"] is None
