"""An LSTM over packed rows, with a gradient of its own."""

import tensorflow as tf

from amh_tf.layers.kernels import loop
from amh_tf.layers.kernels import packing as packings


def _recur(projections, recurrent, packing, batch, time, dtype):
    """Runs the recurrence over projected inputs.

    With gates i, f, o and candidate g, each a function of x + h U:
    c' = f c + i g, h' = o tanh(c').
    """
    units = recurrent[0].shape[0]

    @tf.custom_gradient
    def run(*arguments):
        inputs, kernels = arguments[:4], arguments[4:]
        low = [tf.cast(kernel, dtype) for kernel in kernels]
        functions = (tf.sigmoid, tf.sigmoid, tf.tanh, tf.sigmoid)

        def step(t, states):
            h, c = states
            i, f, g, o = (
                function(loop.at_step(x, packing, t) + loop.product(h, u, dtype))
                for function, x, u in zip(functions, inputs, low)
            )
            c = f * c + i * g
            bounded = tf.tanh(c)
            return (o * bounded, c), (i, f, g, o, bounded)

        arrays = loop.forward(step, packing, batch, units, num_states=2, num_saved=5)
        states = loop.concat(arrays[0], units)

        def gradient(sequence_gradient, last_gradient):
            upstream = packings.unpack_gradient(sequence_gradient, last_gradient, packing)

            def step_back(t, before, saved, carried):
                _, c = before
                i, f, g, o, bounded = saved
                d_h = loop.at_step(upstream, packing, t) + carried[0]
                d_c = carried[1] + tf.raw_ops.TanhGrad(y=bounded, dy=d_h * o)
                gates = (
                    tf.raw_ops.SigmoidGrad(y=i, dy=d_c * g),
                    tf.raw_ops.SigmoidGrad(y=f, dy=d_c * c),
                    tf.raw_ops.TanhGrad(y=g, dy=d_c * i),
                    tf.raw_ops.SigmoidGrad(y=o, dy=d_h * bounded),
                )
                d_before = tf.add_n(
                    [loop.product(d, u, dtype, transpose_b=True) for d, u in zip(gates, low)]
                )
                return (d_before, d_c * f), gates

            gates = loop.backward(step_back, packing, units, arrays, num_states=2, num_made=4)
            before = loop.previous(states, packing)
            weights = [loop.product(before, gate, dtype, transpose_a=True) for gate in gates]
            return (*gates, *weights)

        return packings.unpack(states, packing, batch, time), gradient

    return run(*projections, *recurrent)


def layer(rows, weights, packing, batch, time, dtype):
    """Runs an LSTM layer with Keras' weights over packed rows.

    Args:
        rows: Inputs of shape `(packed, dim)`.
        weights: Kernel `(dim, 4 * units)`, recurrent kernel `(units, 4 * units)` and bias
            `(4 * units,)`; float32, gates in Keras' order: input, forget, candidate, output.
        packing: `packing.Packing`.
        batch, time: Scalar int32 tensors, the padded shape.
        dtype: Precision of the matrix products; all else is float32.

    Returns:
        States of shape `(batch, time, units)`, zeros in the padding; last states of shape
        `(batch, units)`, zeros for rows of length 0; both float32.
    """
    kernel, recurrent, bias = weights
    projections = loop.project(rows, kernel, tf.split(bias, 4), dtype)
    return _recur(projections, tf.split(recurrent, 4, axis=1), packing, batch, time, dtype)
