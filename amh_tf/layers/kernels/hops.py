"""All hops of a schedule in one operation, with a gradient of its own.

Hop by hop, a sequence longer than the processor's cache is read from memory at every hop over it,
and again for its gradient. In one operation a few rows of the batch go through all hops, while
their sequences stay in the cache.
"""

from collections.abc import Sequence

import tensorflow as tf

from amh_tf.layers.kernels import compiled


def run(
    vectors: Sequence[tf.Tensor],
    sequences: Sequence[tf.Tensor],
    masks: Sequence[tf.Tensor],
    weights: Sequence[tuple[tf.Tensor, tf.Tensor]],
    targets: Sequence[int],
) -> tuple[Sequence[tf.Tensor], Sequence[tf.Tensor]]:
    """Renews vectors hop by hop, as `HopSchedule` does, with the compiled operation.

    Args:
        vectors: List of tensors of shape `(batch, dim)`, one for each of two or three sequences,
            all float32 or all bfloat16.
        sequences: List of tensors of shape `(batch, time, dim)`.
        masks: List of bool tensors of shape `(batch, time)`.
        weights: List of each hop's kernel of shape `(query_dim, dim)` and bias of shape `(dim,)`.
            A query joins the vectors of the other sequences in their order.
        targets: List of the number of the sequence that each hop attends to.

    Returns:
        The vectors after the last hop; each hop's attention weights, `(batch, time)` of its
        sequence, always float32.
    """
    count, num_hops = len(vectors), len(targets)
    masks = [tf.convert_to_tensor(mask) for mask in masks]

    @tf.custom_gradient
    def hop(*inputs):
        dtype = inputs[0].dtype
        before, states = list(inputs[:count]), list(inputs[count : 2 * count])
        kernels = list(inputs[2 * count : 2 * count + num_hops])
        biases = list(inputs[2 * count + num_hops :])
        pooled, attended, projected = compiled.hops(before, states, masks, kernels, biases, targets)
        now, queries = list(before), []
        for target, context in zip(targets, pooled):
            queries.append([vector for other, vector in enumerate(now) if other != target])
            now[target] = tf.cast(context, dtype)

        def gradient(*upstream):
            d_projected, d_before, d_states = compiled.hops_gradient(
                states,
                masks,
                kernels,
                (pooled, attended, projected),
                upstream[:count],
                upstream[count:],
                targets,
            )
            d_kernels = [
                tf.matmul(tf.concat(query, axis=1), d_product, transpose_a=True)
                for query, d_product in zip(queries, d_projected)
            ]
            d_biases = [tf.reduce_sum(d_product, axis=0) for d_product in d_projected]
            return *d_before, *d_states, *d_kernels, *d_biases

        return (*now, *attended), gradient

    kernels, biases = zip(*weights)
    outputs = hop(*vectors, *sequences, *kernels, *biases)
    return outputs[:count], outputs[count:]


def pool(
    sequence: tf.Tensor, mask: tf.Tensor | None, vector: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Pools a sequence by the similarity of its steps to one vector: a single hop.

    The vector is the bias of the hop, whose query is zero.

    Args:
        sequence: Tensor of shape `(batch, time, dim)`, float32 or bfloat16.
        mask: Bool tensor of shape `(batch, time)`, or None where all steps are valid.
        vector: Tensor of shape `(dim,)`, the same for all rows, as precise as the sequence.

    Returns:
        context of shape `(batch, dim)`; weights of shape `(batch, time)`, always float32.
    """
    batch, dim = tf.shape(sequence)[0], sequence.shape[2]
    if mask is None:
        mask = tf.ones(tf.shape(sequence)[:2], tf.bool)

    def zeros(*shape):
        return tf.zeros(shape, sequence.dtype)

    (context, _), (weights,) = run(
        [zeros(batch, dim), zeros(batch, 1)],
        [sequence, zeros(batch, 1, 1)],
        [mask, tf.ones([batch, 1], tf.bool)],
        [(zeros(1, dim), vector)],
        [0],
    )
    return context, weights
