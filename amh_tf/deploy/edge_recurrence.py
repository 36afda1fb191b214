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
    """Returns a variable's value as an array, also while a graph is being made."""
    with tf.init_scope():
        return np.asarray(variable)


class _GRU:
    """A GRU's weights as arrays, and its step; gates in the order update, reset, candidate."""

    num_states = 1

    def __init__(self, cell):
        kernel, recurrent, bias = map(constant, (cell.kernel, cell.recurrent_kernel, cell.bias))
        self.reset_after = cell.reset_after
        outer, inner = bias if self.reset_after else (bias, 0.0 * bias)
        gates = 2 * len(recurrent)  # update and reset side by side: one product for both
        self.kernels = [kernel[:, :gates], kernel[:, gates:]]
        # The gates' recurrent biases are added to the same sum as their input biases.
        self.biases = [outer[:gates] + inner[:gates], outer[gates:]]
        self.recurrent = [recurrent[:, :gates], recurrent[:, gates:]]
        self._candidate_bias = inner[gates:]

    def step(self, inputs, states, recurrent):
        (h,) = states
        z, r = tf.split(tf.sigmoid(inputs[0] + tf.matmul(h, recurrent[0])), 2, axis=1)
        if self.reset_after:
            product = r * (tf.matmul(h, recurrent[1]) + self._candidate_bias)
        else:
            product = tf.matmul(r * h, recurrent[1])
        c = tf.tanh(inputs[1] + product)
        return (c + z * (h - c),)


class _LSTM:
    """An LSTM's weights as arrays, and its step; gates reordered: input, forget, output, rest."""

    num_states = 2

    def __init__(self, cell):
        weights = map(constant, (cell.kernel, cell.recurrent_kernel, cell.bias))
        kernel, recurrent, bias = map(self._reordered, weights)
        self.kernels, self.biases, self.recurrent = [kernel], [bias], [recurrent]
        self._gates = 3 * len(recurrent)

    @staticmethod
    def _reordered(weight):
        i, f, candidate, o = np.split(weight, 4, axis=-1)  # Keras' order
        return np.concatenate([i, f, o, candidate], axis=-1)  # one sigmoid for three gates

    def step(self, inputs, states, recurrent):
        h, c = states
        sums = inputs[0] + tf.matmul(h, recurrent[0])
        i, f, o = tf.split(tf.sigmoid(sums[:, : self._gates]), 3, axis=1)
        c = f * c + i * tf.tanh(sums[:, self._gates :])
        return o * tf.tanh(c), c


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
    recurrence = _GRU(cell) if hasattr(cell, "reset_after") else _LSTM(cell)
    units = cell.units
    projected = [
        tf.matmul(sequence, kernel) + bias
        for kernel, bias in zip(recurrence.kernels, recurrence.biases)
    ]
    # A known shape of its elements is what makes the list a builtin operation.
    array = tf.TensorArray(tf.float32, size=count, element_shape=[block, units])

    def body(index, states, array):
        # Constants inside the body are what makes its products fully connected layers.
        recurrent = [tf.constant(weight) for weight in recurrence.recurrent]
        rows = [
            tf.split(tf.slice(rows, [index * block, 0], [block, rows.shape[1]]), block)
            for rows in projected
        ]
        outputs = []
        for inputs in zip(*rows):
            states = recurrence.step(inputs, states, recurrent)
            outputs.append(states[0])
        return index + 1, states, array.write(index, tf.concat(outputs, axis=0))

    start = (0, (tf.zeros([1, units]),) * recurrence.num_states, array)
    _, _, array = tf.while_loop(lambda index, *_: index < count, body, start)
    return tf.reshape(array.stack(), [-1, units])
