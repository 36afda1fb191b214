"""A second view of a trained model: the same weights, with what each hop attended to."""

import keras


def attention_model(model):
    """Returns a model over the same inputs and weights that also shows its attention.

    Args:
        model: An AMH model, freshly built or loaded from a file.

    Returns:
        `keras.Model` from the same input dict to a dict: `logits` (batch, classes); `fused`
        (batch, dim), the concatenated vectors after the last hop; `attention_1` ...
        `attention_N`, each `(batch, time)` of the modality that the hop attends to, which
        `model.get_layer("hops").targets(modalities)` names.

    Raises:
        ValueError: If the model has no hops.
    """
    names = [layer.name for layer in model.layers]
    if "hops" not in names or "fused" not in names:
        raise ValueError(
            "The model has no hops to show. Expected a model built with --model=amh. "
            f"Received: a model named {model.name!r}."
        )
    hops = model.get_layer("hops")
    weights = hops.output[-hops.num_hops :]  # Keras lists a layer's outputs flat.
    outputs = {"logits": model.output, "fused": model.get_layer("fused").output}
    for hop, weight in enumerate(weights):
        outputs[f"attention_{hop + 1}"] = weight
    return keras.Model(model.input, outputs, name=f"{model.name}_attention")
