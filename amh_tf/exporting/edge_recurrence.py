"""Recurrences for devices: one utterance, in what LiteRT has as builtin operations.

`tflite_convert` gives builtin operations alone, without any flag, where a loop's tensors have
fixed shapes but for one time axis. There an iteration costs far more than the operations in
it, so that each takes a block of steps; the loop ends with the block of the last valid step.
Steps beyond the length are computed from zeros and never read: what comes after a step does
not change it.
"""

import numpy as np
import tensorflow as tf

# Steps in an iteration. More are a little faster over hundreds of steps, but every operation of
# every step has its place in the file, and half a block is wasted on average.
BLOCK = {"audio": 7, "text": 2, "video": 2}


def num_blocks(length, block):
    """Returns how many blocks hold `length` steps, at least one: no tensor is ever empty."""
    return tf.maximum((length + block - 1) // block, 1)


def constant(variable):
    """Returns a variable's value as an array, also while a graph is being made.

    Constants inside a loop's body are what makes its products fully connected layers.
    """
    with tf.init_scope():
        return np.asarray(variable)


def _gru(cell, reset_after):
    """Returns a GRU's input kernels, their biases, and its step; gates update, reset, candidate."""
    kernel, recurrent, bias = map(constant, (cell.kernel, cell.recurrent_kernel, cell.bias))
    units = len(recurrent)
    outer, inner = bias if reset_after else (bias, 0.0 * bias)
    gates = 2 * units  # update and reset side by side: one product for both

    def step(inputs, states):
        (h,) = states
        x_gates, x_candidate = inputs
        z, r = tf.split(tf.sigmoid(x_gates + tf.matmul(h, recurrent[:, :gates])), 2, axis=1)
        if reset_after:
            product = r * (tf.matmul(h, recurrent[:, gates:]) + inner[gates:])
        else:
            product = tf.matmul(r * h, recurrent[:, gates:])
        c = tf.tanh(x_candidate + product)
        return (c + z * (h - c),)

    # The gates' recurrent biases are added to the same sum as their input biases.
    biases = [outer[:gates] + inner[:gates], outer[gates:]]
    return [kernel[:, :gates], kernel[:, gates:]], biases, step, 1


def _lstm(cell):
    """Returns an LSTM's input kernel, its bias, and its step; gates input, forget, output."""

    def reordered(weight):  # the candidate, third in Keras, goes last: one sigmoid for the rest
        i, f, g, o = np.split(constant(weight), 4, axis=-1)
        return np.concatenate([i, f, o, g], axis=-1)

    kernel, recurrent, bias = map(reordered, (cell.kernel, cell.recurrent_kernel, cell.bias))
    units = len(recurrent)

    def step(inputs, states):
        h, c = states
        sums = inputs[0] + tf.matmul(h, recurrent)
        i, f, o = tf.split(tf.sigmoid(sums[:, : 3 * units]), 3, axis=1)
        c = f * c + i * tf.tanh(sums[:, 3 * units :])
        return o * tf.tanh(c), c

    return [kernel], [bias], step, 2


def scan(sequence, count, block, cell, reset_after=False):
    """Runs a recurrent cell over one sequence.

    Args:
        sequence: Tensor of shape `(steps, dim)`, steps at least `count * block`.
        count: Scalar int32 tensor, the number of blocks to run.
        block: Steps in a block.
        cell: `keras.layers.GRUCell` or `keras.layers.LSTMCell`, built; its weights become
            constants.
        reset_after: Whether a GRU's reset gate is applied after the recurrent product.

    Returns:
        States of shape `(count * block, units)`.
    """
    made = _gru(cell, reset_after) if hasattr(cell, "reset_after") else _lstm(cell)
    kernels, biases, step, num_states = made
    units = cell.units
    projected = [tf.matmul(sequence, kernel) + bias for kernel, bias in zip(kernels, biases)]
    # A known shape of its elements is what makes the list a builtin operation.
    array = tf.TensorArray(tf.float32, size=count, element_shape=[block, units])

    def body(index, states, array):
        rows = [
            tf.split(tf.slice(rows, [index * block, 0], [block, rows.shape[1]]), block)
            for rows in projected
        ]
        made = []
        for inputs in zip(*rows):
            states = step(inputs, states)
            made.append(states[0])
        return index + 1, states, array.write(index, tf.concat(made, axis=0))

    start = (0, (tf.zeros([1, units]),) * num_states, array)
    _, _, array = tf.while_loop(lambda index, *_: index < count, body, start)
    return tf.reshape(array.stack(), [-1, units])
