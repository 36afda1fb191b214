"""From encoders' states to an answer: how the models join their modalities, and the last layer."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from amh_tf.config import ModelConfig
from amh_tf.deploy.onnx import checks
from amh_tf.deploy.onnx.graph import Graph

_MASKED = -1e9  # as `layers.masked_softmax` masks


@dataclasses.dataclass(frozen=True)
class States:
    """Names of what one modality's encoder has left in a graph.

    Attributes:
        states: `(batch, time, dim)`.
        last: `(batch, dim)`.
        mask: `(batch, time)` bool.
        time: Name of the size of the time axis.
    """

    states: str
    last: str
    mask: str
    time: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """Names of values of a graph.

    Attributes:
        logits: `(batch, classes)`.
        attention: The weights of each hop, `(batch, time)`, and the name of their time axis' size.
    """

    logits: str
    attention: list[tuple[str, str]]


def answer(
    graph: Graph,
    config: ModelConfig,
    member: keras.Model,
    name: str,
    encoded: Mapping[str, States],
) -> Answer:
    """Joins the modalities as the model does.

    Args:
        graph: The graph.
        config: `amh_tf.config.ModelConfig` of the model.
        member: The trained model, or one of an ensemble's.
        name: What its weights' names begin with.
        encoded: By modality, in the order of the configuration.
    """
    fused, attention = _FUSIONS[config.architecture.fusion](graph, member, name, encoded)
    logits = _dense(graph, member.get_layer("logits"), f"{name}logits", fused)
    return Answer(logits, attention)


def _mean(graph, answers):
    """Joins members' answers: the logarithm of their mean probability, and their mean attention."""
    if len(answers) == 1:
        return answers[0]
    first = graph.integers([0])
    logs = [graph.op("LogSoftmax", answer.logits, axis=1) for answer in answers]
    stacked = graph.op("Concat", *(graph.op("Unsqueeze", log, first) for log in logs), axis=0)
    total = graph.op("ReduceLogSumExp", stacked, first, keepdims=0)
    logits = graph.op("Sub", total, graph.floats(np.log(len(answers))))
    attention = [
        (graph.op("Mean", *(weights for weights, _ in hop)), hop[0][1])
        for hop in zip(*(answer.attention for answer in answers))
    ]
    return Answer(logits, attention)


def outputs(graph: Graph, classes: int, answers: Sequence[Answer], answerable: str) -> None:
    """Declares `probabilities`, `logits`, and `attention_1` to `attention_N`.

    Args:
        graph: The graph.
        classes: Number of classes.
        answers: Of each member.
        answerable: Which rows can be answered, `(batch,)` bool; the others become NaN.
    """
    answer = _mean(graph, answers)
    logits = checks.nan_unless(graph, answerable, answer.logits, 1)
    probabilities = graph.op("Softmax", logits, axis=1)
    graph.output("probabilities", probabilities, np.float32, ["batch", classes])
    graph.output("logits", logits, np.float32, ["batch", classes])
    for hop, (weights, time) in enumerate(answer.attention, start=1):
        graph.output(f"attention_{hop}", weights, np.float32, ["batch", time])


def _pool(graph, states, query):
    """Pools states by their similarity to a vector, as `kernels.attention.pool` does.

    Args:
        graph: The graph.
        states: `States`.
        query: The vector, `(batch, 1, dim)`: it stays a row, so that no product needs a new shape.

    Returns:
        Context `(batch, 1, dim)`, and weights `(batch, time)` with their axis' name.
    """
    row = graph.integers([1])
    mask = graph.op("Unsqueeze", states.mask, row)
    scores = graph.op("MatMul", query, graph.op("Transpose", states.states, perm=[0, 2, 1]))
    weights = graph.op("Softmax", graph.op("Where", mask, scores, graph.floats(_MASKED)), axis=2)
    weights = graph.op("Where", mask, weights, graph.floats(0))
    context = graph.op("MatMul", weights, states.states)
    return context, (graph.op("Squeeze", weights, row), states.time)


def _hops(graph, member, name, encoded):
    schedule, attention, row = member.get_layer("hops"), [], graph.integers([1])
    vectors = {
        modality: graph.op("Unsqueeze", states.last, row) for modality, states in encoded.items()
    }
    for layer, target in zip(schedule.attentions, schedule.targets(encoded)):
        query = [vectors[modality] for modality in sorted(vectors) if modality != target]
        query = query[0] if len(query) == 1 else graph.op("Concat", *query, axis=2)
        kernel, bias = _weights(graph, layer, f"{name}hops/{layer.name}")
        projected = graph.op("Add", graph.op("MatMul", query, kernel), bias)
        vectors[target], weights = _pool(graph, encoded[target], projected)
        attention.append(weights)
    fused = graph.op("Concat", *(vectors[modality] for modality in encoded), axis=2)
    return graph.op("Squeeze", fused, row), attention


def _dense_layers(graph, member, name, encoded):
    vectors = []
    for modality, states in encoded.items():
        layer = member.get_layer(f"{modality}_dense")
        product = _dense(graph, layer, f"{name}{layer.name}", states.last)
        vectors.append(graph.op("Tanh", product))
    return graph.op("Concat", *vectors, axis=1), []


def _memory_attention(graph, member, name, encoded):
    (states,) = encoded.values()
    memory = graph.weight(f"{name}attention/memory", member.get_layer("attention").memory)
    query = graph.op("Unsqueeze", memory, graph.integers([0, 1]))
    context, weights = _pool(graph, states, query)
    return graph.op("Squeeze", context, graph.integers([1])), [weights]


_FUSIONS: dict[str, Callable] = {
    "hops": _hops,
    "dense_layers": _dense_layers,
    "memory_attention": _memory_attention,
}


def _dense(graph, layer, name, vectors):
    """Multiplies vectors with a layer's kernel, and adds its bias."""
    return graph.op("Gemm", vectors, *_weights(graph, layer, name))


def _weights(graph, layer, name):
    """Returns a layer's kernel and bias."""
    return graph.weight(f"{name}/kernel", layer.kernel), graph.weight(f"{name}/bias", layer.bias)
