"""A second view of a trained model: the same weights, with what each hop attended to."""

from collections.abc import Sequence

import keras

from amh_tf import errors
from amh_tf.models import ensemble


def has_attention(model: keras.Model) -> bool:
    """Returns whether a model, not an ensemble, has attention to show."""
    names = {layer.name for layer in model.layers}
    return "fused" in names and bool(names & {"hops", "attention"})


def attention_model(model: keras.Model) -> keras.Model:
    """Returns a model over the same inputs and weights that also shows its attention.

    Args:
        model: An AMH, MHA or RNN-attn model, freshly built or loaded from a file, or an ensemble
            of such, whose attention is the mean of its members'.

    Returns:
        `keras.Model` from the same input dict to a dict: `logits` (batch, classes); `fused`
        (batch, dim), the vector before the last layer; `attention_1` ... `attention_N`, each
        `(batch, time)` of the modality that the hop attends to, which `attention_targets` names.
        RNN-attn has `attention_1` alone.

    Raises:
        ValueError: If the model has no attention.
    """
    members = ensemble.members(model)
    if members != [model]:
        return _of_ensemble(model, members)
    layers = {layer.name: layer for layer in model.layers}
    if not has_attention(model):
        raise errors.refusal(
            "The model has no attention to show",
            "an AMH, MHA or RNN-attn model",
            f"a model named {model.name!r}",
        )
    # Keras lists a layer's outputs flat: the weights come last.
    if "hops" in layers:
        weights = layers["hops"].output[-layers["hops"].num_hops :]
    else:
        weights = layers["attention"].output[-1:]
    outputs = {"logits": model.output, "fused": layers["fused"].output}
    for hop, weight in enumerate(weights):
        outputs[f"attention_{hop + 1}"] = weight
    return keras.Model(model.input, outputs, name=f"{model.name}_attention")


def attention_targets(model: keras.Model, modalities: Sequence[str]) -> list[str]:
    """Returns the modality that each of the outputs `attention_1` ... `attention_N` is of.

    Args:
        model: Any model, or an ensemble; one without attention has none.
        modalities: Those that it reads, in the order audio, text, video.
    """
    layers = {layer.name: layer for layer in ensemble.members(model)[0].layers}
    if "hops" in layers:
        return layers["hops"].targets(modalities)
    return list(modalities) if "attention" in layers else []


def _of_ensemble(model, members):
    member_outputs = [attention_model(member)(model.input) for member in members]
    outputs = {"logits": model.output}
    for name in [name for name in member_outputs[0] if name != "logits"]:
        # Members' vectors have nothing to do with one another; what they look at has.
        join = keras.layers.Concatenate if name == "fused" else keras.layers.Average
        outputs[name] = join(name=name)([member[name] for member in member_outputs])
    return keras.Model(model.input, outputs, name=f"{model.name}_attention")
