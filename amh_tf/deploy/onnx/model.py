"""The whole model: from the inputs of the served signature to the answer."""

import functools

import numpy as np
import onnx

from amh_tf import models
from amh_tf.deploy import input_checks
from amh_tf.deploy.onnx import description, encoders, heads, sequences
from amh_tf.deploy.onnx.graph import Graph
from amh_tf.runs.trained import Trained


def build(trained: Trained, half: bool = False) -> onnx.ModelProto:
    """Builds the model's graph, for a batch of any size and sequences of any length.

    Inputs are those of the served signature `serving_default`, by the same names; time is at least
    1, and steps from a row's length on do not matter. Outputs are `probabilities` and `logits`
    (batch, classes), and `attention_1` ... `attention_N` (batch, time) where the model has any. All
    probabilities of a row are NaN that cannot be answered: a length out of range, features that
    are not finite, an id outside the vocabulary, or no modality at all.

    Args:
        trained: `amh_tf.runs.trained.Trained`.
        half: Whether weights are stored in half precision.
    """
    graph, config = Graph(half), trained.config
    read = {modality: sequences.read(graph, config, modality) for modality in config.modalities}
    answerable = _answerable(graph, config, list(read.values()))
    averaged = {
        modality: sequences.average(graph, sequence, sequences.stride(config, modality))
        for modality, (sequence, _, _) in read.items()
    }
    members = models.members(trained.model)
    answers = []
    for number, member in enumerate(members):
        name = member_name(number, len(members))
        encoded = {}
        for modality, sequence in averaged.items():
            parts = encoders.encode(
                graph, config, member, name, modality, sequence.values, sequence.length
            )
            encoded[modality] = heads.States(parts.states, parts.last, sequence.mask, sequence.time)
        answers.append(heads.answer(graph, config, member, name, encoded))
    answer = heads.mean(graph, answers)
    answerable = graph.op("Unsqueeze", answerable, graph.integers([1]))
    logits = graph.op("Where", answerable, answer.logits, graph.floats(np.nan))
    heads.outputs(graph, config.num_classes, heads.Answer(logits, answer.attention))
    return graph.model(config.row, description.of(trained, half))


def member_name(number: int, count: int) -> str:
    """Returns what the names of a member's weights begin with: nothing where it is alone."""
    return f"member_{number + 1}/" if count > 1 else ""


def _answerable(graph, config, read):
    """Returns which rows can be answered, `(batch,)` bool."""
    parts, in_range, magnitudes = zip(*read)
    magnitude = graph.op("Sum", *magnitudes)
    conditions = [
        *in_range,
        graph.op("LessOrEqual", magnitude, graph.floats(input_checks.LARGEST_FEATURE)),
        sequences.is_present(graph, graph.op("Max", *(part.length for part in parts))),
        *sequences.read_statistics(graph, config),
    ]
    return functools.reduce(functools.partial(graph.op, "And"), conditions)
