"""What is made of a long recording: what is read of it, and no more."""

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.features import audio, heard, silence

RATE, MOST = 16000, 90
ROUNDING = 2e-5


def recording(seconds, silent=0.0):
    """Noise whose loudness changes, after silence."""
    rng = np.random.default_rng(4)
    level = np.repeat(10 ** rng.uniform(-2, -0.5, int(seconds * 10)), RATE // 10)
    level[: int(silent * RATE)] = 1e-5
    return (level * rng.standard_normal(len(level))).clip(-1, 1).astype(np.float32)


@pytest.mark.parametrize("use_energy", [False, True])
@pytest.mark.parametrize("decibels", [0.0, 60.0])
@pytest.mark.parametrize("silent", [0.0, 11.3])
def test_features_are_those_of_the_whole_recording(use_energy, decibels, silent):
    """Longer than a block of frames, and the silence too."""
    waveform = recording(25, silent)
    whole = audio.mfcc_with_deltas(waveform, use_energy).numpy()
    found, start = heard.features(waveform, MOST, use_energy, decibels)
    loud = np.flatnonzero(
        whole[:, 0] >= whole[:, 0].max() - silence.loudness_of(decibels, use_energy)
    )
    expected = max(loud[0] - silence.MARGIN, 0) if decibels else 0
    assert int(start) == expected and (expected > 1024) == bool(silent and decibels)
    np.testing.assert_allclose(found, whole[expected : expected + MOST], rtol=0, atol=ROUNDING)


def test_blocks_change_nothing(monkeypatch):
    waveform = recording(1)
    batch = np.stack([waveform, waveform[::-1]])
    whole = audio.mfcc(batch, False)
    assert whole.shape == (2, audio.num_frames(len(waveform)), 40)
    monkeypatch.setattr(audio, "_BLOCK", 14)
    np.testing.assert_allclose(audio.mfcc(batch, False), whole, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(
        audio.mfcc(batch, False, kept=1), audio.mfcc(batch, False)[..., :1]
    )


@pytest.fixture
def eager_functions():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("decibels", [0.0, 60.0])
def test_only_what_is_read_gets_features(monkeypatch, eager_functions, decibels):
    seen = []

    def spied(waveform, use_energy, kept=audio.NUM_COEFFICIENTS):
        seen.append((kept, waveform.shape[1]))
        return computed(waveform, use_energy, kept)

    computed = audio.mfcc
    monkeypatch.setattr(audio, "mfcc", spied)
    waveform = recording(20, silent=3)
    found, _ = heard.features(waveform, MOST, trim_silence=decibels)
    assert len(found) == MOST
    # To find the silence, one coefficient of each frame is looked at.
    assert [samples for kept, samples in seen if kept == 1] == [len(waveform)] * bool(decibels)
    read = [samples for kept, samples in seen if kept > 1]
    assert len(read) == 1 and read[0] <= audio.num_samples(MOST + 2 * audio.REACH)
