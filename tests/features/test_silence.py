"""Silence around what is said, against NumPy and against the sound itself."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.features import audio, heard, silence

RATE = 16000
ROUNDING = 2e-5
EDGE = Path(__file__).parents[2] / "export" / "edge" / "emotion.py"


def spoken(before, said, after, loud=0.3, soft=0.0003):
    """Noise of three loudnesses, in seconds: 60 dB between what is said and the rest."""
    rng = np.random.default_rng(2)
    parts = [soft * rng.standard_normal(int(before * RATE))]
    parts += [loud * rng.standard_normal(int(said * RATE))]
    parts += [soft * rng.standard_normal(int(after * RATE))]
    return np.concatenate(parts).astype(np.float32)


def trimmed(waveform, decibels=40.0, use_energy=False):
    features = audio.mfcc_with_deltas(waveform, use_energy).numpy()
    found, start = heard.features(waveform, len(features), use_energy, decibels)
    return features, found.numpy(), len(found), int(start)


@pytest.mark.parametrize("use_energy", [False, True])
def test_silence_goes_and_a_margin_stays(use_energy):
    features, found, length, start = trimmed(spoken(0.5, 1.0, 0.8), use_energy=use_energy)
    # What is said begins at frame 50; two frames before it hold some of it.
    assert abs(start - (48 - silence.MARGIN)) <= 1
    assert abs(length - (102 + 2 * silence.MARGIN)) <= 2
    np.testing.assert_allclose(found, features[start : start + length], atol=ROUNDING)


def test_pauses_inside_stay():
    waveform = np.concatenate([spoken(0.4, 0.5, 0.6), spoken(0, 0.5, 0.4)])
    _, _, length, start = trimmed(waveform)
    assert start < 40 and length > 150


def test_softer_than_the_threshold_only():
    whole = spoken(0.5, 1.0, 0.5)
    count = audio.num_frames(len(whole))
    assert trimmed(whole, decibels=80)[2] == count
    assert trimmed(whole, decibels=50)[2] < count


def test_loudness_does_not_matter():
    ends = [trimmed(level * spoken(0.5, 1.0, 0.5))[2:] for level in (1.0, 0.1)]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("time", [0, 1, 4])
def test_absent_and_short_sequences(time):
    start, kept = silence.span(tf.zeros([time]), 40.0)
    assert (int(start), int(kept)) == (0, time)


@pytest.mark.parametrize("samples", [0, 399, 400])
@pytest.mark.parametrize("decibels", [0.0, 40.0])
def test_hardly_any_sound_has_features(samples, decibels):
    found, start = heard.features(np.zeros(samples, np.float32), 750, trim_silence=decibels)
    assert found.shape == (samples // 400, 120) and int(start) == 0


@pytest.mark.parametrize("use_energy", [False, True])
def test_device_script_makes_the_same_features(use_energy):
    pytest.importorskip("ai_edge_litert", reason="extra edge")
    spec = importlib.util.spec_from_file_location("emotion", EDGE)
    emotion = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(emotion)
    waveform = np.round(spoken(0.5, 1.0, 0.8) * 32768).clip(-32768, 32767)
    recipe = {"trim_silence": 40.0, "use_energy": use_energy, "max_lengths": {"audio": 90}}
    found = emotion.mfcc(waveform, recipe)
    _, expected, _, _ = trimmed((waveform / 32768).astype(np.float32), use_energy=use_energy)
    assert len(found) == 90
    np.testing.assert_allclose(found, expected[:90], atol=5e-3)
