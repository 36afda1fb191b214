"""A GRU over packed rows, with a gradient of its own."""

import tensorflow as tf

from amh_tf.layers.kernels import loop
from amh_tf.layers.kernels import packing as packings


def _recur(projections, recurrent, inner_bias, packing, batch, time, reset_after, dtype):
    """Runs the recurrence over projected inputs.

    With z, r, c the update gate, reset gate and candidate, and `reset_after` False:
    z = sigmoid(x_z + h U_z), r = sigmoid(x_r + h U_r), c = tanh(x_c + (r h) U_c),
    h' = z h + (1 - z) c. With `reset_after` True: c = tanh(x_c + r (h U_c + b_c)).
    """
    units = recurrent[0].shape[0]

    @tf.custom_gradient
    def run(x_z, x_r, x_c, u_z, u_r, u_c, b_c):
        low_z, low_r, low_c = (tf.cast(u, dtype) for u in (u_z, u_r, u_c))

        def step(t, states):
            (h,) = states
            z = tf.sigmoid(loop.at_step(x_z, packing, t) + loop.product(h, low_z, dtype))
            r = tf.sigmoid(loop.at_step(x_r, packing, t) + loop.product(h, low_r, dtype))
            if reset_after:
                inner = loop.product(h, low_c, dtype) + b_c
                c = tf.tanh(loop.at_step(x_c, packing, t) + r * inner)
            else:
                inner = r * h
                c = tf.tanh(loop.at_step(x_c, packing, t) + loop.product(inner, low_c, dtype))
            return (c + z * (h - c),), (z, r, c, inner)

        arrays = loop.forward(step, packing, batch, units, num_states=1, num_saved=4)
        states = loop.concat(arrays[0], units)

        def gradient(sequence_gradient, last_gradient):
            upstream = packings.unpack_gradient(sequence_gradient, last_gradient, packing)

            def step_back(t, before, saved, carried):
                (h,) = before
                z, r, c, inner = saved
                d = loop.at_step(upstream, packing, t) + carried[0]
                d_c = tf.raw_ops.TanhGrad(y=c, dy=d * (1.0 - z))
                d_z = tf.raw_ops.SigmoidGrad(y=z, dy=d * (h - c))
                if reset_after:
                    d_r = tf.raw_ops.SigmoidGrad(y=r, dy=d_c * inner)
                    through = loop.product(d_c * r, low_c, dtype, transpose_b=True)
                else:
                    d_inner = loop.product(d_c, low_c, dtype, transpose_b=True)
                    d_r = tf.raw_ops.SigmoidGrad(y=r, dy=d_inner * h)
                    through = d_inner * r
                d_h = d * z + through
                d_h += loop.product(d_z, low_z, dtype, transpose_b=True)
                d_h += loop.product(d_r, low_r, dtype, transpose_b=True)
                return (d_h,), (d_z, d_r, d_c)

            d_z, d_r, d_c = loop.backward(
                step_back, packing, units, arrays, num_states=1, num_made=3
            )
            before = loop.previous(states, packing)
            if reset_after:
                d_inner = d_c * loop.concat(arrays[2], units)
                d_u_c = loop.product(before, d_inner, dtype, transpose_a=True)
                d_b_c = tf.reduce_sum(d_inner, axis=0)
            else:
                inner = loop.concat(arrays[4], units)
                d_u_c = loop.product(inner, d_c, dtype, transpose_a=True)
                d_b_c = tf.zeros_like(b_c)
            d_u_z, d_u_r = (
                loop.product(before, d_gate, dtype, transpose_a=True) for d_gate in (d_z, d_r)
            )
            return d_z, d_r, d_c, d_u_z, d_u_r, d_u_c, d_b_c

        return packings.unpack(states, packing, batch, time), gradient

    return run(*projections, *recurrent, inner_bias)


def layer(rows, weights, packing, batch, time, dtype, reset_after=False):
    """Runs a GRU layer with Keras' weights over packed rows.

    Args:
        rows: Inputs of shape `(packed, dim)`.
        weights: Kernel `(dim, 3 * units)`, recurrent kernel `(units, 3 * units)` and bias,
            `(3 * units,)` or with `reset_after` `(2, 3 * units)`; float32, gates in Keras'
            order: update, reset, candidate.
        packing: `packing.Packing`.
        batch, time: Scalar int32 tensors, the padded shape.
        dtype: Precision of the matrix products; all else is float32.
        reset_after: Whether the reset gate is applied after the recurrent product.

    Returns:
        States of shape `(batch, time, units)`, zeros in the padding; last states of shape
        `(batch, units)`, zeros for rows of length 0; both float32.
    """
    kernel, recurrent, bias = weights
    outer, inner = tf.unstack(bias) if reset_after else (bias, tf.zeros_like(bias))
    outer, inner = tf.split(outer, 3), tf.split(inner, 3)
    # The gates' recurrent biases are added to the same sum as their input biases.
    biases = [outer[0] + inner[0], outer[1] + inner[1], outer[2]]
    projections = loop.project(rows, kernel, biases, dtype)
    recurrent = tf.split(recurrent, 3, axis=1)
    return _recur(projections, recurrent, inner[2], packing, batch, time, reset_after, dtype)
