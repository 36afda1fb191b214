"""Expected values are Kaldi's own; see `amh_tf.features.audio` for the command."""

import io
import wave

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.features import audio
from tests import conftest

KALDI = np.load(conftest.REFERENCE / "kaldi_mfcc.npz")
CLIPS = range(4)
# The bounds that the features must meet; Kaldi computes in float32 itself.
MAX_DIFFERENCE, RMS_DIFFERENCE = 5e-3, 3e-4


def waveform(clip):
    return KALDI[f"wave_{clip}"].astype(np.float32) / 32768


def assert_as_kaldi(features, expected):
    assert features.shape == expected.shape
    difference = features - expected
    assert np.abs(difference).max() <= MAX_DIFFERENCE
    assert np.sqrt(np.mean(difference**2)) <= RMS_DIFFERENCE


@pytest.mark.parametrize("clip", CLIPS)
def test_features_agree_with_kaldi(clip):
    assert_as_kaldi(audio.mfcc_with_deltas(waveform(clip)).numpy(), KALDI[f"mfcc_{clip}"])


@pytest.mark.parametrize("clip", CLIPS)
def test_energy_takes_the_first_coefficient_as_in_kaldi(clip):
    features = audio.mfcc_with_deltas(waveform(clip), use_energy=True).numpy()
    assert_as_kaldi(features[:, :40], KALDI[f"mfcc_energy_{clip}"])


def padded_batch(noise):
    """All clips in one batch, noise in their padding."""
    length = np.array([len(waveform(clip)) for clip in CLIPS], np.int32)
    batch = noise * np.random.default_rng(0).standard_normal((len(CLIPS), 17000))
    for clip in CLIPS:
        batch[clip, : length[clip]] = waveform(clip)
    return batch.astype(np.float32), length


def test_clips_of_a_padded_batch_agree_with_kaldi():
    batch, length = padded_batch(noise=0.1)
    features = audio.mfcc_with_deltas(batch, length=length).numpy()
    assert features.shape == (len(CLIPS), 104, 120)
    for clip in CLIPS:
        expected = KALDI[f"mfcc_{clip}"]
        assert_as_kaldi(features[clip, : len(expected)], expected)
        assert not features[clip, len(expected) :].any()


def test_padding_does_not_change_features():
    batch, length = padded_batch(noise=0)
    noisy, _ = padded_batch(noise=np.nan)
    features = audio.mfcc_with_deltas(batch, length=length).numpy()
    np.testing.assert_array_equal(features, audio.mfcc_with_deltas(noisy, length=length).numpy())


def test_single_waveform_may_be_padded_too():
    padded = np.pad(waveform(1), (0, 700), constant_values=0.5)
    features = audio.mfcc_with_deltas(padded, length=len(waveform(1))).numpy()
    expected = KALDI["mfcc_1"]
    assert_as_kaldi(features[: len(expected)], expected)
    assert not features[len(expected) :].any()


@pytest.mark.parametrize("shape", [(0,), (399,), (3, 0), (3, 399), (0, 0), (0, 800)])
def test_too_short_waveform_gives_no_frame(shape):
    frames = (*shape[:-1], 3 if shape[-1] == 800 else 0, 120)
    assert audio.mfcc_with_deltas(np.zeros(shape, np.float32)).shape == frames


@pytest.mark.parametrize("shape", [(0,), (399,), (2, 0), (2, 399)])
def test_too_short_waveform_gives_no_frame_in_a_graph(shape):
    unknown = tf.TensorSpec([None] * len(shape), tf.float32)
    function = tf.function(audio.mfcc_with_deltas, [unknown])
    assert function(tf.zeros(shape)).shape == (*shape[:-1], 0, 120)


def test_clip_without_a_frame_does_not_disturb_its_batch():
    batch = np.stack([waveform(2), waveform(2)])
    features = audio.mfcc_with_deltas(batch, length=[399, 560]).numpy()
    assert not features[0].any()
    assert_as_kaldi(features[1], KALDI["mfcc_2"])


@pytest.mark.parametrize(
    ("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2), (16000, 98)]
)
def test_number_of_frames(samples, frames):
    assert audio.num_frames(samples) == frames
    assert audio.num_frames(np.array([samples])).tolist() == [frames]
    assert audio.num_frames(tf.constant([samples])).numpy().tolist() == [frames]


def test_saved_model_agrees_with_kaldi(tmp_path):
    module = tf.Module()
    module.features = tf.function(
        lambda samples, length: audio.mfcc_with_deltas(samples, length=length),
        [tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)],
    )
    tf.saved_model.save(module, str(tmp_path))
    batch, length = padded_batch(noise=0.1)
    features = tf.saved_model.load(str(tmp_path)).features(batch, length).numpy()
    for clip in CLIPS:
        expected = KALDI[f"mfcc_{clip}"]
        assert_as_kaldi(features[clip, : len(expected)], expected)


def test_integers_are_refused():
    with pytest.raises(TypeError, match="Divide 16-bit samples by 32768"):
        audio.mfcc_with_deltas(KALDI["wave_0"])


def test_other_rank_is_refused():
    with pytest.raises(ValueError, match=r"Received: shape \(1, 1, 400\)"):
        audio.mfcc_with_deltas(np.zeros((1, 1, 400), np.float32))


def wav_bytes(samples, rate=16000):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def test_wav_is_decoded_exactly_in_a_graph():
    samples = np.array([[-32768, -32768], [32767, 32767], [1, 1], [100, -300], [0, 0]])
    decode = tf.function(audio.decode_wav, [tf.TensorSpec([], tf.string)])
    expected = [-1, 32767 / 32768, 1 / 32768, -100 / 32768, 0]
    assert decode(wav_bytes(samples)).numpy().tolist() == expected


def test_wav_of_another_rate_is_refused_in_a_graph():
    decode = tf.function(audio.decode_wav, [tf.TensorSpec([], tf.string)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expected 16000 Hz"):
        decode(wav_bytes(np.zeros((10, 1)), rate=8000))
