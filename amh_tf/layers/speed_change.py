import keras
import tensorflow as tf

from amh_tf.layers import draws


@keras.saving.register_keras_serializable(package="amh_tf")
class SpeedChange(keras.layers.Layer):
    """Plays a sequence faster or slower, in training, by leaving steps out or repeating them.

    Every utterance has draws of its own at every step of training; outside of training nothing
    changes. The state of the layer's seed is one of its variables, so that a restored run draws
    on. Steps are taken as they are: between two, a mean of both would vary less than either.

    Args:
        speed: Largest change of the speed in [0, 0.9): the rate is within 1 +- `speed`.
        first: The sequence begins with one of its first so many steps, at random, so that steps
            which are averaged by as many are other ones each time. Defaults to 1, the very first.
        seed: Integer, or None for one drawn from Keras' global seed.

    Call arguments:
        sequence: Tensor of shape `(batch, time, dim)`.
        length: Int32 tensor of shape `(batch,)`.
        training: Whether anything is changed.

    Returns:
        sequence of shape `(batch, time, dim)`, with another time in training; length of shape
        `(batch,)`.

    Reference:
     - Ko et al., "Audio Augmentation for Speech Recognition", Interspeech 2015
    """

    def __init__(self, speed, first=1, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= speed < 0.9:
            raise ValueError(
                "`speed` is out of range. Expected at least 0 and below 0.9. Received: "
                f"speed={speed}. Set it with --audio_speed."
            )
        self.speed = speed
        self.first = first
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, sequence_shape, length_shape):
        self.built = True

    def call(self, sequence, length, training=False):
        if not training:
            return sequence, length
        seeds = tf.unstack(tf.random.split(draws.next_seed(self.seed_generator)))
        batch = tf.shape(sequence)[0]
        rate = tf.random.stateless_uniform([batch], seeds[0], 1 - self.speed, 1 + self.speed)
        start = tf.random.stateless_uniform([batch], seeds[1], maxval=float(self.first))
        start = tf.floor(tf.minimum(start, tf.cast(tf.maximum(length - 1, 0), tf.float32)))
        left = tf.cast(length, tf.float32) - start
        played = tf.where(length > 0, tf.maximum(tf.cast(left / rate, tf.int32), 1), 0)
        steps = tf.maximum(tf.reduce_max(played), 1)
        place = start[:, None] + tf.cast(tf.range(steps), tf.float32)[None, :] * rate[:, None]
        place = tf.minimum(tf.cast(place, tf.int32), tf.maximum(length - 1, 0)[:, None])
        return tf.gather(sequence, place, batch_dims=1), played

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_spec(self, sequence, length, training=False):
        return (
            keras.KerasTensor((sequence.shape[0], None, sequence.shape[2]), dtype=sequence.dtype),
            keras.KerasTensor(length.shape, dtype=length.dtype),
        )

    def get_config(self):
        return {**super().get_config(), "speed": self.speed, "first": self.first, "seed": self.seed}
