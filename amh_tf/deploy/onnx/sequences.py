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


def read(graph: Graph, config: ModelConfig, modality: str) -> tuple[Sequence, str]:
    """Declares a modality's inputs, and checks them.

    Returns:
        The sequence, its word ids within the vocabulary; and whether each row can be answered,
        `(batch,)` bool.
    """
    time = f"{modality}_time"
    values = declare(graph, config, modality, "batch", time)
    declared = graph.input(f"{modality}_length", np.int32, ["batch"])
    steps = graph.op("Cast", size(graph, values, 1), to=_INT32)
    length = graph.op("Max", declared, graph.constant([0], np.int32))
    length = graph.op("Min", length, steps)
    sequence = Sequence(values, length, mask(graph, values, length), time)
    in_range = graph.op("Equal", declared, length)
    wrong = graph.op("Not", _usable(graph, config, modality, values))
    wrong = graph.op("And", sequence.mask, wrong)
    usable = graph.op("Not", _any(graph, wrong))
    if config.reads_word_ids(modality):
        sequence = dataclasses.replace(sequence, values=_clipped(graph, config, values))
    return sequence, graph.op("And", in_range, usable)


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
    places = graph.op("Cast", _places(graph, size(graph, values, 1)), to=_INT32)
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
    firsts = graph.op("Mul", _places(graph, steps), every)
    firsts = graph.op("Cast", firsts, to=_INT32)
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


def where_present(graph: Graph, length: str, vectors: str) -> str:
    """Returns vectors `(batch, dim)`, zeros of a modality that is absent."""
    present = graph.op("Greater", length, graph.constant([0], np.int32))
    present = graph.op("Unsqueeze", present, graph.integers([1]))
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


def _usable(graph, config, modality, values):
    """Returns which steps hold what can be answered, `(batch, time)` bool."""
    if config.reads_word_ids(modality):
        return graph.op("Equal", values, _clipped(graph, config, values))
    # One pass over the features, and the sum of NaN or infinity is no number below a bound.
    magnitude = graph.op("ReduceL1", values, graph.integers([2]), keepdims=0)
    return graph.op("LessOrEqual", magnitude, graph.floats(input_checks.LARGEST_FEATURE))


def _clipped(graph, config, ids):
    last = graph.constant(config.vocabulary_size - 1, np.int32)
    return graph.op("Clip", ids, graph.constant(0, np.int32), last)


def _any(graph, rows):
    """Returns whether anything is True in a row, `(batch,)` bool."""
    numbers = graph.op("Cast", rows, to=_INT32)
    highest = graph.op("ReduceMax", numbers, graph.integers([1]), keepdims=0)
    return graph.op("Cast", highest, to=_BOOL)


def _places(graph, count):
    """Returns 0, 1, ... below a count of shape `(1,)`, int64."""
    end = graph.op("Squeeze", count, graph.integers([0]))
    return graph.op("Range", graph.integers(0), end, graph.integers(1))


def _quotient(graph, values, divisor, dtype):
    """Divides numbers of at least 0 by a divisor, rounded up."""
    added = graph.op("Add", values, graph.constant([divisor - 1], dtype))
    return graph.op("Div", added, graph.constant([divisor], dtype))
