"""The served signature of every kind of model against Keras' own layers, without a server."""

import types

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from amh_tf import config, models
from amh_tf.deploy import serving
from tests.deploy import test_edge

MOST = {"audio": 750, "text": 128, "video": 25}
# Rows alone, some without a modality, and batches.
LENGTHS = {
    "one step": [(1, 1, 1)],
    "two steps": [(2, 2, 2)],
    "a sentence": [(450, 20, 14)],
    "the longest": [(750, 128, 25)],
    "no audio": [(0, 4, 1)],
    "no text": [(21, 0, 3)],
    "no video": [(9, 6, 0)],
    "five": [(46, 9, 6), (1, 0, 3), (0, 4, 1), (9, 6, 0), (20, 21, 2)],
}
# Half precision rounds the products of the hops differently.
TOLERANCES = {"float32": 5e-6, "bfloat16": 3e-2}


def served(model, settings):
    """Makes the served module without a run."""
    refusals = dict.fromkeys(settings.modalities, "without a run")
    inputs = types.SimpleNamespace(max_lengths=MOST, classes=("a", "b", "c", "d", "e"))
    run = types.SimpleNamespace(config=settings, model=model, inputs=inputs, refusals=refusals)
    return serving.ServingModule(run)


def batch(settings, lengths):
    """Noise of some lengths, with what nothing may see in the padding."""
    rng, inputs = np.random.default_rng(0), {}
    for modality, steps in zip(MOST, np.array(lengths, np.int32).T):
        if modality not in settings.modalities:
            continue
        shape = (len(steps), max(steps.max(), 1))
        padding = np.arange(shape[1]) >= steps[:, None]
        if modality == "text":
            sequence = rng.integers(1, settings.vocabulary_size, shape, np.int32)
            sequence[padding] = -1
        else:
            width = getattr(settings, f"{modality}_width")
            sequence = rng.standard_normal((*shape, width), np.float32)
            sequence[padding] = np.nan
        inputs[modality], inputs[f"{modality}_length"] = sequence, steps
    for name in settings.statistics_names:
        width = getattr(settings, f"{name.split('_')[0]}_width")
        inputs[name] = rng.uniform(0.5, 2, (len(lengths), width)).astype(np.float32)
    return inputs


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=() if name.startswith("mdre") else pytest.mark.slow)
        for name in (*test_edge.MODELS, "amh")
    ],
)
def pair(request):
    """A model by Keras' layers, as a graph, and what is served of it."""
    described = {**test_edge.MODELS, "amh": {"model": "amh", "num_hops": 7}}[request.param]
    settings = config.ModelConfig(**{**test_edge.SMALL, **described})
    plain, model = models.build(settings), models.build(settings)
    test_edge.large_weights(plain)
    model.set_weights(plain.get_weights())
    module = served(model, settings)
    return settings, tf.function(plain, reduce_retracing=True), module


def test_served_model_gives_keras_answers(pair):
    settings, plain, module = pair
    for name, lengths in LENGTHS.items():
        inputs = batch(settings, lengths)
        present = sum(inputs[f"{modality}_length"] for modality in settings.modalities)
        if not present.all():
            continue
        clean = {
            key: np.where(value < 0, 0, value) if key == "text" else np.nan_to_num(value)
            for key, value in inputs.items()
        }
        logits = np.asarray(plain({key: tf.constant(value) for key, value in clean.items()}))
        answer = module.functions["serving_default"](
            {key: tf.constant(value) for key, value in inputs.items()}
        )
        np.testing.assert_allclose(
            answer["probabilities"],
            special.softmax(logits.astype(float), axis=1),
            atol=TOLERANCES[settings.dtype],
            err_msg=name,
        )
