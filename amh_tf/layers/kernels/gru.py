"""A GRU over packed rows, with a gradient of its own."""

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
    reset_after: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Runs a GRU layer with Keras' weights over packed rows.

    With z, r, c the update gate, reset gate and candidate, and `reset_after` False:
    z = sigmoid(x W_z + h U_z + b_z), r likewise, c = tanh(x W_c + (r h) U_c + b_c),
    h' = z h + (1 - z) c. With `reset_after` True: c = tanh(x W_c + b_c + r (h U_c + b'_c)).

    Args:
        rows: Inputs of shape `(packed, dim)`.
        weights: Kernel `(dim, 3 * units)`, recurrent kernel `(units, 3 * units)` and bias,
            `(3 * units,)` or with `reset_after` `(2, 3 * units)`; float32, gates in Keras'
            order: update, reset, candidate.
        packing: `packing.Packing`.
        batch, time: Scalar int32 tensors, the padded shape.
        dtype: Precision of the matrix products; states and their gradients are float32.
        reset_after: Whether the reset gate is applied after the recurrent product.

    Returns:
        States of shape `(batch, time, units)`, zeros in the padding; last states of shape
        `(batch, units)`, zeros for rows of length 0; both float32.
    """
    kernel, recurrent, bias = map(tf.convert_to_tensor, weights)
    outer, inner = tf.unstack(bias) if reset_after else (bias, tf.zeros_like(bias))
    units = recurrent.shape[0]
    # The gates' recurrent biases are added to the same sum as their input biases.
    outer = outer + tf.concat([inner[: 2 * units], tf.zeros([units])], axis=0)
    run = _reset_after if reset_after else _reset_before
    inner_bias = inner[2 * units :]
    return run(rows, kernel, recurrent, outer, inner_bias, packing, batch, time, dtype)


def _reset_before(rows, kernel, recurrent, bias, _, packing, batch, time, dtype):
    dim, units = kernel.shape[0], recurrent.shape[0]

    @tf.custom_gradient
    def run(rows, kernel, recurrent, bias):
        low_rows = tf.cast(rows, dtype)
        (k_z, k_r, k_c), (b_z, b_r, b_c) = loop.gate_kernels(kernel, recurrent, bias, 3, dtype)

        def step(t, states):
            (h,) = states
            x = loop.at_step(low_rows, packing, t)
            with_state = tf.concat([x, tf.cast(h, dtype)], axis=1)
            z = loop.gate(tf.sigmoid, with_state, k_z, b_z)
            r = loop.gate(tf.sigmoid, with_state, k_r, b_r)
            with_reset = tf.concat([x, tf.cast(r * h, dtype)], axis=1)
            c = loop.gate(tf.tanh, with_reset, k_c, b_c)
            kept = z * (h - c)
            return (c + kept,), (h, z, r, c, kept), (with_state, with_reset)

        (states,), saved, joined = loop.forward(
            step, packing, batch, units, 1, 5, [dim + units] * 2, dtype
        )

        def gradient(sequence_gradient, last_gradient):
            upstream = packings.unpack_gradient(sequence_gradient, last_gradient, packing)
            k_zr = tf.concat([k_z, k_r], axis=1)
            u_zr, u_c = (tf.transpose(k[dim:]) for k in (k_zr, k_c))

            def step_back(t, saved, carried):
                h, z, r, c, kept = saved
                d = loop.at_step(upstream, packing, t) + carried[0]
                through_z = d * z
                d_new = d - through_z
                d_c = tf.cast(tf.raw_ops.TanhGrad(y=c, dy=d_new), dtype)
                d_reset = loop.product(d_c, u_c, dtype)
                d_r = tf.raw_ops.SigmoidGrad(y=r, dy=d_reset * h)
                d_zr = tf.cast(tf.concat([d_new * kept, d_r], axis=1), dtype)
                terms = [through_z, d_reset * r, loop.product(d_zr, u_zr, dtype)]
                return (tf.add_n(terms),), (d_zr, d_c)

            gates = loop.backward(step_back, packing, units, saved, 1, (2, 1), dtype)
            inputs = [loop.concat(array, dim + units) for array in joined]
            d_rows = loop.input_gradient(gates, [k[:dim] for k in (k_zr, k_c)])
            return tf.cast(d_rows, rows.dtype), *loop.weight_gradients(inputs, gates, dim)

        sequence = packings.unpack(loop.concat(states, units), packing, batch, time)
        return sequence, gradient

    return run(rows, kernel, recurrent, bias)


def _reset_after(rows, kernel, recurrent, bias, inner_bias, packing, batch, time, dtype):
    dim, units = kernel.shape[0], recurrent.shape[0]

    @tf.custom_gradient
    def run(rows, kernel, recurrent, bias, inner_bias):
        low_rows = tf.cast(rows, dtype)
        kernels, (b_z, b_r, b_c) = loop.gate_kernels(kernel, recurrent, bias, 3, dtype)
        k_z, k_r, k_c = kernels
        low_inner_bias = tf.cast(inner_bias, dtype)

        def step(t, states):
            (h,) = states
            x, low_h = loop.at_step(low_rows, packing, t), tf.cast(h, dtype)
            with_state = tf.concat([x, low_h], axis=1)
            z = loop.gate(tf.sigmoid, with_state, k_z, b_z)
            r = loop.gate(tf.sigmoid, with_state, k_r, b_r)
            inner = loop.gate(tf.identity, low_h, k_c[dim:], low_inner_bias)
            c = tf.tanh(loop.gate(tf.identity, x, k_c[:dim], b_c) + r * inner)
            kept = z * (h - c)
            return (c + kept,), (z, r, c, kept, inner), (with_state,)

        (states,), saved, joined = loop.forward(
            step, packing, batch, units, 1, 5, [dim + units], dtype
        )

        def gradient(sequence_gradient, last_gradient):
            upstream = packings.unpack_gradient(sequence_gradient, last_gradient, packing)
            k_zr = tf.concat([k_z, k_r], axis=1)
            u_zr, u_c = (tf.transpose(k[dim:]) for k in (k_zr, k_c))

            def step_back(t, saved, carried):
                z, r, c, kept, inner = saved
                d = loop.at_step(upstream, packing, t) + carried[0]
                through_z = d * z
                d_new = d - through_z
                d_c = tf.raw_ops.TanhGrad(y=c, dy=d_new)
                d_r = tf.raw_ops.SigmoidGrad(y=r, dy=d_c * inner)
                d_zr = tf.concat([d_new * kept, d_r], axis=1)
                d_inner = d_c * r  # of what the reset gate scales
                d_zr, d_c, d_inner = gates = [tf.cast(d, dtype) for d in (d_zr, d_c, d_inner)]
                terms = [through_z]
                terms += [loop.product(d, u, dtype) for d, u in ((d_zr, u_zr), (d_inner, u_c))]
                return (tf.add_n(terms),), gates

            d_zr, d_c, d_inner = loop.backward(
                step_back, packing, units, saved, 1, (2, 1, 1), dtype
            )
            with_state = loop.concat(joined[0], dim + units)
            d_rows = loop.input_gradient([d_zr, d_c], [k[:dim] for k in (k_zr, k_c)])
            inputs = [with_state] * 2
            d_kernel, _, d_bias = loop.weight_gradients(inputs, [d_zr, d_c], dim)
            _, d_recurrent, _ = loop.weight_gradients(inputs, [d_zr, d_inner], dim)
            return (
                tf.cast(d_rows, rows.dtype),
                d_kernel,
                d_recurrent,
                d_bias,
                loop.bias_gradient([d_inner]),
            )

        sequence = packings.unpack(loop.concat(states, units), packing, batch, time)
        return sequence, gradient

    return run(rows, kernel, recurrent, bias, inner_bias)
