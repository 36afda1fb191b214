"""The loops that recurrent kernels share: forward over the steps, and back.

Each step multiplies its inputs and its state with a gate's kernel in one product, whose bias and
activation TensorFlow fuses into it. What TensorFlow derives from a loop stores and adds up every
weight gradient at every step. Kernels compute the gates' gradients alone in the backward loop;
those of the weights are single matrix products over all steps afterwards.
"""

import tensorflow as tf


def at_step(rows, packing, step):
    """Returns the packed rows of one step, `(counts[step], dim)`."""
    first = packing.offsets[step]
    return rows[first : first + packing.counts[step]]


def gate(activation, rows, kernel, bias):
    """Computes activation(rows kernel + bias) in the rows' precision; what comes out is float32.

    `tf.nn.bias_add`, and not a sum, is what TensorFlow fuses with the product and activation.
    """
    return tf.cast(activation(tf.nn.bias_add(tf.matmul(rows, kernel), bias)), tf.float32)


def product(a, b, dtype, **options):
    """Multiplies matrices in the computation's precision; what comes out is float32."""
    return tf.cast(tf.matmul(tf.cast(a, dtype), tf.cast(b, dtype), **options), tf.float32)


def gate_kernels(kernel, recurrent, bias, gates, dtype):
    """Stacks input and recurrent kernels, for products with inputs and state side by side.

    Args:
        kernel: `(dim, gates * units)`.
        recurrent: `(units, gates * units)`.
        bias: `(gates * units,)`.
        gates: Number of gates.
        dtype: Precision of the products.

    Returns:
        Lists of each gate's kernel, `(dim + units, units)`, and bias, `(units,)`.
    """
    stacked = tf.cast(tf.concat([kernel, recurrent], axis=0), dtype)
    return tf.split(stacked, gates, axis=1), tf.split(tf.cast(bias, dtype), gates)


def weight_gradients(inputs, gradients, dim):
    """Computes the weights' gradients by single products over all steps.

    Args:
        inputs: List of inputs and state side by side, `(packed, dim + units)`, of each gradient.
        gradients: List of the gradients of one gate or several side by side,
            `(packed, gates * units)`.
        dim: Width of the inputs.

    Returns:
        Gradients of kernel, recurrent kernel and bias, as Keras has them, float32.
    """
    both = tf.concat([tf.matmul(a, d, transpose_a=True) for a, d in zip(inputs, gradients)], axis=1)
    both = tf.cast(both, tf.float32)
    return both[:dim], both[dim:], bias_gradient(gradients)


def bias_gradient(gradients):
    """Sums each gate's gradient over all steps, in float32: `(gates * units,)`."""
    return tf.concat([tf.reduce_sum(tf.cast(d, tf.float32), axis=0) for d in gradients], axis=0)


def input_gradient(gradients, kernels):
    """Computes the gradient of the packed inputs, `(packed, dim)` float32."""
    parts = [tf.matmul(d, kernel, transpose_b=True) for d, kernel in zip(gradients, kernels)]
    return tf.add_n([tf.cast(part, tf.float32) for part in parts])


def concat(array, width):
    """Returns the packed rows that an array holds step by step, `(packed, width)`."""
    return tf.ensure_shape(array.concat(), [None, width])


def _arrays(widths, dtype, steps):
    return tuple(
        tf.TensorArray(
            dtype,
            size=steps,
            infer_shape=False,
            element_shape=[None, width],
            clear_after_read=False,
        )
        for width in widths
    )


def forward(step, packing, batch, units, num_states, num_saved, joined_widths, dtype):
    """Runs a recurrence from the first step to the last.

    Args:
        step: Function from the step's number and a tuple of states before it, each
            `(counts[t], units)`, to the tuple of states after it, a tuple of what the backward
            loop will need, each as wide as a state, and a tuple of what the products were made
            with.
        packing: `packing.Packing`.
        batch: Scalar int32 tensor.
        units: Hidden size.
        num_states, num_saved: Lengths of the first two tuples; float32.
        joined_widths: Width of each member of the third.
        dtype: Precision of the members of the third.

    Returns:
        Tuples of TensorArrays with what each step made: states, saved, joined.
    """
    steps = tf.shape(packing.counts)[0]
    number = num_states + num_saved + len(joined_widths)

    def body(t, states, arrays):
        states = tuple(state[: packing.counts[t]] for state in states)
        states, saved, joined = step(t, states)
        values = (*states, *saved, *joined)
        return t + 1, states, tuple(a.write(t, value) for a, value in zip(arrays, values))

    _, _, arrays = tf.while_loop(
        lambda t, *_: t < steps,
        body,
        (
            0,
            (tf.zeros([batch, units]),) * num_states,
            _arrays([units] * (num_states + num_saved), tf.float32, steps)
            + _arrays(joined_widths, dtype, steps),
        ),
        shape_invariants=(
            tf.TensorShape([]),
            (tf.TensorShape([None, units]),) * num_states,
            (tf.TensorShape(None),) * number,
        ),
    )
    saved_end = num_states + num_saved
    return arrays[:num_states], arrays[num_states:saved_end], arrays[saved_end:]


def backward(step, packing, units, saved, num_states, gates, dtype):
    """Runs the gradient of a recurrence from the last step to the first.

    Args:
        step: Function from the step's number, the tuple of what `forward` saved there, and the
            tuple of gradients of the states after it, to the tuple of gradients of the states
            before it and a tuple of the gates' gradients.
        packing: `packing.Packing`.
        units: Hidden size.
        saved: What `forward` returned of that name.
        num_states: Length of the tuples of states.
        gates: Number of gates side by side in each member of the gates' gradients.
        dtype: Precision of the gates' gradients.

    Returns:
        Tuple of the gates' gradients, each `(packed, gates * units)`.
    """
    steps = tf.shape(packing.counts)[0]

    def body(t, carried, arrays):
        t = t - 1
        # Rows that end at this step have no gradient from later ones.
        missing = packing.counts[t] - tf.shape(carried[0])[0]
        grown = tuple(tf.pad(rows, [[0, missing], [0, 0]]) for rows in carried)
        read = tuple(tf.ensure_shape(a.read(t), [None, units]) for a in saved)
        carried, gates = step(t, read, grown)
        return t, carried, tuple(a.write(t, gate) for a, gate in zip(arrays, gates))

    _, _, arrays = tf.while_loop(
        lambda t, *_: t > 0,
        body,
        (
            steps,
            (tf.zeros([0, units]),) * num_states,
            _arrays([units * count for count in gates], dtype, steps),
        ),
        shape_invariants=(
            tf.TensorShape([]),
            (tf.TensorShape([None, units]),) * num_states,
            (tf.TensorShape(None),) * len(gates),
        ),
    )
    return tuple(concat(array, units * count) for array, count in zip(arrays, gates))
