import keras
import tensorflow as tf

from amh_tf.layers import draws


@keras.saving.register_keras_serializable(package="amh_tf")
class StateDropout(keras.layers.Layer):
    """Drops dimensions of an encoder's states, the same ones at every step.

    A dimension that is dropped at some steps is still there in the sum over all; one that is
    dropped throughout an utterance cannot be relied on. What is kept is scaled by
    1 / (1 - rate).

    Args:
        rate: Drop rate in [0, 1).
        seed: Integer, or None for one drawn from Keras' global seed.

    Call arguments:
        states: Tensor of shape `(batch, time, dim)`.
        last: Tensor of shape `(batch, dim)`.
        training: Whether dropout is active.

    Returns:
        States and last state, of the same shapes.

    Reference:
     - Gal and Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural
       Networks", NeurIPS 2016
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(
                "`rate` is out of range. Expected a drop rate of at least 0 and below 1. "
                f"Received: rate={rate}. Set it with --state_dropout."
            )
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, states_shape, last_shape):
        self.built = True

    def call(self, states, last, training=False):
        if not training or self.rate == 0:
            return states, last
        drawn = tf.random.stateless_uniform(tf.shape(last), draws.next_seed(self.seed_generator))
        kept = tf.where(drawn >= self.rate, 1 / (1 - self.rate), 0.0)
        kept = tf.cast(kept, states.dtype)
        return states * kept[:, None, :], last * kept

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_spec(self, states, last, training=False):
        return tuple(keras.KerasTensor(t.shape, dtype=t.dtype) for t in (states, last))

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
