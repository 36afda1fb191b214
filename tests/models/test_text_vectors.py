"""Models whose text is vectors, beside those that look the same vectors up by word ids."""

import dataclasses
import functools

import keras
import numpy as np
import pytest

from amh_tf import config, models
from tests import conftest
from tests.models.test_baselines import SMALL

CASES = {
    "rnn_attn": {"model": "rnn_attn", "modalities": ("text",)},
    "mdre": {"model": "mdre"},
    "mha": {"model": "mha", "modalities": ("audio", "text"), "num_hops": 3},
    "amh": {"num_hops": 4},
    "amh of two layers of LSTM both ways": {
        "num_hops": 3, "cell": "lstm", "bidirectional": True, "text_layers": 2
    },
    "amh, everything else standardized and augmented": {
        "num_hops": 2, "standardize": "speaker", "audio_stride": 2, "audio_noise": 0.1,
        "video_noise": 0.1, "state_dropout": 0.2, "modality_dropout": 0.2,
    },
}  # fmt: skip
TABLE = np.random.default_rng(7).standard_normal((50, 16)).astype(np.float32)


@functools.cache
def pair(name):
    """A model of word ids, and the one of their vectors with the same weights, made once."""
    keras.utils.set_random_seed(0)
    settings = config.ModelConfig(**{**SMALL, **CASES[name]})
    of_ids = models.build(settings, TABLE)
    of_vectors = models.build(dataclasses.replace(settings, text_width=16))
    kept = [weight for weight in of_ids.weights if "word_vectors" not in weight.path]
    assert len(kept) == len(of_ids.weights) - 1
    of_vectors.set_weights([np.asarray(weight) for weight in kept])
    return of_ids, of_vectors


def batch(model, inputs, vectors):
    """Returns the inputs as a model takes them."""
    made = {name: inputs[name] for name in inputs if name in model.input}
    for name in model.input:
        if name.endswith(("_mean", "_deviation")):
            made[name] = np.ones((3, model.input[name].shape[1]), np.float32)
    return {**made, "text": TABLE[inputs["text"]]} if vectors else made


# Graphs of stacked LSTMs take three seconds.
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * ("LSTM" in name)) for name in CASES]


@pytest.mark.parametrize("name", NAMES)
def test_vectors_give_what_their_words_give(name, model_inputs):
    of_ids, of_vectors = pair(name)
    inputs = model_inputs([9, 0, 4], [5, 2, 1], [3, 1, 0])
    assert of_vectors.input["text"].shape == (None, None, 16)
    assert of_vectors.input["text"].dtype == "float32"
    assert of_vectors.count_params() == of_ids.count_params() - TABLE.size
    expected = np.asarray(of_ids(batch(of_ids, inputs, False)))
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    found = of_vectors(batch(of_vectors, inputs, True))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_padding_and_absence_count_for_nothing(name, model_inputs):
    _, model = pair(name)
    inputs = model_inputs([9, 1, 4], [5, 0, 1], [3, 1, 2])
    made = batch(model, inputs, True)
    logits = np.asarray(model(made))
    longer = batch(model, conftest.lengthened(inputs), True)
    np.testing.assert_allclose(model(longer), logits, atol=1e-5)
    longer["text"][1] = 1e4  # no text, whatever is there
    np.testing.assert_allclose(model(longer), logits, atol=1e-5)


@pytest.mark.parametrize("name", ["rnn_attn", "amh"])
def test_file_gives_the_model_back(name, model_inputs, tmp_path):
    _, model = pair(name)
    made = batch(model, model_inputs([9, 1, 4], [5, 0, 1], [3, 1, 2]), True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(made), model(made))


def test_attention_falls_on_the_steps_of_the_vectors(model_inputs):
    of_ids, of_vectors = pair("rnn_attn")
    inputs = model_inputs([0, 0, 0], [5, 0, 1], [0, 0, 0])
    expected, found = (
        models.attention_model(model)(batch(model, inputs, model is of_vectors))["attention_1"]
        for model in (of_ids, of_vectors)
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(np.sum(found, axis=1), [1, 0, 1], atol=1e-5)
