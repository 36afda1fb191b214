from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="amh_tf")
class Standardize(keras.layers.Layer):
    """Brings every dimension to mean 0 and deviation 1.

    Mean and deviation are either the layer's own, those of a training part, which go wherever
    the model goes; or given with every utterance, those of its speaker. A dimension whose
    deviation is 0 says nothing and becomes 0.

    Masking: padded steps are standardized like all others; who reads the sequence masks them.

    Args:
        own: Whether mean and deviation are the layer's. Defaults to True. They start as 0 and
            1, and are set by `adapt`.

    Call arguments:
        sequence: Tensor of shape `(batch, time, dim)`.
        mean, deviation: Tensors of shape `(batch, dim)`, where they are not the layer's own.

    Returns:
        Tensor of the shape of `sequence`.

    Example:

    >>> import numpy as np
    >>> layer = Standardize(own=False)
    >>> layer(np.array([[[5.0], [7.0]]]), np.array([[5.0]]), np.array([[2.0]])).numpy().tolist()
    [[[0.0], [1.0]]]
    """

    def __init__(self, own: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.own = own

    def build(self, sequence_shape, mean_shape=None, deviation_shape=None):
        if self.own:
            shape = (sequence_shape[-1],)
            self.mean = self.add_weight(
                shape=shape, initializer="zeros", trainable=False, name="mean"
            )
            self.deviation = self.add_weight(
                shape=shape, initializer="ones", trainable=False, name="deviation"
            )
        self.built = True

    def adapt(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        """Sets mean and deviation, each `(dim,)`."""
        self.mean.assign(mean)
        self.deviation.assign(deviation)

    def call(
        self,
        sequence: tf.Tensor,
        mean: tf.Tensor | None = None,
        deviation: tf.Tensor | None = None,
    ) -> tf.Tensor:
        if self.own:
            mean, deviation = (tf.convert_to_tensor(w)[None] for w in (self.mean, self.deviation))
        deviation = tf.cast(deviation, tf.float32)
        scale = tf.where(deviation > 0, tf.math.divide_no_nan(1.0, deviation), 0.0)
        scale = tf.cast(scale, sequence.dtype)[:, None, :]
        return sequence * scale - tf.cast(mean, sequence.dtype)[:, None, :] * scale

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_spec(self, sequence, mean=None, deviation=None):
        return keras.KerasTensor(sequence.shape, dtype=sequence.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "own": self.own}
