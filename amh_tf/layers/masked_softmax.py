"""Attention weights over the valid steps of a sequence."""

import tensorflow as tf
from keras import ops


def masked_softmax(scores: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    """Normalizes scores over the valid steps.

    Args:
        scores: Tensor of shape `(batch, time)`.
        mask: Bool tensor of shape `(batch, time)`. All steps are valid without it.

    Returns:
        Weights of shape `(batch, time)`, float32 whatever the precision of the scores: half
        precision cannot tell hundreds of weights apart. Padded steps get zero; a row without
        a valid step gets zeros.
    """
    scores = ops.cast(scores, "float32")
    if mask is None:
        return tf.nn.softmax(scores)
    weights = tf.nn.softmax(ops.where(mask, scores, -1e9))
    return ops.where(mask, weights, 0.0)
