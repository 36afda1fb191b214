import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from amh_tf.scores import significance

RNG = np.random.default_rng(0)
LABELS = RNG.choice(4, 300, p=[0.5, 0.3, 0.15, 0.05])
FIRST = np.where(RNG.random(300) < 0.6, LABELS, RNG.integers(0, 4, 300))
SECOND = np.where(RNG.random(300) < 0.4, LABELS, RNG.integers(0, 4, 300))


def answers(predictions, labels=LABELS):
    return {f"utt_{i}": (f"class_{label}", f"class_{p}") for i, (label, p) in
            enumerate(zip(labels, predictions))}  # fmt: skip


def test_mcnemar_worked_out_by_hand():
    # 1 of 6 discordant: twice the chance of at most one head in six throws, 2 * 7 / 64.
    assert significance.mcnemar(1, 5) == pytest.approx(14 / 64)
    assert significance.mcnemar(3, 3) == 1
    assert significance.mcnemar(0, 0) == 1


@pytest.mark.parametrize(("first_only", "second_only"), [(0, 9), (12, 30), (250, 200)])
def test_mcnemar_is_the_binomial_tail(first_only, second_only):
    tail = stats.binom.cdf(min(first_only, second_only), first_only + second_only, 0.5)
    assert significance.mcnemar(first_only, second_only) == pytest.approx(2 * tail)
    assert significance.mcnemar(second_only, first_only) == pytest.approx(2 * tail)


def test_differences_are_those_of_scikit_learn():
    result = significance.compare(answers(FIRST), answers(SECOND))
    for name, score in (
        ("weighted_accuracy", sklearn_metrics.accuracy_score),
        ("unweighted_accuracy", sklearn_metrics.balanced_accuracy_score),
    ):
        expected = score(LABELS, FIRST) - score(LABELS, SECOND)
        assert getattr(result, name).value == pytest.approx(expected, abs=1e-12), name
    assert result.utterances == 300
    assert result.first_only == ((FIRST == LABELS) & (SECOND != LABELS)).sum()
    assert result.second_only == ((FIRST != LABELS) & (SECOND == LABELS)).sum()
    expected = stats.binomtest(result.first_only, result.first_only + result.second_only)
    assert result.p_value == pytest.approx(expected.pvalue)


def test_intervals_agree_with_resampling_utterances():
    first, second = FIRST == LABELS, SECOND == LABELS
    computed = significance.bootstrap_differences(LABELS, first, second, draws=8000)
    members = [np.flatnonzero(label == LABELS) for label in range(4)]
    drawn = [RNG.choice(rows, (8000, len(rows))) for rows in members]
    gains = [(first.astype(int) - second)[rows] for rows in drawn]
    expected = {
        "weighted_accuracy": np.concatenate(gains, axis=1).mean(axis=1),
        "unweighted_accuracy": np.mean([gain.mean(axis=1) for gain in gains], axis=0),
    }
    for name, spread in expected.items():
        low, high = np.quantile(spread, [0.025, 0.975])
        assert computed[name].low == pytest.approx(low, abs=0.006), name
        assert computed[name].high == pytest.approx(high, abs=0.006), name


def test_same_seed_gives_the_same_intervals():
    results = [
        significance.compare(answers(FIRST), answers(SECOND), seed=seed) for seed in (0, 0, 1)
    ]
    assert results[0] == results[1] != results[2]


def test_swapping_the_models_turns_the_difference():
    one = significance.compare(answers(FIRST), answers(SECOND))
    other = significance.compare(answers(SECOND), answers(FIRST))
    assert one.weighted_accuracy.value == -other.weighted_accuracy.value
    assert one.p_value == pytest.approx(other.p_value)


def test_model_does_not_differ_from_itself():
    result = significance.compare(answers(FIRST), answers(FIRST))
    assert result.p_value == 1
    assert result.weighted_accuracy == significance.Difference(0, 0, 0)
    assert result.unweighted_accuracy == significance.Difference(0, 0, 0)


