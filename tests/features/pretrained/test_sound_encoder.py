"""Vectors of sound: those of the library, alone and in batches, averaged to fewer a second."""

import fractions

import numpy as np
import pytest

from amh_tf.features.pretrained import batches, choice, opening, sound_encoder
from tests.features.pretrained import tiny

SOUNDS = tiny.waveforms(1.0, 0.7, 2.0, 0.7, 0.03, 1.31)


@pytest.fixture(scope="module", params=["layer", "group"])
def folder(request, tmp_path_factory):
    return tiny.wav2vec2(tmp_path_factory.mktemp("sound") / "wav2vec2", request.param)


def encode(folder, sounds=SOUNDS, most=750, **chosen):
    encoder = opening.open_encoder("audio", choice.Choice(str(folder), **chosen))
    vectors = dict(encoder(sounds, most))
    return [vectors[place] for place in range(len(sounds))]


def expected(folder, sound):
    """Returns what the library itself gives for a sound alone: all hidden layers."""
    torch, transformers = tiny.library("torch"), tiny.library("transformers")
    model = transformers.AutoModel.from_pretrained(folder)
    prepare = transformers.AutoFeatureExtractor.from_pretrained(folder)
    inputs = prepare(sound, sampling_rate=16000, return_tensors="pt")
    with torch.inference_mode():
        outputs = model(inputs.input_values, output_hidden_states=True)
    return [state[0].numpy() for state in outputs.hidden_states], outputs.last_hidden_state[0]


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_vectors_are_the_librarys_in_batches_with_padding(folder, batch):
    vectors = encode(folder, batch=batch, steps_per_second=50.0)
    for sound, own in zip(SOUNDS, vectors):
        np.testing.assert_allclose(own, expected(folder, sound)[1], atol=1e-5)
    assert np.abs(vectors[0]).max() > 0.1


@pytest.mark.parametrize(("layer", "first", "last"), [("0", 0, 0), ("2", 2, 2), ("1-3", 1, 3)])
def test_layer_is_the_one_or_the_mean_that_is_asked_for(folder, layer, first, last):
    (own,) = encode(folder, SOUNDS[:1], layer=layer, steps_per_second=50.0)
    states, _ = expected(folder, SOUNDS[0])
    np.testing.assert_allclose(own, np.mean(states[first : last + 1], axis=0), atol=1e-5)
    assert np.abs(own - states[(first + 1) % 4]).max() > 1e-2


def test_steps_are_averaged_to_25_a_second(folder):
    whole = encode(folder, SOUNDS[:1], steps_per_second=50.0)[0]
    (own,) = encode(folder, SOUNDS[:1])
    assert len(whole) == 49 and len(own) == 25
    np.testing.assert_allclose(own[:24], whole[:48].reshape(24, 2, -1).mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(own[24], whole[48], atol=1e-6)


@pytest.mark.parametrize(
    ("rate", "wanted", "groups"),
    [
        (50, "20", [[0, 1, 2], [3, 4], [5, 6, 7], [8, 9]]),
        (50, "50", [[number] for number in range(10)]),
        (50, "12.5", [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]),
        (50, "30", [[0, 1], [2, 3], [4], [5, 6], [7, 8], [9]]),
    ],
)
def test_average_is_that_of_the_steps_that_begin_in_it(rate, wanted, groups):
    steps = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    own = sound_encoder.average(steps, fractions.Fraction(rate), fractions.Fraction(wanted))
    by_hand = [steps[group].mean(axis=0) for group in groups]
    np.testing.assert_allclose(own, by_hand, atol=1e-6)


def test_no_more_is_heard_than_is_kept(folder):
    long, short = tiny.waveforms(2.0)[0], tiny.waveforms(2.0)[0][: 16000 + 400]
    own, other = (encode(folder, [sound], most=25)[0] for sound in (long, short))
    assert own.shape == (25, tiny.WIDTH)
    np.testing.assert_array_equal(own, other)


def test_dtype_of_half_the_bits_is_near(folder):
    (own,) = encode(folder, SOUNDS[:1], dtype="bfloat16", steps_per_second=50.0)
    whole = expected(folder, SOUNDS[0])[1].numpy()
    assert own.dtype == np.float32
    assert 1e-5 < np.abs(own - whole).max() < 0.1 * np.abs(whole).max()


def test_batches_are_of_like_lengths():
    lengths = [5, 1, 4, 4, 2, 4]
    assert batches.by_length(lengths, 2, pads=True) == [[1, 4], [2, 3], [5, 0]]
    assert batches.by_length(lengths, 2, pads=False) == [[1], [4], [2, 3], [5], [0]]


def test_onnx_file_gives_what_its_formula_says(tmp_path):
    path, kernel = tiny.onnx_sound(tmp_path / "tiny.onnx")
    for sound, own in zip(SOUNDS, encode(path, steps_per_second=50.0)):
        frames = np.lib.stride_tricks.sliding_window_view(sound, 400)[::320]
        np.testing.assert_allclose(own, frames @ kernel.T, atol=2e-5)


def test_waveform_is_normalized_where_a_file_says_so(tmp_path):
    path, kernel = tiny.onnx_sound(tmp_path / "tiny.onnx", normalize=True)
    (own,) = encode(path, SOUNDS[:1], steps_per_second=50.0)
    sound = (SOUNDS[0] - SOUNDS[0].mean()) / SOUNDS[0].std()
    frames = np.lib.stride_tricks.sliding_window_view(sound, 400)[::320]
    np.testing.assert_allclose(own, frames @ kernel.T, atol=1e-3)
