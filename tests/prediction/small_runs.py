"""Runs of small models with random weights, written as training writes them."""

import json

import numpy as np

from amh_tf import config, models
from amh_tf.runs import run_folder

VOCABULARY = ("_PAD_", "_UNK_", *"i am fine thank you , and where were".split(), "do", "n't", ".")
CLASSES = ("angry", "happy", "neutral", "sad")
FEATURES = {
    "made_from": "raw recordings",
    "version": 2,
    "audio": {"kind": "mfcc"},
    "text": {"kind": "words", "unspaced_scripts": "characters"},
    "video": {"kind": "resnet101", "weights": "random", "fingerprint": "quick"},
}


def write(folder, features=(), most=(), seeds=(), **model):
    """Writes a run, and returns its folder.

    Args:
        folder: A new folder.
        features: What to change of `FEATURES`.
        most: Longest inputs that differ from the usual.
        seeds: Of an ensemble.
        **model: Of `ModelConfig`.
    """
    units = {"audio_units": 9, "text_units": 7, "video_units": 6, "embedding_width": 5}
    settings = {**units, "vocabulary_size": len(VOCABULARY), "num_classes": len(CLASSES), **model}
    run_config = config.RunConfig(
        config.DataConfig("nowhere"),
        config.ModelConfig(**settings),
        config.TrainingConfig(),
        "none",
        seeds=seeds,
    )
    own = run_folder.RunFolder(folder)
    vectors = {"text": model["text_width"]} if model.get("text_width") else {}
    folder.mkdir(parents=True)
    own.start(run_config)
    (folder / "vocabulary.txt").write_text("\n".join(VOCABULARY) + "\n")
    inputs = {
        "data": "noise (synthetic)",
        "synthetic": True,
        "classes": CLASSES,
        "widths": {"audio": 120, "video": 2048, **vectors},
        "transcripts": "reference",
        "features": {
            **FEATURES,
            **{name: {"kind": "synthetic"} for name in vectors},
            **dict(features),
            "max_lengths": dict(most),
        },
        "unknown_ids": [4],
        "vocabulary_size": len(VOCABULARY),
    }
    (folder / "inputs.json").write_text(json.dumps(inputs))
    own.save_model(_with_random_weights(models.build_run(run_config)))
    return folder


def _with_random_weights(model):
    """Draws weights by which steps far back still count, and classes differ."""
    rng = np.random.default_rng(5)
    for variable in model.weights:
        shape = variable.shape
        if "seed_generator" in variable.path:
            continue
        scale = 0.7 / np.sqrt(shape[0]) if len(shape) > 1 else 0.3
        values = scale * rng.standard_normal(shape)
        if variable.path.endswith("deviation"):
            values = rng.uniform(4, 9, shape)
        variable.assign(values)
    return model


def sound(seconds, seed=1):
    """Returns tones and noise whose loudness changes, `(samples,)` int16 at 16 kHz."""
    rng = np.random.default_rng(seed)
    count = int(seconds * 16000)
    time = np.arange(count) / 16000
    corners = np.arange(0, seconds + 0.4, 0.4)
    level = np.interp(time, corners, 10 ** rng.uniform(-2, -0.3, len(corners)))
    tone = np.sin(2 * np.pi * 170 * time) + 0.5 * np.sin(2 * np.pi * 900 * time)
    noise = rng.standard_normal(count)
    return (9000 * level * (tone + noise)).clip(-32768, 32767).astype(np.int16)
