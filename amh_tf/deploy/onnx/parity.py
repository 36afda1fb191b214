"""ONNX files against the Keras model that they are made of, on utterances of noise."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from amh_tf import models, schema
from amh_tf.deploy.onnx import runtime, sequences
from amh_tf.runs.trained import Trained

# Steps of audio, text and video of each row of a batch: long, short, absent.
LENGTHS = ((450, 20, 14), (60, 5, 0), (0, 12, 3), (300, 0, 7), (7, 2, 2), (1, 1, 1))
# Steps of the pieces in which a stream comes, after averaging.
PIECE = 40


def difference(trained: Trained, folder: Path) -> float:
    """Returns the largest difference of a probability between `model.onnx` and Keras.

    Args:
        trained: What the file was made of.
        folder: Where it is.
    """
    inputs = utterances(trained)
    logits = np.asarray(tf.function(in_single_precision(trained))(inputs), np.float64)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    received = runtime.Runner(folder / "model.onnx")(inputs)["probabilities"]
    return float(np.abs(received - expected).max())


def stream_difference(trained: Trained, folder: Path) -> float:
    """Returns the largest difference of a probability between a stream and the whole.

    Args:
        trained: What the files were made of; its encoders read forward.
        folder: Where they are.
    """
    inputs = {name: value[:1] for name, value in utterances(trained).items()}
    read = {}
    for modality in trained.config.modalities:
        run = runtime.Runner(folder / f"{modality}_encoder.onnx")
        piece = PIECE * sequences.stride(trained.config, modality)
        states = encode(run, inputs, modality, piece)
        read[f"{modality}_states"] = states
        read[f"{modality}_length"] = np.array([states.shape[1]], np.int32)
    received = runtime.Runner(folder / "hops.onnx")(read)["probabilities"]
    expected = runtime.Runner(folder / "model.onnx")(inputs)["probabilities"]
    return float(np.abs(received - expected).max())


def encode(
    run: runtime.Runner, inputs: dict[str, np.ndarray], modality: str, piece: int
) -> np.ndarray:
    """Encodes a sequence piece by piece.

    Args:
        run: Runs the modality's encoder.
        inputs: The model's inputs, of rows that are as long as their time axis.
        modality: Which modality.
        piece: Steps of a piece.

    Returns:
        The states, `(batch, time, dim)`.
    """
    sequence, states = inputs[modality], []
    carried = run.start(len(sequence))
    for first in range(0, sequence.shape[1], piece):
        fed = {**inputs, modality: sequence[:, first : first + piece], **carried}
        outputs = run(fed)
        states.append(outputs[f"{modality}_states"])
        carried = {name: outputs[name.replace("_", "_next_", 1)] for name in carried}
    return np.concatenate(states, axis=1)


def in_single_precision(trained: Trained) -> keras.Model:
    """Builds the model anew in single precision, with the same weights, which always are."""
    config = dataclasses.replace(trained.config, dtype="float32")
    model = models.build_run(dataclasses.replace(trained.run_config, model=config))
    model.set_weights(trained.model.get_weights())
    return model


def utterances(trained: Trained, seed: int = 0) -> dict[str, np.ndarray]:
    """Makes a batch of noise as the model takes it; the first row is as long as a sentence."""
    rng, config = np.random.default_rng(seed), trained.config
    lengths = np.array(LENGTHS, np.int32)
    used = [schema.MODALITIES.index(modality) for modality in config.modalities]
    lengths = lengths[lengths[:, used].any(axis=1)]
    inputs = {}
    for name in config.input_names:
        shape, dtype = config.input_spec(name)
        modality = name.partition("_")[0]
        length = lengths[:, schema.MODALITIES.index(modality)]
        shape = (len(lengths), *(length.max() if size is None else size for size in shape))
        if name.endswith("_length"):
            inputs[name] = length
        elif dtype == "int32":
            inputs[name] = rng.integers(1, config.vocabulary_size, shape, np.int32)
        elif name == modality:
            inputs[name] = rng.standard_normal(shape, np.float32)
        else:
            inputs[name] = rng.uniform(0.5, 1.5, shape).astype(np.float32)
    return inputs
