"""A modality's sequences in a graph: declared, masked and averaged."""

import dataclasses

import numpy as np
import onnx

from amh_tf.config import ModelConfig
from amh_tf.deploy.onnx.graph import Graph

_BOOL, _INT32, _INT64 = onnx.TensorProto.BOOL, onnx.TensorProto.INT32, onnx.TensorProto.INT64


@dataclasses.dataclass(frozen=True)
class Sequence:
    """Names of values of a graph.

    Attributes:
        values: `(batch, time, width)` float32, or word ids `(batch, time)` int32.
        length: `(batch,)` int32, within the time.
        mask: `(batch, time)` bool, True at steps before the length.
        time: What the size of its time axis is called.
    """

    values: str
    length: str
    mask: str
    time: str


def declare(graph: Graph, config: ModelConfig, name: str, batch: str, time: str) -> str:
    """Declares an input of the model by its name."""
    shape, dtype = config.input_spec(name)
    return graph.input(name, dtype, [batch, *(time if size is None else size for size in shape)])


def whole(graph: Graph, values: str, time: str) -> Sequence:
    """Returns a sequence whose rows are as long as its time axis, of that name."""
    steps = graph.op("Cast", size(graph, values, 1), to=_INT32)
    length = graph.op("Expand", steps, size(graph, values, 0))
    return Sequence(values, length, mask(graph, values, length), time)


def size(graph: Graph, values: str, axis: int) -> str:
    """Returns the size of an axis, `(1,)` int64."""
    return graph.op("Shape", values, start=axis, end=axis + 1)


def scalar(graph: Graph, count: str) -> str:
    """Returns a count, `(1,)` int64, as a scalar, int32."""
    return graph.op("Cast", graph.op("Squeeze", count, graph.integers([0])), to=_INT32)


def mask(graph: Graph, values: str, length: str) -> str:
    """Returns which steps come before the length, `(batch, time)` bool."""
    places = _places(graph, size(graph, values, 1))
    return graph.op("Less", places, graph.op("Unsqueeze", length, graph.integers([1])))


def average(graph: Graph, sequence: Sequence, stride: int) -> Sequence:
    """Averages every few steps into one, as `layers.FrameAverage` does."""
    if stride == 1:
        return sequence
    every = graph.integers([stride])
    time = size(graph, sequence.values, 1)
    steps = _quotient(graph, time, stride, np.int64)
    missing = graph.op("Sub", graph.op("Mul", steps, every), time)
    pads = graph.op("Concat", graph.integers([0, 0, 0, 0]), missing, graph.integers([0]), axis=0)
    values = graph.op("Pad", emptied(graph, sequence), pads)
    width = size(graph, sequence.values, 2)
    windows = graph.op("Concat", graph.integers([0, -1, stride]), width, axis=0)
    values = graph.op("Reshape", values, windows)
    summed = graph.op("ReduceSum", values, graph.integers([2]), keepdims=0)
    firsts = graph.op("Mul", _places(graph, steps), graph.constant([stride], np.int32))
    left = graph.op("Sub", graph.op("Unsqueeze", sequence.length, graph.integers([1])), firsts)
    left = graph.op("Max", left, graph.constant(1, np.int32))
    left = graph.op("Min", left, graph.constant(stride, np.int32))
    counts = graph.op("Cast", left, to=onnx.TensorProto.FLOAT)
    values = graph.op("Div", summed, graph.op("Unsqueeze", counts, graph.integers([2])))
    length = _quotient(graph, sequence.length, stride, np.int32)
    return Sequence(values, length, mask(graph, values, length), f"{sequence.time}_averaged")


def stride(config: ModelConfig, modality: str) -> int:
    """Returns how many steps of a modality are averaged into one."""
    return config.audio_stride if modality == "audio" else 1


def emptied(graph: Graph, sequence: Sequence) -> str:
    """Returns a sequence of vectors whose padding is zeros, whatever was there."""
    valid = graph.op("Unsqueeze", sequence.mask, graph.integers([2]))
    return graph.op("Where", valid, sequence.values, graph.floats(0))


def is_present(graph: Graph, length: str) -> str:
    """Returns which rows have any step, `(batch,)` bool."""
    return graph.op("Greater", length, graph.constant([0], np.int32))


def where_present(graph: Graph, length: str, vectors: str) -> str:
    """Returns vectors `(batch, dim)`, zeros of a modality that is absent."""
    present = graph.op("Unsqueeze", is_present(graph, length), graph.integers([1]))
    return graph.op("Where", present, vectors, graph.floats(0))


def _places(graph, count):
    """Returns 0, 1, ... below a count, `(1,)` int64, as int32."""
    zero, one = (graph.constant(number, np.int32) for number in (0, 1))
    return graph.op("Range", zero, scalar(graph, count), one)


def _quotient(graph, values, divisor, dtype):
    """Divides numbers of at least 0 by a divisor, rounded up."""
    added = graph.op("Add", values, graph.constant([divisor - 1], dtype))
    return graph.op("Div", added, graph.constant([divisor], dtype))
