from typing import Any

import keras
import tensorflow as tf

from amh_tf import errors
from amh_tf.layers import draws

# Shares are below this: something of an utterance must stay.
_MOST = 0.9
# Values that the noise of one number can have.
_LEVELS = 256


@keras.saving.register_keras_serializable(package="amh_tf")
class Augmentation(keras.layers.Layer):
    """Changes standardized features as other recordings of the same would differ.

    Every utterance has its own draws at every step of training; outside of training nothing
    changes. The state of the layer's seed is one of its variables, so that a restored run draws
    on. What is masked becomes 0, the mean.

    Args:
        time_mask: Largest share in [0, 0.9) of the steps that a mask takes out. There are two
            masks.
        frequency_mask: Largest share in [0, 0.9) of the coefficients that a mask takes out, in
            all of the `blocks`. There are two masks.
        blocks: How many blocks of the same coefficients a step is made of: 3 for MFCC with first
            and second derivatives. Defaults to 1.
        level: Standard deviation of what is added to the first dimension, the level of the sound,
            throughout an utterance.
        noise: Standard deviation of noise that is added to every number, evenly distributed.
        seed: Integer, or None for one drawn from Keras' global seed.

    Call arguments:
        sequence: Tensor of shape `(batch, time, dim)`, standardized.
        length: Int32 tensor of shape `(batch,)`.
        training: Whether anything is changed.

    Returns:
        Tensor of the shape of `sequence`.

    Reference:
     - Park et al., "SpecAugment", Interspeech 2019

    Example:

    >>> import numpy as np
    >>> layer = Augmentation(time_mask=0.5, seed=1)
    >>> changed = layer(np.ones((1, 8, 2)), np.array([8]), training=True).numpy()
    >>> changed[0, :, 0].tolist()
    [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """

    MASKS = 2

    def __init__(
        self,
        time_mask: float = 0.0,
        frequency_mask: float = 0.0,
        blocks: int = 1,
        level: float = 0.0,
        noise: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value, most in (
            ("time_mask", time_mask, _MOST),
            ("frequency_mask", frequency_mask, _MOST),
            ("level", level, float("inf")),
            ("noise", noise, float("inf")),
        ):
            if not 0 <= value < most:
                raise errors.refusal(
                    f"`{name}` is out of range", f"at least 0 and below {most}", f"{name}={value}"
                )
        self.time_mask = time_mask
        self.frequency_mask = frequency_mask
        self.blocks = blocks
        self.level = level
        self.noise = noise
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, sequence_shape, length_shape):
        if sequence_shape[-1] % self.blocks:
            raise errors.refusal(
                "`blocks` does not fit the features",
                f"a divisor of their width, {sequence_shape[-1]}",
                f"blocks={self.blocks}",
            )
        self.built = True

    def call(self, sequence: tf.Tensor, length: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return sequence
        seeds = tf.unstack(tf.random.split(draws.next_seed(self.seed_generator), 4))
        factors = []
        if self.time_mask:
            factors.append(self._kept_steps(sequence, length, seeds[0])[:, :, None])
        if self.frequency_mask:
            factors.append(self._kept_coefficients(sequence, seeds[1])[:, None, :])
        for factor in factors:
            sequence *= tf.cast(factor, sequence.dtype)
        if self.level:
            sequence += self._level(sequence, seeds[2])
        if self.noise:
            sequence += self._noise(sequence, seeds[3])
        return sequence

    def _kept_steps(self, sequence, length, seed):
        """Returns which steps stay, `(batch, time)`."""
        steps = tf.cast(tf.range(tf.shape(sequence)[1]), tf.float32)
        return self._outside_masks(steps, tf.cast(length, tf.float32), self.time_mask, seed)

    def _kept_coefficients(self, sequence, seed):
        """Returns which dimensions stay, `(batch, dim)`."""
        count = sequence.shape[-1] // self.blocks
        sizes = tf.fill([tf.shape(sequence)[0]], float(count))
        mask = self._outside_masks(tf.range(float(count)), sizes, self.frequency_mask, seed)
        return tf.tile(mask, [1, self.blocks])

    def _outside_masks(self, places, sizes, share, seed):
        """Draws masks over `sizes` (batch,) and returns which `places` are in none."""
        uniform = tf.random.stateless_uniform([self.MASKS, 2, tf.size(sizes)], seed)
        widths = tf.round(uniform[:, 0] * share * sizes)
        starts = tf.round(uniform[:, 1] * (sizes - widths))
        inside = (places >= starts[:, :, None]) & (places < (starts + widths)[:, :, None])
        return tf.logical_not(tf.reduce_any(inside, axis=0))

    def _level(self, sequence, seed):
        shift = tf.random.stateless_normal([tf.shape(sequence)[0], 1, 1], seed, stddev=self.level)
        first = tf.one_hot(0, sequence.shape[-1], dtype=sequence.dtype)
        return tf.cast(shift, sequence.dtype) * first

    def _noise(self, sequence, seed):
        # Eight bits for a number: more of them, or normal ones, take two and ten times as long.
        count = tf.size(sequence)
        bits = tf.random.stateless_uniform(
            [(count + 3) // 4], seed, minval=None, maxval=None, dtype=tf.uint32
        )
        integers = tf.cast(tf.reshape(tf.bitcast(bits, tf.int8), [-1])[:count], sequence.dtype)
        # 256 values at equal distances, 1/2 beside 0 the nearest: mean 0, deviation exactly 1.
        deviation = ((_LEVELS**2 - 1) / 12) ** 0.5
        scale = self.noise / deviation
        return tf.reshape(integers * scale + scale / 2, tf.shape(sequence))

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_spec(self, sequence, length, training=False):
        return keras.KerasTensor(sequence.shape, dtype=sequence.dtype)

    def get_config(self) -> dict[str, Any]:
        names = ("time_mask", "frequency_mask", "blocks", "level", "noise", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
