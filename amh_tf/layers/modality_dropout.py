from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from amh_tf import errors
from amh_tf.layers import draws


@keras.saving.register_keras_serializable(package="amh_tf")
class ModalityDropout(keras.layers.Layer):
    """Takes whole modalities away from utterances, by setting their length to 0.

    Every present modality of every utterance is dropped with the same probability, but the
    one with the largest draw stays: an utterance never loses all that it has. What a row of
    length 0 gives is the encoders' and the attention's matter; nothing is scaled. The state
    of its seed is one of the layer's variables, so that a restored run draws on.

    Args:
        rate: Probability in [0, 1) to drop a present modality.
        seed: Integer, or None for one drawn from Keras' global seed.

    Call arguments:
        lengths: Dict from modality to an integer tensor of shape `(batch,)`; 0 means that
            the modality is absent.
        training: Whether modalities are dropped.

    Returns:
        Dict of the same modalities, shapes and dtypes.

    Example:

    >>> import numpy as np
    >>> lengths = {"audio": np.array([9, 9, 9, 9]), "text": np.array([5, 5, 5, 5])}
    >>> kept = ModalityDropout(0.5, seed=1)(lengths, training=True)
    >>> np.stack([kept["audio"], kept["text"]]).tolist()
    [[9, 9, 0, 0], [0, 0, 5, 5]]
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise errors.refusal(
                "`rate` is out of range", "a probability of at least 0 and below 1", f"rate={rate}"
            )
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, lengths_shape):
        self.built = True

    def call(
        self, lengths: Mapping[str, tf.Tensor], training: bool = False
    ) -> dict[str, tf.Tensor]:
        if not training or self.rate == 0:
            return dict(lengths)
        stacked = tf.stack(list(lengths.values()), axis=1)  # (batch, modality)
        seed = draws.next_seed(self.seed_generator)
        uniform = tf.random.stateless_uniform(tf.shape(stacked), seed)
        uniform = tf.where(stacked > 0, uniform, -1.0)
        largest = tf.one_hot(
            tf.argmax(uniform, axis=1), len(lengths), on_value=True, off_value=False
        )
        remaining = tf.where((uniform >= self.rate) | largest, stacked, 0)
        return dict(zip(lengths, tf.unstack(remaining, len(lengths), axis=1)))

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_spec(self, lengths, training=False):
        return {name: keras.KerasTensor(t.shape, dtype=t.dtype) for name, t in lengths.items()}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
