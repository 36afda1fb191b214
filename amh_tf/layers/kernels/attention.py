"""Attention over a sequence in TensorFlow's operations, with a gradient of its own.

The gradient of one attention by its sequence is a sum of two outer products, each as large as the
sequence. TensorFlow writes both, for every attention over the sequence, and adds them all up: for
several hops over hundreds of steps most of the attention's time. Here each attention hands back
the factors, which are small, and one product adds up those of all attentions.
"""

import typing

import tensorflow as tf

from amh_tf.layers import masked_softmax


class Share(typing.NamedTuple):
    """What one attention takes of a sequence.

    `left` and `right` are zeros that nothing reads: their gradients carry the factors.

    Attributes:
        sequence: Tensor of shape `(batch, time, dim)`.
        left: Tensor of shape `(batch, 2, time)`.
        right: Tensor of shape `(batch, 2, dim)`.
    """

    sequence: tf.Tensor
    left: tf.Tensor
    right: tf.Tensor


def share(sequence: tf.Tensor, count: int) -> list[Share]:
    """Shares a sequence out among several attentions.

    Args:
        sequence: Tensor of shape `(batch, time, dim)`.
        count: Number of attentions over it.

    Returns:
        List of `count` `Share`.
    """

    @tf.custom_gradient
    def factors(sequence):
        batch, time, dim = tf.unstack(tf.shape(sequence))
        lefts = [tf.zeros([batch, 2, time], sequence.dtype) for _ in range(count)]
        rights = [tf.zeros([batch, 2, dim], sequence.dtype) for _ in range(count)]

        def gradient(*upstream):
            left, right = (
                tf.concat(parts, axis=1) for parts in (upstream[:count], upstream[count:])
            )
            return tf.matmul(left, right, transpose_a=True)

        return (*lefts, *rights), gradient

    zeros = factors(sequence)
    return [Share(sequence, *pair) for pair in zip(zeros[:count], zeros[count:])]


def pool(
    shared: Share, projected: tf.Tensor, mask: tf.Tensor | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Pools a sequence by the similarity of its steps to a vector.

    With vector p and steps h_t: a_t = softmax_t(p . h_t), and the context is sum_t a_t h_t.

    Args:
        shared: `Share` of the sequence.
        projected: Tensor of shape `(batch, dim)`.
        mask: Bool tensor of shape `(batch, time)`. All steps are valid without it.

    Returns:
        context of shape `(batch, dim)`; weights of shape `(batch, time)`, always float32.
    """

    @tf.custom_gradient
    def run(sequence, projected, *_):
        dtype = sequence.dtype

        def by_step(vector):  # (batch, dim) to (batch, time)
            return tf.squeeze(tf.matmul(tf.expand_dims(vector, 1), sequence, transpose_b=True), 1)

        def added_up(weights):  # (batch, time) to (batch, dim)
            return tf.squeeze(tf.matmul(tf.expand_dims(tf.cast(weights, dtype), 1), sequence), 1)

        weights = masked_softmax.masked_softmax(by_step(projected), mask)

        def gradient(d_context, d_weights):
            d_weights += tf.cast(by_step(d_context), tf.float32)
            d_scores = weights * d_weights
            d_scores -= weights * tf.reduce_sum(d_scores, axis=1, keepdims=True)
            left = tf.cast(tf.stack([weights, d_scores], axis=1), dtype)
            right = tf.stack([d_context, projected], axis=1)
            return None, added_up(d_scores), left, right

        return (added_up(weights), weights), gradient

    return run(shared.sequence, projected, shared.left, shared.right)
