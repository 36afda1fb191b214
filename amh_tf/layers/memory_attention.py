from typing import Any

import keras
import tensorflow as tf
from keras import ops

from amh_tf.layers import bilinear_attention
from amh_tf.layers.kernels import attention, choice, hops


@keras.saving.register_keras_serializable(package="amh_tf")
class MemoryAttention(keras.layers.Layer):
    """Pools a sequence by its similarity to one learned vector.

    With memory u and steps h_t: a_t = softmax_t(u . h_t), and the context is sum_t a_t h_t.

    Masking: padded steps get weight zero; the output has no mask. A row without a valid
    step gets weights and context of zeros.

    Args:
        initializer: Initializer for u. Defaults to uniform in +-0.25, as the attention
            matrices of AMH.

    Call arguments:
        value: Tensor of shape `(batch, time, dim)`.
        value_mask: Bool tensor of shape `(batch, time)`. All steps are valid without it.

    Returns:
        context of shape `(batch, dim)`; weights of shape `(batch, time)`, always float32.

    Reference:
     - Mirsamadi, Barsoum and Zhang, "Automatic Speech Emotion Recognition Using Recurrent
       Neural Networks with Local Attention", ICASSP 2017, weighted pooling with logistic
       regression attention

    Example:

    >>> import numpy as np
    >>> context, weights = MemoryAttention()(np.ones((1, 4, 3)))
    >>> context.shape, weights.numpy().tolist()
    (TensorShape([1, 3]), [[0.25, 0.25, 0.25, 0.25]])
    """

    def __init__(self, initializer: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initializer = (
            bilinear_attention.authors_uniform()
            if initializer is None
            else keras.initializers.get(initializer)
        )

    def build(self, value_shape, value_mask_shape=None):
        self.memory = self.add_weight(
            name="memory", shape=(value_shape[-1],), initializer=self.initializer
        )
        self.built = True

    def call(
        self, value: tf.Tensor, value_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if choice.is_fused(self.compute_dtype):
            return hops.pool(value, value_mask, ops.cast(self.memory, self.compute_dtype))
        (shared,) = attention.share(value, 1)
        memory = ops.broadcast_to(self.memory, (ops.shape(value)[0], value.shape[-1]))
        return attention.pool(shared, memory, value_mask)

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_spec(self, value, value_mask=None):
        return (
            keras.KerasTensor((value.shape[0], value.shape[-1]), dtype=self.compute_dtype),
            keras.KerasTensor(value.shape[:2], dtype="float32"),
        )

    def compute_output_shape(self, value_shape, value_mask_shape=None):
        return (value_shape[0], value_shape[-1]), tuple(value_shape[:2])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initializer": keras.initializers.serialize(self.initializer),
        }
