"""The whole model: from the inputs of the served signature to the answer."""

import onnx

from amh_tf import models
from amh_tf.deploy.onnx import checks, description, encoders, heads, sequences
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
    read = {modality: checks.read(graph, config, modality) for modality in config.modalities}
    statistics = checks.read_statistics(graph, config)
    answerable = checks.answerable(graph, read.values(), *statistics)
    averaged = {
        modality: sequences.average(graph, checked.sequence, sequences.stride(config, modality))
        for modality, checked in read.items()
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
    heads.outputs(graph, config.num_classes, answers, answerable)
    return graph.model(config.row, description.of(trained, half))


def member_name(number: int, count: int) -> str:
    """Returns what the names of a member's weights begin with: nothing where it is alone."""
    return f"member_{number + 1}/" if count > 1 else ""
