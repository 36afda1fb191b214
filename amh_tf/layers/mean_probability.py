from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="amh_tf")
class MeanProbability(keras.layers.Layer):
    """Averages what several models hold for probable.

    Call arguments:
        logits: List of tensors of shape `(batch, classes)`, one for each model.

    Returns:
        Logarithms of the mean probabilities, `(batch, classes)` float32: the softmax of them is
        the mean of the models' own.

    Example:

    >>> import numpy as np
    >>> logits = [np.log([[0.2, 0.8]]), np.log([[0.6, 0.4]])]
    >>> print(np.exp(MeanProbability()(logits)).round(2))
    [[0.4 0.6]]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def build(self, logits_shape):
        self.built = True

    def call(self, logits: Sequence[tf.Tensor]) -> tf.Tensor:
        logs = [tf.nn.log_softmax(tf.cast(of_model, tf.float32)) for of_model in logits]
        return tf.reduce_logsumexp(tf.stack(logs), axis=0) - tf.math.log(float(len(logs)))

    def compute_output_shape(self, logits_shape):
        return logits_shape[0]
