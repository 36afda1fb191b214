"""The loops that recurrent kernels share: forward over the steps, and back.

What TensorFlow derives from a loop stores and adds up every weight gradient at every step.
Kernels compute the gates' gradients alone in the backward loop; those of the weights are
single matrix products over all steps afterwards.
"""

import tensorflow as tf


def at_step(rows, packing, step):
    """Returns the packed rows of one step, `(counts[step], dim)`."""
    first = packing.offsets[step]
    return rows[first : first + packing.counts[step]]


def product(a, b, dtype, **options):
    """Multiplies matrices in the computation's precision; what comes out is float32."""
    return tf.cast(tf.matmul(tf.cast(a, dtype), tf.cast(b, dtype), **options), tf.float32)


def concat(array, units):
    """Returns the packed rows that an array holds step by step, `(packed, units)`."""
    return tf.ensure_shape(array.concat(), [None, units])


def _arrays(number, steps, units):
    return tuple(
        tf.TensorArray(
            tf.float32,
            size=steps,
            infer_shape=False,
            element_shape=[None, units],
            clear_after_read=False,
        )
        for _ in range(number)
    )


def forward(step, packing, batch, units, num_states, num_saved):
    """Runs a recurrence from the first step to the last.

    Args:
        step: Function from the step's number and a tuple of states before it, each
            `(counts[t], units)`, to the tuple of states after it and a tuple of what the
            gradient will need.
        packing: `packing.Packing`.
        batch: Scalar int32 tensor.
        units: Hidden size.
        num_states, num_saved: Lengths of the two tuples.

    Returns:
        Tuple of `num_states + num_saved` TensorArrays with what each step made, float32.
    """
    steps = tf.shape(packing.counts)[0]
    number = num_states + num_saved

    def body(t, states, arrays):
        states = tuple(state[: packing.counts[t]] for state in states)
        states, saved = step(t, states)
        written = tuple(a.write(t, value) for a, value in zip(arrays, (*states, *saved)))
        return t + 1, states, written

    _, _, arrays = tf.while_loop(
        lambda t, *_: t < steps,
        body,
        (0, (tf.zeros([batch, units]),) * num_states, _arrays(number, steps, units)),
        shape_invariants=(
            tf.TensorShape([]),
            (tf.TensorShape([None, units]),) * num_states,
            (tf.TensorShape(None),) * number,
        ),
    )
    return arrays


def backward(step, packing, units, arrays, num_states, num_made):
    """Runs the gradient of a recurrence from the last step to the first.

    Args:
        step: Function from the step's number, the tuple of states before it, the tuple of
            what `forward` saved there, and the tuple of gradients of the states after it, to
            the tuple of gradients of the states before it and a tuple of the gates' gradients.
        packing: `packing.Packing`.
        units: Hidden size.
        arrays: What `forward` returned.
        num_states, num_made: Lengths of the tuples of states and of gates.

    Returns:
        Tuple of the gates' gradients, each `(packed, units)`.
    """
    steps = tf.shape(packing.counts)[0]

    def shaped(rows):
        return tf.ensure_shape(rows, [None, units])

    def body(t, carried, made):
        t = t - 1
        count = packing.counts[t]
        before = tf.cond(
            t > 0,
            lambda: tuple(a.read(t - 1)[:count] for a in arrays[:num_states]),
            lambda: (tf.zeros([count, units]),) * num_states,
        )
        saved = tuple(shaped(a.read(t)) for a in arrays[num_states:])
        # Rows that end at this step have no gradient from later ones.
        grown = tuple(tf.pad(rows, [[0, count - tf.shape(rows)[0]], [0, 0]]) for rows in carried)
        carried, gates = step(t, tuple(map(shaped, before)), saved, grown)
        return t, carried, tuple(a.write(t, value) for a, value in zip(made, gates))

    _, _, made = tf.while_loop(
        lambda t, *_: t > 0,
        body,
        (steps, (tf.zeros([0, units]),) * num_states, _arrays(num_made, steps, units)),
        shape_invariants=(
            tf.TensorShape([]),
            (tf.TensorShape([None, units]),) * num_states,
            (tf.TensorShape(None),) * num_made,
        ),
    )
    return tuple(concat(array, units) for array in made)


def previous(states, packing):
    """Returns, for each packed row, the state before its step: zeros before the first.

    Args:
        states: Tensor of shape `(packed, units)`.
        packing: `packing.Packing`.

    Returns:
        Tensor of shape `(packed, units)`.
    """
    step = tf.repeat(tf.range(tf.shape(packing.counts)[0]), packing.counts)
    place = tf.range(tf.size(step)) - tf.gather(packing.offsets, step)
    before = tf.gather(packing.offsets, tf.maximum(step - 1, 0)) + place
    return tf.where((step > 0)[:, None], tf.gather(states, before), tf.zeros([], states.dtype))


def project(rows, kernel, biases, dtype):
    """Multiplies all inputs with each gate's kernel at once.

    Args:
        rows: Tensor of shape `(packed, dim)`.
        kernel: Tensor of shape `(dim, gates * units)`.
        biases: List of each gate's bias, `(units,)`.
        dtype: Precision of the products.

    Returns:
        Tuple of tensors of shape `(packed, units)` float32, one for each gate.
    """
    rows = tf.cast(rows, dtype)
    gates = tf.split(kernel, len(biases), axis=1)
    return tuple(product(rows, gate, dtype) + bias for gate, bias in zip(gates, biases))
