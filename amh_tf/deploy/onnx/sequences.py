"""A modality's sequences in a graph: declared, checked, masked and averaged."""

import dataclasses

import numpy as np
import onnx

from amh_tf.config import ModelConfig
from amh_tf.deploy import input_checks
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


def read(graph: Graph, config: ModelConfig, modality: str) -> tuple[Sequence, str, str]:
    """Declares a modality's inputs, and checks them.

    Returns:
        The sequence, its word ids within the vocabulary; whether each row's length is within the
        time, `(batch,)` bool; and the sum of the magnitudes of its features, `(batch,)` float32,
        which NaN and infinity do not leave finite, and which ids outside the vocabulary make
        infinite.
    """
    time = f"{modality}_time"
    values = declare(graph, config, modality, "batch", time)
    declared = graph.input(f"{modality}_length", np.int32, ["batch"])
    steps = _scalar(graph, size(graph, values, 1))
    length = graph.op("Clip", declared, graph.constant(0, np.int32), steps)
    sequence = Sequence(values, length, mask(graph, values, length), time)
    magnitude = _magnitude(graph, config, modality, values)
    magnitude = graph.op("Where", sequence.mask, magnitude, graph.floats(0))
    magnitude = graph.op("ReduceSum", magnitude, graph.integers([1]), keepdims=0)
    if config.reads_word_ids(modality):
        sequence = dataclasses.replace(sequence, values=_clipped(graph, config, values))
    return sequence, graph.op("Equal", declared, length), magnitude


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


def read_statistics(graph: Graph, config: ModelConfig) -> list[str]:
    """Declares the inputs that hold means and deviations of speakers.

    Returns:
        Whether each row of each can be used, `(batch,)` bool.
    """
    usable = []
    for name in config.statistics_names:
        values = declare(graph, config, name, "batch", "")
        least = 0.0 if name.endswith("_deviation") else -input_checks.LARGEST_FEATURE
        above = graph.op("GreaterOrEqual", values, graph.floats(least))
        below = graph.op("LessOrEqual", values, graph.floats(input_checks.LARGEST_FEATURE))
        wrong = graph.op("Not", graph.op("And", above, below))  # True of NaN
        usable.append(graph.op("Not", _any(graph, wrong)))
    return usable


def _magnitude(graph, config, modality, values):
    """Returns the sum of the magnitudes of each step, `(batch, time)`."""
    if config.reads_word_ids(modality):
        known = graph.op("Equal", values, _clipped(graph, config, values))
        return graph.op("Where", known, graph.floats(0), graph.floats(np.inf))
    # In ONNX Runtime faster than its ReduceL1.
    return graph.op("ReduceSum", graph.op("Abs", values), graph.integers([2]), keepdims=0)


def _clipped(graph, config, ids):
    last = graph.constant(config.vocabulary_size - 1, np.int32)
    return graph.op("Clip", ids, graph.constant(0, np.int32), last)


def _any(graph, rows):
    """Returns whether anything is True in a row, `(batch,)` bool."""
    numbers = graph.op("Cast", rows, to=_INT32)
    highest = graph.op("ReduceMax", numbers, graph.integers([1]), keepdims=0)
    return graph.op("Cast", highest, to=_BOOL)


def _places(graph, count):
    """Returns 0, 1, ... below a count, `(1,)` int64, as int32."""
    zero, one = (graph.constant(number, np.int32) for number in (0, 1))
    return graph.op("Range", zero, _scalar(graph, count), one)


def _scalar(graph, count):
    """Returns a count, `(1,)` int64, as a scalar, int32."""
    return graph.op("Cast", graph.op("Squeeze", count, graph.integers([0])), to=_INT32)


def _quotient(graph, values, divisor, dtype):
    """Divides numbers of at least 0 by a divisor, rounded up."""
    added = graph.op("Add", values, graph.constant([divisor - 1], dtype))
    return graph.op("Div", added, graph.constant([divisor], dtype))
