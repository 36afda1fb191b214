"""Several models of one configuration as one, whose probabilities are their mean."""

from collections.abc import Sequence

import keras

from amh_tf import layers
from amh_tf.config import ModelConfig
from amh_tf.models import encoders


def join(config: ModelConfig, members: Sequence[keras.Model]) -> keras.Model:
    """Joins trained models.

    Args:
        config: Their `amh_tf.config.ModelConfig`.
        members: List of `keras.Model`, at least one. Each is renamed.

    Returns:
        `keras.Model` named "ensemble", from the same input dict to the logarithms of the mean
        probabilities, `(batch, num_classes)`.
    """
    inputs = encoders.inputs(config)
    for number, member in enumerate(members, start=1):
        member.name = f"member_{number}"
    logits = [member(inputs) for member in members]
    mean = layers.MeanProbability(name="logits")(logits)
    return keras.Model(inputs, mean, name="ensemble")


def members(model: keras.Model) -> list[keras.Model]:
    """Returns the models that an ensemble joins, or the model itself if it joins none."""
    return [layer for layer in model.layers if isinstance(layer, keras.Model)] or [model]
