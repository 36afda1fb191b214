"""The model in a stream: encoders that carry their states, and the rest over the states so far."""

import numpy as np
import onnx

from amh_tf import errors, models
from amh_tf.deploy.onnx import checks, description, encoders, heads, model, sequences
from amh_tf.deploy.onnx.graph import Graph
from amh_tf.runs.trained import Trained

BIDIRECTIONAL = (
    "The encoders read both ways, and the other way begins at the end of the recording, which a "
    "stream does not have."
)


def check(trained: Trained) -> None:
    """Raises an `InputError` where a model cannot run in a stream."""
    if trained.config.bidirectional:
        raise errors.refusal(
            "The model cannot run in a stream",
            "encoders that read forward",
            BIDIRECTIONAL,
            "Train one without --bidirectional.",
        )


def encoder(trained: Trained, modality: str, half: bool = False) -> onnx.ModelProto:
    """Builds the encoder of one modality.

    Inputs: the modality's, `(batch, time, width)` or word ids `(batch, time)`, of at least one
    step; `MODALITY_state` (layers, batch, units), zeros at the start, and of an LSTM
    `MODALITY_cell`; where the model standardizes by the speaker `MODALITY_mean` and
    `MODALITY_deviation`. Outputs: `MODALITY_states` (batch, time, dim), to be appended to those
    before, `MODALITY_next_state` and `MODALITY_next_cell`. An ensemble's members are side by side,
    in the layers as in the dimensions.

    Features that are not finite, or ids outside the vocabulary, make a row NaN, and all that goes
    on from there.

    Where `audio_stride` steps of sound are averaged into one, a piece holds a multiple of it; the
    last may hold any number, and nothing goes on from there.

    Args:
        trained: `amh_tf.runs.trained.Trained`, whose encoders read forward.
        modality: Which modality.
        half: Whether weights are stored in half precision.
    """
    check(trained)
    graph, config, members = Graph(half), trained.config, models.members(trained.model)
    values = sequences.declare(graph, config, modality, "batch", f"{modality}_time")
    for name in config.statistics_names:
        if name.startswith(modality):
            sequences.declare(graph, config, name, "batch", "")
    magnitudes = checks.magnitude(graph, config, modality, values)
    magnitudes = [graph.op("ReduceSum", magnitudes, graph.integers([1]), keepdims=0)]
    if config.reads_word_ids(modality):
        values = checks.known_ids(graph, config, values)
    sequence = sequences.whole(graph, values, f"{modality}_time")
    sequence = sequences.average(graph, sequence, sequences.stride(config, modality))
    units = getattr(config, f"{modality}_units")
    layers = getattr(config, f"{modality}_layers")
    carried = ["state", "cell"] if config.cell == "lstm" else ["state"]
    shape = [layers * len(members), "batch", units]
    for what in carried:
        state = graph.input(f"{modality}_{what}", np.float32, shape)
        magnitudes.append(checks.sum_of_magnitudes(graph, state, 0, 2))
    usable = checks.is_finite(graph, *magnitudes)
    states, ends = [], []
    for number, member in enumerate(members):
        initial = [
            [_layer(graph, f"{modality}_{what}", number * layers + layer) for what in carried]
            for layer in range(layers)
        ]
        name = model.member_name(number, len(members))
        encoded = encoders.encode(
            graph, config, member, name, modality, sequence.values, initial=initial
        )
        states.append(encoded.states)
        ends += encoded.carried
    joined = states[0] if len(states) == 1 else graph.op("Concat", *states, axis=2)
    joined = checks.nan_unless(graph, usable, joined, 1, 2)
    width = units * len(members)
    graph.output(f"{modality}_states", joined, np.float32, ["batch", sequence.time, width])
    for what, parts in zip(carried, zip(*ends)):
        stacked = parts[0] if len(parts) == 1 else graph.op("Concat", *parts, axis=0)
        stacked = checks.nan_unless(graph, usable, stacked, 0, 2)
        graph.output(f"{modality}_next_{what}", stacked, np.float32, shape)
    return graph.model(f"{modality}_encoder", description.of(trained, half))


def hops(trained: Trained, half: bool = False) -> onnx.ModelProto:
    """Builds what comes after the encoders: hops, or what the model has in their place.

    Inputs, for each modality: `MODALITY_states` (batch, time, dim), time at least 1, and
    `MODALITY_length` (batch,) int32, how many of these there are so far; 0 where there is none.
    Outputs: as of the whole model.

    Args:
        trained: `amh_tf.runs.trained.Trained`, whose encoders read forward.
        half: Whether weights are stored in half precision.
    """
    check(trained)
    graph, config, members = Graph(half), trained.config, models.members(trained.model)
    read = {}
    for modality in config.modalities:
        time, width = f"{modality}_time", len(members) * getattr(config, f"{modality}_units")
        values = graph.input(f"{modality}_states", np.float32, ["batch", time, width])
        magnitudes = checks.sum_of_magnitudes(graph, values, 2)
        read[modality] = checks.with_length(graph, modality, values, magnitudes, time)
    answers = []
    for number, member in enumerate(members):
        encoded = {
            modality: _states(graph, checked.sequence, getattr(config, f"{modality}_units"), number)
            for modality, checked in read.items()
        }
        name = model.member_name(number, len(members))
        answers.append(heads.answer(graph, config, member, name, encoded))
    answerable = checks.answerable(graph, read.values())
    heads.outputs(graph, config.num_classes, answers, answerable)
    return graph.model("hops", description.of(trained, half))


def _layer(graph, carried, place):
    """Returns one layer's state, `(1, batch, units)`."""
    return _slice(graph, carried, place, place + 1, axis=0)


def _states(graph, sequence, units, number):
    """Returns the states of one member, and the last of them that there is."""
    states = _slice(graph, sequence.values, number * units, (number + 1) * units, axis=2)
    place = graph.op("Max", sequence.length, graph.constant([1], np.int32))
    place = graph.op("Sub", place, graph.constant([1], np.int32))
    place = graph.op("Cast", place, to=onnx.TensorProto.INT64)
    place = graph.op("Unsqueeze", place, graph.integers([1]))
    last = graph.op("GatherND", states, place, batch_dims=1)
    last = sequences.where_present(graph, sequence.length, last)
    return heads.States(states, last, sequence.mask, sequence.time)


def _slice(graph, values, start, end, axis):
    return graph.op("Slice", values, *(graph.integers([place]) for place in (start, end, axis)))
