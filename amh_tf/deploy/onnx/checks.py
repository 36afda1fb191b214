"""Which rows of a batch can be answered: a wrong answer that looks right is the worst answer.

ONNX has no operation that raises an error; rows that cannot be answered become NaN.
"""

import dataclasses
import functools
import typing
from collections.abc import Iterable

import numpy as np
import onnx

from amh_tf.config import ModelConfig
from amh_tf.deploy import input_checks
from amh_tf.deploy.onnx import sequences
from amh_tf.deploy.onnx.graph import Graph

_BOOL, _INT32 = onnx.TensorProto.BOOL, onnx.TensorProto.INT32


class Checked(typing.NamedTuple):
    """A sequence, and what was checked of each row.

    Attributes:
        sequence: The sequence.
        in_range: Whether the length is within the time, `(batch,)` bool.
        magnitude: Sum of the magnitudes of the valid steps, `(batch,)`. NaN and infinity do not
            leave it finite. They must be seen here: ONNX Runtime's gates make numbers of them.
    """

    sequence: sequences.Sequence
    in_range: str
    magnitude: str


def read(graph: Graph, config: ModelConfig, modality: str) -> Checked:
    """Declares a modality's inputs, and checks them; ids outside the vocabulary count as infinite.

    The sequence's word ids are within the vocabulary.
    """
    time = f"{modality}_time"
    values = sequences.declare(graph, config, modality, "batch", time)
    checked = with_length(graph, modality, values, magnitude(graph, config, modality, values), time)
    if not config.reads_word_ids(modality):
        return checked
    ids = known_ids(graph, config, values)
    return checked._replace(sequence=dataclasses.replace(checked.sequence, values=ids))


def with_length(graph: Graph, modality: str, values: str, magnitudes: str, time: str) -> Checked:
    """Declares the length of a sequence, and checks both.

    Args:
        graph: The graph.
        modality: Whose sequence it is.
        values: The sequence, `(batch, time, ...)`.
        magnitudes: Of each step, `(batch, time)`.
        time: What the size of its time axis is called.
    """
    declared = graph.input(f"{modality}_length", np.int32, ["batch"])
    steps = sequences.scalar(graph, sequences.size(graph, values, 1))
    length = graph.op("Clip", declared, graph.constant(0, np.int32), steps)
    sequence = sequences.Sequence(values, length, sequences.mask(graph, values, length), time)
    valid = graph.op("Where", sequence.mask, magnitudes, graph.floats(0))
    total = graph.op("ReduceSum", valid, graph.integers([1]), keepdims=0)
    return Checked(sequence, graph.op("Equal", declared, length), total)


def answerable(graph: Graph, checked: Iterable[Checked], *conditions: str) -> str:
    """Returns which rows can be answered, `(batch,)` bool: all is in range, and not all is absent.

    Args:
        graph: The graph.
        checked: Of each modality.
        *conditions: What else must hold, `(batch,)` bool.
    """
    parts, in_range, magnitudes = zip(*checked)
    longest = graph.op("Max", *(part.length for part in parts))
    present, finite = sequences.is_present(graph, longest), is_finite(graph, *magnitudes)
    return functools.reduce(
        functools.partial(graph.op, "And"), (*in_range, present, finite, *conditions)
    )


def is_finite(graph: Graph, *magnitudes: str) -> str:
    """Returns whether sums of magnitudes are within what can be answered, `(batch,)` bool."""
    total = graph.op("Sum", *magnitudes)
    return graph.op("LessOrEqual", total, graph.floats(input_checks.LARGEST_FEATURE))


def nan_unless(graph: Graph, usable: str, values: str, *others: int) -> str:
    """Returns values whose rows are NaN that cannot be used; `others` are the axes of no rows."""
    usable = graph.op("Unsqueeze", usable, graph.integers(others))
    return graph.op("Where", usable, values, graph.floats(np.nan))


def magnitude(graph: Graph, config: ModelConfig, modality: str, values: str) -> str:
    """Returns the sum of the magnitudes of each step, `(batch, time)`.

    That of a word id is 0, or infinity outside the vocabulary.
    """
    if not config.reads_word_ids(modality):
        return sum_of_magnitudes(graph, values, 2)
    known = graph.op("Equal", values, known_ids(graph, config, values))
    return graph.op("Where", known, graph.floats(0), graph.floats(np.inf))


def sum_of_magnitudes(graph: Graph, values: str, *axes: int) -> str:
    """Sums magnitudes over axes; in ONNX Runtime this is faster than its ReduceL1."""
    return graph.op("ReduceSum", graph.op("Abs", values), graph.integers(axes), keepdims=0)


def known_ids(graph: Graph, config: ModelConfig, ids: str) -> str:
    """Brings word ids into the vocabulary."""
    last = graph.constant(config.vocabulary_size - 1, np.int32)
    return graph.op("Clip", ids, graph.constant(0, np.int32), last)


def read_statistics(graph: Graph, config: ModelConfig) -> list[str]:
    """Declares the inputs that hold means and deviations of speakers.

    Returns:
        Whether each row of each can be used, `(batch,)` bool.
    """
    usable = []
    for name in config.statistics_names:
        values = sequences.declare(graph, config, name, "batch", "")
        least = 0.0 if name.endswith("_deviation") else -input_checks.LARGEST_FEATURE
        above = graph.op("GreaterOrEqual", values, graph.floats(least))
        below = graph.op("LessOrEqual", values, graph.floats(input_checks.LARGEST_FEATURE))
        wrong = graph.op("Not", graph.op("And", above, below))  # True of NaN
        usable.append(graph.op("Not", _any(graph, wrong)))
    return usable


def _any(graph, rows):
    """Returns whether anything is True in a row, `(batch,)` bool."""
    numbers = graph.op("Cast", rows, to=_INT32)
    highest = graph.op("ReduceMax", numbers, graph.integers([1]), keepdims=0)
    return graph.op("Cast", highest, to=_BOOL)
