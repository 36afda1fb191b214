"""Vectors of pictures, as the library gives them."""

import numpy as np
import pytest

from amh_tf.features.pretrained import choice, opening
from tests.features.pretrained import tiny

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 48, 60, 3), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.clip(tmp_path_factory.mktemp("pictures") / "clip")


def library(folder, frames):
    torch, transformers = tiny.library("torch"), tiny.library("transformers")
    model = transformers.AutoModel.from_pretrained(folder)
    prepare = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    inputs = prepare(images=list(frames), return_tensors="pt")
    with torch.inference_mode():
        return model(inputs.pixel_values, output_hidden_states=True)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_vectors_are_the_librarys(folder, batch):
    encoder = opening.open_encoder("video", choice.Choice(str(folder), batch=batch))
    own = encoder(FRAMES)
    assert own.shape == (5, tiny.WIDTH) and encoder.width == tiny.WIDTH
    assert encoder.short_side == 64 and encoder.record["steps_per_second"] == 3
    np.testing.assert_allclose(own, library(folder, FRAMES).pooler_output, atol=1e-5)
    assert np.abs(own - own[0]).max() > 1e-3  # pictures differ


@pytest.mark.parametrize(("layer", "first", "last"), [("1", 1, 1), ("2-3", 2, 3)])
def test_hidden_layer_is_averaged_over_its_places(folder, layer, first, last):
    own = opening.open_encoder("video", choice.Choice(str(folder), layer=layer))(FRAMES)
    states = library(folder, FRAMES).hidden_states[first : last + 1]
    expected = np.mean([state.numpy() for state in states], axis=0).mean(axis=1)
    np.testing.assert_allclose(own, expected, atol=1e-5)


def test_onnx_file_gives_what_its_formula_says(tmp_path):
    path = tiny.onnx_pictures(tmp_path / "tiny.onnx")
    square = FRAMES[:, :8, :8]
    own = opening.open_encoder("video", choice.Choice(str(path)))(square)
    expected = (square / 255).mean(axis=(1, 2))
    expected = (expected - 0.5) / [0.5, 0.25, 0.5]
    np.testing.assert_allclose(own, expected, atol=1e-5)