def test_only_common_utterances_count_in_whatever_order():
    first = answers(FIRST)
    part = dict(reversed(list(answers(SECOND).items())[:100]))
    result = significance.compare(first, part | {"other": ("class_0", "class_0")})
    expected = significance.compare(answers(FIRST[:100]), answers(SECOND[:100]))
    assert result.utterances == 100
    assert (result.first_only, result.second_only) == (expected.first_only, expected.second_only)
    assert result.weighted_accuracy.value == expected.weighted_accuracy.value


def test_label_that_differs_is_refused():
    with pytest.raises(ValueError, match=r"runs/a and runs/b .*'utt_7'.*'class_"):
        labels = np.where(np.arange(300) == 7, (LABELS + 1) % 4, LABELS)
        significance.compare(answers(FIRST), answers(SECOND, labels), names=("runs/a", "runs/b"))


@pytest.mark.parametrize("second", [{}, {"other": ("class_0", "class_0")}])
def test_no_common_utterance_is_refused(second):
    with pytest.raises(ValueError, match="share no utterance"):
        significance.compare(answers(FIRST), second)


def test_holm_worked_out_by_hand():
    # Sorted .01, .02, .04 times 3, 2, 1: .03, .04, .04.
    np.testing.assert_allclose(significance.holm([0.04, 0.01, 0.02]), [0.04, 0.03, 0.04])
    np.testing.assert_allclose(significance.holm([0.9, 0.8]), [1, 1])
    assert significance.holm([]).shape == (0,)


VOICES = RNG.integers(0, 10, 300)


def voices(names=VOICES):
    return {f"utt_{i}": f"speaker {name}" for i, name in enumerate(names)}


def test_intervals_by_speaker_agree_with_resampling_speakers():
    result = significance.compare(answers(FIRST), answers(SECOND), speakers=voices())
    plain = significance.compare(answers(FIRST), answers(SECOND))
    assert (result.interval, plain.interval) == (
        "speakers resampled",
        "utterances resampled within classes",
    )
    gains = (FIRST == LABELS).astype(int) - (SECOND == LABELS)
    spreads = {"weighted_accuracy": [], "unweighted_accuracy": []}
    rows = [np.flatnonzero(name == VOICES) for name in range(10)]
    for _ in range(4000):
        drawn = np.concatenate([rows[i] for i in RNG.integers(0, 10, 10)])
        spreads["weighted_accuracy"].append(gains[drawn].mean())
        means = [gains[drawn][label == LABELS[drawn]].mean() for label in np.unique(LABELS[drawn])]
        spreads["unweighted_accuracy"].append(np.mean(means))
    # Student's t with 9 degrees of freedom: 2.262.
    tail = stats.norm.sf(2.262 * np.sqrt(10 / 9))
    for name, spread in spreads.items():
        computed = getattr(result, name)
        assert computed.value == pytest.approx(getattr(plain, name).value, abs=1e-12)
        low, high = np.quantile(spread, [tail, 1 - tail])
        assert computed.low == pytest.approx(low, abs=0.02), name
        assert computed.high == pytest.approx(high, abs=0.02), name


@pytest.mark.parametrize(
    "speakers",
    [voices(VOICES % 4), {**voices(), "utt_3": ""}, {"utt_0": "speaker 1"}, None],
    ids=["four", "one_unknown", "most_unknown", "none"],
)
def test_too_few_or_unknown_speakers_leave_the_utterances(speakers):
    plain = significance.compare(answers(FIRST), answers(SECOND))
    assert significance.compare(answers(FIRST), answers(SECOND), speakers=speakers) == plain


def test_speaker_with_all_of_a_class_may_be_missed():
    # Draws without speaker 0 lack class 1: the mean is then over class 0 alone.
    labels = np.array([1, 1] + [0] * 10)
    first = np.ones(12, bool)
    second = np.array([False, False] + [True] * 10)
    names = np.array([0, 0, *np.arange(1, 6).repeat(2)])
    found = significance.speaker_differences(labels, first, second, names)
    assert found["unweighted_accuracy"] == significance.Difference(0.5, 0, 0.5)
