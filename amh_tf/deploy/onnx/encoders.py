"""A modality from its sequence to its encoder's states: what stands between, and the encoder."""

from collections.abc import Sequence

import keras
import numpy as np

from amh_tf.config import ModelConfig
from amh_tf.deploy.onnx import recurrence
from amh_tf.deploy.onnx.graph import Graph


def encode(
    graph: Graph,
    config: ModelConfig,
    member: keras.Model,
    name: str,
    modality: str,
    values: str,
    length: str = "",
    initial: Sequence[Sequence[str]] | None = None,
) -> recurrence.Encoded:
    """Encodes a modality's sequence.

    Args:
        graph: The graph.
        config: `amh_tf.config.ModelConfig` of the model.
        member: The trained model, or one of an ensemble's.
        name: What its weights' names begin with.
        modality: Which modality.
        values: Vectors, averaged, or word ids.
        length, initial: As for `recurrence.encode`.
    """
    if config.reads_word_ids(modality):
        vectors = member.get_layer("word_vectors").embeddings
        values = graph.op("Gather", graph.weight(f"{name}word_vectors", vectors), values, axis=0)
    elif modality in config.standardized:
        values = _standardize(graph, config, member, modality, values)
    encoder = member.get_layer(f"{modality}_encoder")
    return recurrence.encode(graph, encoder, f"{name}{modality}_encoder", values, length, initial)


def _standardize(graph, config, member, modality, values):
    """Brings every dimension to mean 0 and deviation 1, as `layers.Standardize` does."""
    if modality in config.by_speaker:
        mean, deviation = f"{modality}_mean", f"{modality}_deviation"  # inputs
        varies = graph.op("Greater", deviation, graph.floats(0))
        divisor = graph.op("Where", varies, deviation, graph.floats(1))
        scale = graph.op("Where", varies, graph.op("Reciprocal", divisor), graph.floats(0))
        offset = graph.op("Mul", mean, scale)
        middle = graph.integers([1])
        scale, offset = (graph.op("Unsqueeze", part, middle) for part in (scale, offset))
    else:
        layer = member.get_layer(f"{modality}_standardize")
        mean, deviation = np.asarray(layer.mean), np.asarray(layer.deviation)
        quotient = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        # Not weights: raw features have means that half precision cannot hold exactly enough.
        scale, offset = graph.floats(quotient), graph.floats(mean * quotient)
    return graph.op("Sub", graph.op("Mul", values, scale), offset)
