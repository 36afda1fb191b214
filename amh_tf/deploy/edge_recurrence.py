"""Recurrences for devices: one utterance, in what LiteRT has as builtin operations.

`tflite_convert` gives builtin operations alone, without any flag, where a loop's tensors have
fixed shapes but for one time axis. There an iteration costs far more than the operations in
it, so that each takes a block of steps; the loop ends with the block of the last valid step.
Steps beyond the length are computed from zeros and never read: what comes after a step does
not change it.
"""

import numpy as np
import tensorflow as tf

from amh_tf.layers.kernels import steps

# Steps in an iteration. More are a little faster over hundreds of steps, but every operation of
# every step has its place in the file, and half a block is wasted on average.
BLOCK = {"audio": 15, "text": 2, "video": 2}


def num_blocks(length, block):
    """Returns how many blocks hold `length` steps, at least one: no tensor is ever empty."""
    return tf.maximum((length + block - 1) // block, 1)


def constant(variable):
    """Returns a variable's value as an array, also while a graph is being made."""
    with tf.init_scope():
        return np.asarray(variable)


def scan(sequence, count, block, cell):
    """Runs a recurrent cell over one sequence.

    Args:
        sequence: Tensor of shape `(steps, dim)`, steps at least `count * block`.
        count: Scalar int32 tensor, the number of blocks to run.
        block: Steps in a block.
        cell: `keras.layers.GRUCell` or `keras.layers.LSTMCell`, built; its weights become
            constants.

    Returns:
        States of shape `(count * block, units)`.
    """
    weights = map(constant, (cell.kernel, cell.recurrent_kernel, cell.bias))
    if hasattr(cell, "reset_after"):
        recurrence = steps.GRU(weights, cell.reset_after)
    else:
        recurrence = steps.LSTM(weights)
    units, cuts = cell.units, np.cumsum(recurrence.widths)[:-1]
    projected = [
        tf.matmul(sequence, kernel) + bias
        for kernel, bias in zip(
            np.split(recurrence.kernel, cuts, axis=1), np.split(recurrence.bias, cuts)
        )
    ]
    # A known shape of its elements is what makes the list a builtin operation.
    array = tf.TensorArray(tf.float32, size=count, element_shape=[block, units])

    def body(index, states, array):
        # Constants inside the body are what makes its products fully connected layers.
        recurrent = [tf.constant(weight) for weight in recurrence.recurrent]

        def multiply(state, place):
            return tf.matmul(state, recurrent[place])

        rows = [
            tf.split(tf.slice(rows, [index * block, 0], [block, rows.shape[1]]), block)
            for rows in projected
        ]
        outputs = []
        for inputs in zip(*rows):
            states = recurrence.step(inputs, states, multiply)
            outputs.append(states[0])
        return index + 1, states, array.write(index, tf.concat(outputs, axis=0))

    start = (0, (tf.zeros([1, units]),) * recurrence.num_states, array)
    _, _, array = tf.while_loop(lambda index, *_: index < count, body, start)
    return tf.reshape(array.stack(), [-1, units])
