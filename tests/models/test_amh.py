import json

import keras
import numpy as np
import pytest

from amh_tf import config, models
from amh_tf.data import pipeline
from tests import conftest
from tests.models import half_precision

SMALL = {
    "vocabulary_size": 50,
    "audio_width": 20,
    "video_width": 24,
    "embedding_width": 16,
    "audio_units": 12,
    "text_units": 10,
    "video_units": 8,
    "num_hops": 4,
}
VARIANTS = {
    "plain": {},
    "one_hop": {"num_hops": 1},
    "stacked": {"audio_layers": 2, "text_layers": 3},
    "bidirectional": {"bidirectional": True},
    "reset_after": {"reset_after": True},
    "two_modalities": {"modalities": ("audio", "text")},
}


@pytest.fixture(scope="module", params=VARIANTS)
def model(request):
    """Tests must not change it: its first answer takes a second."""
    keras.utils.set_random_seed(0)
    return models.build(config.ModelConfig(**{**SMALL, **VARIANTS[request.param]}))


def fitting(model, inputs):
    return {name: inputs[name] for name in model.input}


def test_padding_does_not_change_logits(model, model_inputs):
    inputs = fitting(model, model_inputs([9, 1, 4], [5, 2, 1], [3, 1, 2]))
    longer = conftest.lengthened(model_inputs([9, 1, 4], [5, 2, 1], [3, 1, 2]))
    np.testing.assert_allclose(model(fitting(model, longer)), model(inputs), atol=1e-5)


def test_batch_does_not_change_logits(model, model_inputs):
    inputs = fitting(model, model_inputs([9, 1, 0], [5, 2, 1], [3, 0, 2]))
    together = np.asarray(model(inputs))
    for row in range(3):
        alone = model({name: array[row : row + 1] for name, array in inputs.items()})
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


@pytest.mark.parametrize("absent", ["audio", "text", "video", "all"])
def test_absent_modality_counts_as_zeros(model, model_inputs, absent):
    lengths = {"audio": [9, 4], "text": [5, 1], "video": [3, 2]}
    for name in lengths:
        if absent in (name, "all"):
            lengths[name] = [0, 0]
    inputs = fitting(model, model_inputs(*lengths.values()))
    outputs = models.attention_model(model)(inputs)
    assert all(np.isfinite(output).all() for output in outputs.values())
    modalities = [name for name in ("audio", "text", "video") if name in inputs]
    factor = 2 if model.get_layer("audio_encoder").bidirectional else 1
    start = 0
    for name in modalities:
        width = factor * SMALL[f"{name}_units"]
        vector = np.asarray(outputs["fused"])[:, start : start + width]
        assert (vector == 0).all() == (absent in (name, "all"))
        start += width


def test_saved_model_gives_the_same_logits(model, model_inputs, tmp_path):
    inputs = fitting(model, model_inputs([9, 1, 4], [5, 2, 1], [3, 1, 2]))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    attended = models.attention_model(loaded)(inputs)
    np.testing.assert_array_equal(
        attended["attention_1"], models.attention_model(model)(inputs)["attention_1"]
    )


@pytest.mark.slow
def test_keras_fit_learns_a_batch_by_heart(model_inputs):
    keras.utils.set_random_seed(0)
    model = models.build(config.ModelConfig(**{**SMALL, "num_hops": 2}))
    inputs = model_inputs([9, 1, 4, 7], [5, 2, 1, 3], [3, 1, 2, 3])
    labels = np.array([0, 1, 2, 6])
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    assert not model.jit_compile  # XLA would train a masked recurrence ten times slower
    model.fit(inputs, labels, epochs=60, verbose=0)
    logits = model.predict(inputs, verbose=0)
    assert logits.shape == (4, 7)
    np.testing.assert_array_equal(logits.argmax(axis=1), labels)
    assert model.evaluate(inputs, labels, verbose=0)[1] == 1.0


@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_half_precision_stays_close(dtype, model_inputs):
    full = models.build(config.ModelConfig(**SMALL))
    half = models.build(config.ModelConfig(**SMALL, dtype=dtype))
    half_precision.assert_close(full, half, model_inputs([9, 0, 4], [5, 2, 0], [3, 1, 2]))


@pytest.mark.slow
def test_keras_fit_takes_the_pipeline(tiny_fold, tiny_source):
    keras.utils.set_random_seed(0)
    sizes = {"audio_units": 4, "text_units": 4, "video_units": 4, "num_hops": 1}
    model = models.build(config.ModelConfig(vocabulary_size=54, **sizes))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(pipeline.batches(tiny_fold, "train", 8, seed=1), verbose=0)
    dev = pipeline.batches(tiny_fold, "dev", 8)
    logits = model.predict(dev, verbose=0).astype(float)
    assert logits.shape == (12, 7)
    labels = [utterance.label for utterance in conftest.utterances_of(tiny_source, "dev")]
    entropies = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(12), labels]
    assert model.evaluate(dev, verbose=0) == pytest.approx(entropies.mean(), rel=1e-4)


# Counted by hand: vocabulary * 300; per GRU 3 * units * (width + units + 1); per hop
# (query + 1) * value with value 128, 200, 200 in turn; 7 * (528 + 1).
@pytest.mark.parametrize(
    ("num_hops", "hop_parameters"),
    [
        (1, 401 * 128),
        (3, 401 * 128 + 329 * 200 + 329 * 200),
        (7, 3 * 401 * 128 + 4 * 329 * 200),
    ],
)
def test_number_of_parameters(num_hops, hop_parameters):
    model = models.build(config.ModelConfig(vocabulary_size=3000, num_hops=num_hops))
    encoders = 3 * (200 * (120 + 200 + 1) + 200 * (300 + 200 + 1) + 128 * (2048 + 128 + 1))
    assert model.count_params() == 3000 * 300 + encoders + hop_parameters + 7 * 529


def test_embedding_is_used_and_not_written_into_the_config():
    vectors = np.random.default_rng(0).standard_normal((50, 16)).astype(np.float32)
    model = models.build(config.ModelConfig(**SMALL), embedding=vectors)
    np.testing.assert_array_equal(model.get_layer("word_vectors").get_weights()[0], vectors)
    assert len(json.dumps(model.get_layer("word_vectors").get_config())) < 2000


def test_embedding_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="`embedding` does not fit"):
        models.build(config.ModelConfig(**SMALL), embedding=np.zeros((49, 16)))


def test_model_without_hops_is_refused():
    inputs = keras.Input((2,))
    with pytest.raises(ValueError, match="no attention"):
        models.attention_model(keras.Model(inputs, keras.layers.Dense(2)(inputs)))
