from typing import Any

import keras
import tensorflow as tf

from amh_tf import errors
from amh_tf.layers import draws


@keras.saving.register_keras_serializable(package="amh_tf")
class FrameAverage(keras.layers.Layer):
    """Averages every few steps of a sequence into one.

    A hundred frames of sound a second say little more about a feeling than a dozen do, and a
    recurrence takes its time by the step. In training the steps may be played faster or slower,
    by averaging over more or fewer of them, from a start that is drawn anew; every utterance has
    its own draws. The state of the layer's seed is one of its variables, so that a restored run
    draws on.

    Masking: padded steps are not read. The last step of a sequence is the mean of what is left
    for it; a sequence of length 0 stays one.

    Args:
        stride: Number of steps that make one, at least 1.
        speed: Largest change of the speed in training, in [0, 0.9): the rate is within
            1 +- `speed`. Defaults to 0, for which nothing is drawn.
        seed: Integer, or None for one drawn from Keras' global seed.

    Call arguments:
        sequence: Tensor of shape `(batch, time, dim)`.
        length: Int32 tensor of shape `(batch,)`.
        training: Whether the speed changes.

    Returns:
        sequence of shape `(batch, ceil(time / stride), dim)`, with another time in training; length
        of shape `(batch,)`.

    Reference:
     - Ko et al., "Audio Augmentation for Speech Recognition", Interspeech 2015, for the speed

    Example:

    >>> import numpy as np
    >>> frames = np.array([[[1.0], [3.0], [4.0], [6.0], [9.0]]])
    >>> averages, length = FrameAverage(2)(frames, np.array([5]))
    >>> averages.numpy().tolist(), length.numpy().tolist()
    ([[[2.0], [5.0], [9.0]]], [3])
    """

    def __init__(
        self, stride: int, speed: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if stride < 1:
            raise errors.refusal(
                "`stride` is out of range", "an integer of at least 1", f"stride={stride}"
            )
        if not 0 <= speed < 0.9:
            raise errors.refusal(
                "`speed` is out of range", "at least 0 and below 0.9", f"speed={speed}"
            )
        self.stride = stride
        self.speed = speed
        self.seed = seed
        if speed:
            self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, sequence_shape, length_shape):
        self.built = True

    def call(
        self, sequence: tf.Tensor, length: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if training and self.speed:
            return self._played(sequence, length)
        mask = tf.sequence_mask(length, tf.shape(sequence)[1])
        sequence = tf.where(mask[:, :, None], sequence, tf.zeros([], sequence.dtype))
        # Whole windows, one at least.
        rows, time = tf.unstack(tf.shape(sequence)[:2])
        steps = tf.maximum(-(-time // self.stride), 1)
        sequence = tf.pad(sequence, [[0, 0], [0, steps * self.stride - time], [0, 0]])
        windows = tf.reshape(sequence, [rows, steps, self.stride, sequence.shape[2]])
        left = tf.cast(length, tf.int32)[:, None] - tf.range(steps) * self.stride
        sizes = tf.clip_by_value(left, 1, self.stride)
        mean = tf.reduce_sum(windows, axis=2) / tf.cast(sizes, sequence.dtype)[:, :, None]
        return mean, -(-length // self.stride)

    def _played(self, sequence, length):
        """Averages over windows that each utterance draws."""
        lengths = tf.cast(length, tf.float32)
        start, width = self._draw(lengths)
        # A sequence that has any steps keeps one.
        count = tf.minimum(tf.math.ceil((lengths - start) / width - 1e-4), lengths)
        steps = tf.cast(tf.maximum(tf.reduce_max(count), 1), tf.int32)
        edges = start[:, None] + tf.range(tf.cast(steps, tf.float32) + 1)[None, :] * width[:, None]
        edges = tf.minimum(tf.round(edges), lengths[:, None])
        rows, time = tf.unstack(tf.shape(sequence)[:2])
        places = tf.tile(tf.range(tf.cast(time, tf.float32))[None], [rows, 1])
        window = tf.searchsorted(edges, places, side="right") - 1
        inside = (window >= 0) & (places < lengths[:, None])
        # One pass over the sequence; what is in no window goes nowhere.
        window = tf.where(inside, window + tf.range(rows)[:, None] * steps, -1)
        flat = tf.reshape(sequence, [rows * time, sequence.shape[2]])
        total = tf.math.unsorted_segment_sum(flat, tf.reshape(window, [-1]), rows * steps)
        total = tf.reshape(total, [rows, steps, sequence.shape[2]])
        sizes = tf.maximum(edges[:, 1:] - edges[:, :-1], 1.0)
        return total / tf.cast(sizes, sequence.dtype)[:, :, None], tf.cast(count, length.dtype)

    def _draw(self, lengths):
        """Returns where each utterance starts, and how many of its steps make one."""
        seeds = tf.unstack(tf.random.split(draws.next_seed(self.seed_generator)))
        shape = tf.shape(lengths)
        rate = tf.random.stateless_uniform(shape, seeds[0], 1 - self.speed, 1 + self.speed)
        width = tf.maximum(self.stride * rate, 1.0)
        start = tf.random.stateless_uniform(shape, seeds[1], maxval=float(self.stride))
        return tf.floor(tf.minimum(start, tf.maximum(lengths - 1, 0))), width

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_spec(self, sequence, length, training=False):
        time = sequence.shape[1]
        time = None if time is None or self.speed else -(-time // self.stride)
        shape = (sequence.shape[0], time, sequence.shape[2])
        return (
            keras.KerasTensor(shape, dtype=sequence.dtype),
            keras.KerasTensor(length.shape, dtype=length.dtype),
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "stride": self.stride,
            "speed": self.speed,
            "seed": self.seed,
        }
