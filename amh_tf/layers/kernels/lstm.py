"""An LSTM over packed rows, with a gradient of its own."""

from collections.abc import Sequence

import tensorflow as tf

from amh_tf.layers.kernels import loop
from amh_tf.layers.kernels import packing as packings


def layer(
    rows: tf.Tensor,
    weights: Sequence[tf.Tensor],
    packing: packings.Packing,
    batch: tf.Tensor,
    time: tf.Tensor,
    dtype: str,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Runs an LSTM layer with Keras' weights over packed rows.

    With gates i, f, o and candidate g, each a function of x W + h U + b:
    c' = f c + i g, h' = o tanh(c').

    Args:
        rows: Inputs of shape `(packed, dim)`.
        weights: Kernel `(dim, 4 * units)`, recurrent kernel `(units, 4 * units)` and bias
            `(4 * units,)`; float32, gates in Keras' order: input, forget, candidate, output.
        packing: `packing.Packing`.
        batch, time: Scalar int32 tensors, the padded shape.
        dtype: Precision of the matrix products; states and their gradients are float32.

    Returns:
        States of shape `(batch, time, units)`, zeros in the padding; last states of shape
        `(batch, units)`, zeros for rows of length 0; both float32.
    """
    dim, units = weights[0].shape[0], weights[1].shape[0]
    activations = (tf.sigmoid, tf.sigmoid, tf.tanh, tf.sigmoid)

    @tf.custom_gradient
    def run(rows, kernel, recurrent, bias):
        low_rows = tf.cast(rows, dtype)
        kernels, biases = loop.gate_kernels(kernel, recurrent, bias, 4, dtype)

        def step(t, states):
            h, before = states
            x = loop.at_step(low_rows, packing, t)
            with_state = tf.concat([x, tf.cast(h, dtype)], axis=1)
            i, f, g, o = (
                loop.gate(activation, with_state, k, b)
                for activation, k, b in zip(activations, kernels, biases)
            )
            c = f * before + i * g
            bounded = tf.tanh(c)
            return (o * bounded, c), (before, i, f, g, o, bounded), (with_state,)

        (states, _), saved, joined = loop.forward(
            step, packing, batch, units, 2, 6, [dim + units], dtype
        )

        def gradient(sequence_gradient, last_gradient):
            upstream = packings.unpack_gradient(sequence_gradient, last_gradient, packing)
            joined_kernel = tf.concat(kernels, axis=1)
            transposed = tf.transpose(joined_kernel[dim:])

            def step_back(t, saved, carried):
                before, i, f, g, o, bounded = saved
                d_h = loop.at_step(upstream, packing, t) + carried[0]
                d_c = carried[1] + tf.raw_ops.TanhGrad(y=bounded, dy=d_h * o)
                gates = (
                    tf.raw_ops.SigmoidGrad(y=i, dy=d_c * g),
                    tf.raw_ops.SigmoidGrad(y=f, dy=d_c * before),
                    tf.raw_ops.TanhGrad(y=g, dy=d_c * i),
                    tf.raw_ops.SigmoidGrad(y=o, dy=d_h * bounded),
                )
                d_gates = tf.cast(tf.concat(gates, axis=1), dtype)
                return (loop.product(d_gates, transposed, dtype), d_c * f), (d_gates,)

            gates = loop.backward(step_back, packing, units, saved, 2, (4,), dtype)
            with_state = loop.concat(joined[0], dim + units)
            d_rows = loop.input_gradient(gates, [joined_kernel[:dim]])
            return tf.cast(d_rows, rows.dtype), *loop.weight_gradients([with_state], gates, dim)

        sequence = packings.unpack(loop.concat(states, units), packing, batch, time)
        return sequence, gradient

    return run(rows, *map(tf.convert_to_tensor, weights))
