"""What is declared of arrays is held against what Kaldi gives, and what others give."""

import numpy as np
import pytest

from amh_tf.corpora import feature_claims
from tests import conftest

KALDI = np.load(conftest.REFERENCE / "kaldi_mfcc.npz")
MFCC = {"kind": "mfcc", "use_energy": False}
SPOKEN = [KALDI[f"mfcc_{clip}"] for clip in (0, 1, 2)]  # one is too short to have derivatives


def derived(static):
    """Kaldi's derivatives of coefficients, `(time, 40)` to `(time, 120)`, by its own definition."""
    steps = [static]
    for _ in range(2):
        padded = np.pad(steps[-1], [(2, 2), (0, 0)], mode="edge")
        taps = (-0.2, -0.1, 0.0, 0.1, 0.2)
        steps.append(sum(tap * padded[i : i + len(static)] for i, tap in enumerate(taps)))
    return np.concatenate(steps, axis=1)


def check(utterances, made=MFCC, modality="audio"):
    width = utterances[0].shape[1]
    claim = feature_claims.make(modality, made, width, "fold01")
    for features in utterances:
        claim.add(np.asarray(features, np.float32))
    claim.check()


def test_kaldi_s_features_are_what_is_declared():
    check(SPOKEN)
    check([each.astype(np.float16) for each in SPOKEN])
    check([each[:30] for each in SPOKEN])  # cut, as folds are
    check([derived(KALDI[f"mfcc_energy_{clip}"]) for clip in (0, 1)], {**MFCC, "use_energy": True})


def test_utterances_without_sound_are_no_objection():
    check([np.zeros((0, 120)), *SPOKEN])
    check([np.zeros((0, 120))])


def shuffled(features):
    return np.random.default_rng(0).permutation(features)


@pytest.mark.parametrize(
    "other",
    [
        lambda m: np.random.default_rng(0).standard_normal(m.shape),
        lambda m: m / (m.std(axis=0) + 1e-3),  # standardized
        lambda m: np.concatenate([m[:, :40], *np.gradient(m[:, :40], axis=0)[None]] * 2, 1)[
            :, :120
        ],
        lambda m: np.concatenate([m[:, ::3], m[:, 1::3], m[:, 2::3]], axis=1),  # interleaved
        lambda m: shuffled(m),
        lambda m: derived(m[:, :40] - m[:, :40].mean(axis=0)),  # the mean of each subtracted
        lambda m: m - np.eye(120)[0] * 2 * np.log(32768) * np.sqrt(40),  # samples in +-1
    ],
    ids=["noise", "scaled", "other slopes", "order", "steps", "mean", "samples in +-1"],
)
def test_other_features_of_the_same_width_are_refused(other):
    with pytest.raises(ValueError, match=r"(?s)audio arrays in 'fold01'.*--audio_features='wav2"):
        check([other(each) for each in SPOKEN[:2]])


def test_width_is_checked_first():
    with pytest.raises(ValueError, match=r"mfcc: 120 numbers a step\. Received: 40"):
        check([np.zeros((5, 40))])
    check([np.zeros((5, 40))], {"kind": "other", "description": "forty of my own"})


def test_pooled_features_are_never_below_zero():
    rng = np.random.default_rng(0)
    made = {"kind": "resnet101"}
    pooled = rng.standard_normal((3, 2048)).clip(0)
    check([np.zeros((0, 2048)), pooled], made, "video")
    with pytest.raises(ValueError, match=r"resnet101.*none below 0.*-0\.5.*--video_features"):
        check([pooled, pooled - 0.5], made, "video")
