"""A trained model cut on both sides of its encoders, which can then read on from a state."""

import typing

import keras

from amh_tf import layers, schema
from amh_tf.models import attention


class Parts(typing.NamedTuple):
    """The parts of one model; they have its weights.

    Attributes:
        before: From each modality to a `keras.Function` from the dict of its inputs, and of all
            lengths, to the sequence that its encoder reads, `(batch, time, dim)`.
        encoders: From each modality to its encoder.
        after: `keras.Function` from the encoders' outputs, a dict of `audio_states` (batch, time,
            units), `audio_last` (batch, units), `audio_mask` (batch, time) and so on, to a dict of
            `logits` and, where the model has attention, `attention_1` ... `attention_N`.
    """

    before: dict[str, keras.Function]
    encoders: dict[str, layers.ModalityEncoder]
    after: keras.Function


def cut(model: keras.Model) -> Parts:
    """Cuts a model.

    Args:
        model: What `build` returns, with whatever weights; not an ensemble, whose members are cut
            one by one.
    """
    names = {layer.name for layer in model.layers}
    encoders = {
        modality: model.get_layer(f"{modality}_encoder")
        for modality in schema.MODALITIES
        if f"{modality}_encoder" in names
    }
    before, between = {}, {}
    for modality, encoder in encoders.items():
        inputs = {
            name: tensor
            for name, tensor in model.input.items()
            if name.split("_")[0] == modality or name.endswith("_length")
        }
        before[modality] = keras.Function(inputs, encoder.input[0])
        between[f"{modality}_states"], between[f"{modality}_last"] = encoder.output
        between[f"{modality}_mask"] = model.get_layer(f"{modality}_mask").output
    outputs = {"logits": model.output}
    if attention.has_attention(model):
        shown = attention.attention_model(model).output
        outputs = {name: tensor for name, tensor in shown.items() if name != "fused"}
    return Parts(before, encoders, keras.Function(between, outputs))
