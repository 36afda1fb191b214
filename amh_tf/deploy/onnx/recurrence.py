"""Keras' recurrent layers as ONNX's own GRU and LSTM operators."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from amh_tf import layers
from amh_tf.deploy.onnx import sequences
from amh_tf.deploy.onnx.graph import Graph

# Places of Keras' gates, which are update, reset, candidate of a GRU and input, forget, candidate,
# output of an LSTM, in the order of ONNX: the same, and input, output, forget, candidate.
_GATES = {"gru": (0, 1, 2), "lstm": (0, 3, 1, 2)}


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Names of values of a graph.

    Attributes:
        states: `(batch, time, dim)`, zeros beyond the lengths.
        last: `(batch, dim)`, the state after the last valid step.
        carried: What each layer goes on from: of each its last state, `(1, batch, units)`, and of
            an LSTM its cell's too.
    """

    states: str
    last: str
    carried: list[list[str]]


def encode(
    graph: Graph,
    encoder: layers.ModalityEncoder,
    name: str,
    values: str,
    length: str = "",
    initial: Sequence[Sequence[str]] | None = None,
) -> Encoded:
    """Runs an encoder over a sequence.

    Args:
        graph: The graph.
        encoder: The trained encoder.
        name: What its weights' names begin with.
        values: Vectors of shape `(batch, time, width)`.
        length: Steps of each row, `(batch,)` int32; none where all rows are whole.
        initial: What each layer goes on from, as `carried`; None at the start.
    """
    directions = 2 if encoder.bidirectional else 1
    states, carried = graph.op("Transpose", values, perm=[1, 0, 2]), []
    # Some versions of ONNX Runtime refuse rows without a step: they get one, and it is not read.
    steps = length and graph.op("Max", length, graph.constant([1], np.int32))
    for number, layer in enumerate(encoder.recurrent_layers):
        weights = _weights(graph, encoder, layer, f"{name}/{encoder.cell}_{number}")
        attributes = {"hidden_size": encoder.units}
        if encoder.bidirectional:
            attributes["direction"] = "bidirectional"
        if encoder.cell == "gru":
            attributes["linear_before_reset"] = int(encoder.reset_after)
        outputs, *last = graph.op(
            encoder.cell.upper(),
            states,
            *weights,
            steps,
            *(initial[number] if initial else ()),
            outputs=3 if encoder.cell == "lstm" else 2,
            **attributes,
        )
        carried.append(last)
        # (time, directions, batch, units) to (time, batch, dim)
        if directions == 2:
            outputs = graph.op("Transpose", outputs, perm=[0, 2, 1, 3])
            states = graph.op("Reshape", outputs, graph.integers([0, 0, encoder.output_dim]))
        else:
            states = graph.op("Squeeze", outputs, graph.integers([1]))
    ends = graph.op("Transpose", carried[-1][0], perm=[1, 0, 2])
    ends = graph.op("Reshape", ends, graph.integers([0, encoder.output_dim]))
    if length:
        ends = sequences.where_present(graph, length, ends)
    return Encoded(graph.op("Transpose", states, perm=[1, 0, 2]), ends, carried)


def _weights(graph, encoder, layer, name):
    """Returns kernels, recurrent kernels and biases, with an axis of directions first."""
    if encoder.bidirectional:
        cells = [layer.forward_layer.cell, layer.backward_layer.cell]
    else:
        cells = [layer.cell]
    parts = zip(*(_of_cell(cell, _GATES[encoder.cell]) for cell in cells))
    names = ("kernel", "recurrent_kernel", "bias")
    return [graph.weight(f"{name}/{what}", np.stack(part)) for what, part in zip(names, parts)]


def _of_cell(cell: keras.layers.Layer, order):
    """Returns a cell's kernels, `(gates * units, width)`, and bias, `(2 * gates * units,)`."""

    def arranged(weight):
        blocks = np.split(np.asarray(weight), len(order), axis=-1)
        return np.concatenate([blocks[place] for place in order], axis=-1)

    bias = np.atleast_2d(arranged(cell.bias))
    # A second row is the recurrent bias, of a GRU whose reset gate comes after the product.
    both = np.concatenate([bias, np.zeros_like(bias)])[:2].reshape(-1)
    return arranged(cell.kernel).T, arranged(cell.recurrent_kernel).T, both
