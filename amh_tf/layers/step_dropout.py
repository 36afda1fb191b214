from typing import Any

import keras
import tensorflow as tf

from amh_tf import errors
from amh_tf.layers import draws


@keras.saving.register_keras_serializable(package="amh_tf")
class StepDropout(keras.layers.Layer):
    """Dropout that draws every element anew, from 16 random bits each.

    `keras.layers.Dropout` draws a float for each element. For the inputs of a batch, some ten
    million elements, half of 32 random bits does as well: the rate is met to 1 / 65,536. The
    state of its seed is one of the layer's variables, so that a restored run draws on.

    Args:
        rate: Drop rate in [0, 1). What is kept is scaled by 1 / (1 - rate).
        seed: Integer, or None for one drawn from Keras' global seed.

    Call arguments:
        inputs: Floating-point tensor of any shape.
        training: Whether dropout is active.

    Returns:
        Tensor of the same shape and dtype.

    Example:

    >>> import numpy as np
    >>> StepDropout(0.5, seed=1)(np.ones((1, 6)), training=True).numpy().tolist()
    [[0.0, 2.0, 2.0, 2.0, 2.0, 2.0]]
    """

    LEVELS = 1 << 16

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise errors.refusal(
                "`rate` is out of range", "a drop rate of at least 0 and below 1", f"rate={rate}"
            )
        self.supports_masking = True
        self.rate = rate
        self.seed = seed
        if rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def next_seed(self) -> tf.Tensor:
        """Takes an int64 seed of shape `(2,)`, for kernels that drop inputs themselves."""
        return draws.next_seed(self.seed_generator)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or self.rate == 0:
            return inputs
        count = tf.size(inputs)
        pairs = tf.random.stateless_uniform(
            [(count + 1) // 2],
            self.next_seed(),
            minval=None,
            maxval=None,
            dtype=tf.uint32,
        )
        integers = tf.reshape(tf.bitcast(pairs, tf.uint16), [-1])[:count]
        threshold = min(round(self.rate * self.LEVELS), self.LEVELS - 1)
        mask = tf.reshape(integers, tf.shape(inputs)) >= tf.constant(threshold, tf.uint16)
        scale = tf.cast(self.LEVELS / (self.LEVELS - threshold), inputs.dtype)
        return tf.where(mask, inputs * scale, tf.zeros([], inputs.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
