"""Small trained models of every kind, whose answers differ from input to input."""

from pathlib import Path

import keras
import numpy as np

from amh_tf import config, models, schema
from amh_tf.runs import run_inputs, trained
from tests import conftest as shared
from tests.deploy import test_edge

MODELS = {
    **{f"amh_{hops}": {"model": "amh", "num_hops": hops} for hops in range(1, 10)},
    **test_edge.MODELS,
    "mdre of LSTM in one direction": {"model": "mdre", "cell": "lstm", "video_layers": 2},
    "mha of GRU": {"model": "mha", "modalities": ("text", "video"), "cell": "gru"},
    "two-way GRU of two layers with the late reset gate": {
        "model": "amh", "num_hops": 3, "bidirectional": True, "reset_after": True,
        "audio_layers": 2, "text_layers": 2,
    },
    "amh of text as vectors": {"num_hops": 2, "text_width": 8},
    "rnn_attn over words": {"model": "rnn_attn", "modalities": ("text",)},
}  # fmt: skip


def build(seeds=(), features=None, **settings):
    """Builds a model of few units, by Keras' own recurrent layers, as a finished run."""
    settings = config.ModelConfig(**{**test_edge.SMALL, **settings})
    keras.utils.set_random_seed(1)
    model = models.build_run(_run(settings, seeds))
    test_edge.large_weights(model)
    return of(model, settings, seeds, features)


def _run(settings, seeds):
    return config.RunConfig(config.DataConfig("x"), settings, config.TrainingConfig(), "f", seeds)


def of(model, settings, seeds=(), features=None):
    """Returns a model as a finished run."""
    inputs = run_inputs.RunInputs(
        data="noise",
        synthetic=True,
        classes=schema.PAPER_CLASSES[: settings.num_classes],
        widths={"audio": settings.audio_width, "video": settings.video_width},
        transcripts="reference",
        features=features or shared.MADE_HERE,
        unknown_ids=(),
        vocabulary=(),
        vocabulary_path=Path("none"),
    )
    return trained.Trained(_run(settings, seeds), model, inputs, {})


def batch(settings, lengths, seed=0, padding=0.0):
    """Makes a batch of noise.

    Args:
        settings: `ModelConfig`.
        lengths: Steps of audio, text and video of each row.
        seed: Of the noise.
        padding: What is behind a row's features; behind its words is an id outside the vocabulary
            where it is NaN.
    """
    rng, inputs = np.random.default_rng(seed), {}
    for name in settings.input_names:
        shape, dtype = settings.input_spec(name)
        modality = name.partition("_")[0]
        steps = np.array([row[schema.MODALITIES.index(modality)] for row in lengths], np.int32)
        time = max(steps.max(), 1) + 3
        shape = (len(steps), *(time if size is None else size for size in shape))
        behind = np.arange(time)[None, :] >= steps[:, None]
        if name.endswith("_length"):
            inputs[name] = steps
        elif dtype == "int32":
            inputs[name] = rng.integers(1, settings.vocabulary_size, shape, np.int32)
            inputs[name][behind] = -3 if np.isnan(padding) else 0
        elif name == modality:
            inputs[name] = rng.standard_normal(shape, np.float32)
            inputs[name][behind] = padding
        else:  # a dimension that does not vary among them
            values = rng.uniform(0.5, 2, shape) * (np.arange(shape[1]) > 0)
            inputs[name] = values.astype(np.float32)
    return inputs
