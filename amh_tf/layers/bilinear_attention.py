from typing import Any

import keras
import tensorflow as tf
from keras import ops

from amh_tf import errors
from amh_tf.layers.kernels import attention

# The authors draw every matrix of the attention and of the output layer from U(-0.25, 0.25).
UNIFORM_LIMIT = 0.25


def authors_uniform() -> keras.initializers.Initializer:
    """Returns the authors' initializer for attention and output matrices."""
    return keras.initializers.RandomUniform(-UNIFORM_LIMIT, UNIFORM_LIMIT)


def logits_layer(num_classes: int) -> keras.layers.Dense:
    """Returns the last layer of every model: logits = vector M + b, always float32."""
    return keras.layers.Dense(
        num_classes, kernel_initializer=authors_uniform(), dtype="float32", name="logits"
    )


@keras.saving.register_keras_serializable(package="amh_tf")
class BilinearAttention(keras.layers.Layer):
    """Pools a sequence by its bilinear similarity to a query.

    With query q and steps h_t: a_t = softmax_t((q W + b) . h_t) and the context is
    sum_t a_t h_t. There is no scaling.

    Masking: padded steps get weight zero; the output has no mask. A row without a valid
    step gets weights and context of zeros.

    Args:
        kernel_initializer: Initializer for W. Defaults to uniform in +-0.25, the authors'.
        bias_initializer: Initializer for b. Defaults to zeros.

    Call arguments:
        query: Tensor of shape `(batch, query_dim)`.
        value: Tensor of shape `(batch, time, value_dim)`.
        value_mask: Bool tensor of shape `(batch, time)`. All steps are valid without it.

    Returns:
        context of shape `(batch, value_dim)`; weights of shape `(batch, time)`, always
        float32.

    Reference:
     - Yoon et al., 2020, arXiv 1912.00846, eq. 2-5

    Example:

    >>> import numpy as np
    >>> states = np.ones((1, 4, 3))
    >>> mask = np.array([[True, True, False, False]])
    >>> context, weights = BilinearAttention()(np.ones((1, 5)), states, mask)
    >>> context.shape, weights.numpy().tolist()
    (TensorShape([1, 3]), [[0.5, 0.5, 0.0, 0.0]])
    """

    def __init__(
        self, kernel_initializer: Any = None, bias_initializer: Any = "zeros", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_initializer = (
            authors_uniform()
            if kernel_initializer is None
            else keras.initializers.get(kernel_initializer)
        )
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, query_shape, value_shape, value_mask_shape=None):
        if len(query_shape) != 2 or len(value_shape) != 3:
            raise errors.refusal(
                "`query` and `value` have the wrong rank",
                "shapes (batch, query_dim) and (batch, time, value_dim)",
                f"query.shape={tuple(query_shape)}, value.shape={tuple(value_shape)}",
            )
        value_dim = value_shape[-1]
        self.kernel = self.add_weight(
            name="kernel", shape=(query_shape[-1], value_dim), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(
            name="bias", shape=(value_dim,), initializer=self.bias_initializer
        )
        self.built = True

    def call(
        self, query: tf.Tensor, value: tf.Tensor, value_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        (shared,) = attention.share(value, 1)
        return self.attend(query, shared, value_mask)

    def weights_as(self, dtype: str | tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns W `(query_dim, value_dim)` and b `(value_dim,)` in the precision asked for."""
        return ops.cast(self.kernel, dtype), ops.cast(self.bias, dtype)

    def attend(
        self, query: tf.Tensor, shared: attention.Share, value_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Does what a call does with a sequence that several attentions share.

        Args:
            query, value_mask: As of a call.
            shared: The layer's `kernels.attention.Share` of the sequence.

        Returns:
            What a call returns.
        """
        kernel, bias = self.weights_as(query.dtype)
        projected = ops.matmul(query, kernel) + bias
        return attention.pool(shared, projected, value_mask)

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_spec(self, query, value, value_mask=None):
        return (
            keras.KerasTensor((query.shape[0], value.shape[-1]), dtype=self.compute_dtype),
            keras.KerasTensor(value.shape[:2], dtype="float32"),
        )

    def compute_output_shape(self, query_shape, value_shape, value_mask_shape=None):
        return (query_shape[0], value_shape[-1]), tuple(value_shape[:2])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
