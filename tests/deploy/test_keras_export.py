"""Keras' own exports of our models: each file loads and answers as the model does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from amh_tf import config, models

SMALL = {
    "vocabulary_size": 30,
    "audio_width": 12,
    "video_width": 7,
    "embedding_width": 6,
    "audio_units": 6,
    "text_units": 5,
    "video_units": 4,
}
MODELS = {
    "amh": {"num_hops": 2},
    "mha": {"model": "mha", "modalities": ("audio", "text"), "num_hops": 1},
    "amh keras": {"num_hops": 1, "kernel": "keras"},
    "lstm": {"model": "mdre", "modalities": ("text", "video"), "cell": "lstm"},
    "standardized": {
        "model": "rnn_attn",
        "modalities": ("audio",),
        "standardize": "global",
        "audio_stride": 3,
        "audio_noise": 0.5,
        "state_dropout": 0.5,
    },
}


def built(settings, seeds=()):
    keras.utils.set_random_seed(3)
    described = config.ModelConfig(**SMALL, **settings)
    run = config.RunConfig(config.DataConfig("x"), described, config.TrainingConfig(), "", seeds)
    return models.build_run(run)


@pytest.fixture
def inputs(model_inputs):
    return model_inputs([9, 0, 4], [5, 2, 1], [3, 1, 0], widths=(12, 7), vocabulary=30)


def of(model, inputs):
    return {name: tf.constant(inputs[name]) for name in model.input}


def exhaustive(name):
    """AMH is exported by every run of the tests, the others by the slow ones."""
    return () if name == "amh" else pytest.mark.slow


@pytest.mark.parametrize(
    "settings", [pytest.param(MODELS[name], id=name, marks=exhaustive(name)) for name in MODELS]
)
def test_exported_model_answers_as_the_model(settings, inputs, tmp_path):
    model = built(settings)
    given = of(model, inputs)
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported")).signatures["serving_default"]
    np.testing.assert_allclose(*exported(**given).values(), model(given), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["amh", "standardized"])
def test_model_that_tensorflow_saves_answers_as_the_model(name, inputs, tmp_path):
    model = built(MODELS[name])
    given = of(model, inputs)
    expected = model(given)
    tf.saved_model.save(model, str(tmp_path / "saved"))
    saved = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    # Keras names them by their place in the order of the dict's keys.
    places = {f"inputs_{n}" if n else "inputs": given[key] for n, key in enumerate(sorted(given))}
    np.testing.assert_allclose(*saved(**places).values(), expected, atol=1e-6)


@pytest.mark.slow
def test_ensemble_and_a_loaded_model_are_exported(inputs, tmp_path):
    model = built({"num_hops": 1, "modalities": ("audio", "text")}, seeds=(1, 2))
    given = of(model, inputs)
    model.save(tmp_path / "model.keras")
    keras.saving.load_model(tmp_path / "model.keras").export(tmp_path / "out", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "out")).signatures["serving_default"]
    np.testing.assert_allclose(*exported(**given).values(), model(given), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["amh", "standardized"])
def test_litert_file_answers_as_the_model(name, inputs, tmp_path):
    model = built(MODELS[name])
    given = of(model, inputs)
    model.export(tmp_path / "model.tflite", format="litert", verbose=False)
    if tf.__version__.startswith(
        "2.21."
    ):  # in Python, its interpreter lacks TensorFlow's operations
        with pytest.raises(RuntimeError, match="Flex delegate"):
            tf.lite.Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()(**given)
        return
    runner = tf.lite.Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()
    (answered,) = runner(**given).values()
    np.testing.assert_allclose(answered, model(given), atol=1e-6)


@pytest.mark.slow
def test_gradients_by_inputs_are_those_of_training(inputs):
    # What explains a prediction asks for them of a model that does not train.
    still = dict.fromkeys(("audio_dropout", "text_dropout", "video_dropout"), 0.0)
    model = built({"num_hops": 2, **still})
    given = of(model, inputs)
    found = []
    for training in (False, True):
        audio = tf.Variable(given["audio"])
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(tf.square(model({**given, "audio": audio}, training=training)))
        found.append(tape.gradient(value, audio).numpy())
    assert np.abs(found[0]).max() > 0
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
