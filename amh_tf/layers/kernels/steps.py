"""A step of a GRU and of an LSTM, for recurrences that do not train.

What multiplies is left to the caller: in which precision, and with weights that are tensors or
constants.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

# Multiplies rows `(rows, units)` with one of the recurrent kernels, by its place in `recurrent`.
Multiply = Callable[[tf.Tensor, int], tf.Tensor]
States = tuple[tf.Tensor, ...]


class Recurrence:
    """What a recurrence is computed from.

    Attributes:
        kernel, bias: What inputs are multiplied with, and what is added then.
        widths: How these sums are cut along their last axis, for `step`.
        recurrent: Kernels that states are multiplied with in a step.
        num_states: Number of states.
        is_single: Whether it is one of a single row alone.
    """

    num_states = 1
    is_single = False
    kernel: Any
    bias: Any
    widths: list[int]
    recurrent: list[Any]

    def parts(self, sums: tf.Tensor) -> list[tf.Tensor]:
        """Cuts the inputs' sums, `(steps, rows, width)`, into what `step` takes of each step."""
        return tf.split(sums, self.widths, axis=2)

    def step(self, inputs: Sequence[tf.Tensor], states: States, multiply: Multiply) -> States:
        """Computes the states after a step.

        Args:
            inputs: The inputs' sums, float32, each `(rows, width)`.
            states: States before the step, each `(rows, units)` float32.
            multiply: As `Multiply`; float32.

        Returns:
            States after the step; the first is the recurrence's output.
        """
        raise NotImplementedError


class GRU(Recurrence):
    """A GRU's step; the mathematics is that of `gru.layer`.

    Args:
        weights: Kernel, recurrent kernel and bias, as for `gru.layer`; tensors or arrays.
        reset_after: Whether the reset gate is applied after the recurrent product.
    """

    def __init__(self, weights: Sequence[Any], reset_after: bool = False) -> None:
        self.kernel, recurrent, bias = weights
        units = recurrent.shape[0]
        gates = 2 * units  # update and reset side by side: one product for both
        self.widths = [gates, units]
        self.recurrent = [recurrent[:, :gates], recurrent[:, gates:]]
        self.bias, self._inner_bias = bias, None
        if reset_after:
            outer, inner = bias[0], bias[1]
            # The gates' recurrent biases are added to the same sum as their input biases.
            self.bias = outer + inner * np.repeat(np.array([1, 0], np.float32), [gates, units])
            self._inner_bias = inner[gates:]

    def step(self, inputs: Sequence[tf.Tensor], states: States, multiply: Multiply) -> States:
        """As of `Recurrence`, with one state."""
        (h,) = states
        z, r = tf.split(tf.sigmoid(inputs[0] + multiply(h, 0)), 2, axis=1)
        if self._inner_bias is None:
            product = multiply(r * h, 1)
        else:
            product = r * (multiply(h, 1) + self._inner_bias)
        c = tf.tanh(inputs[1] + product)
        return (c + z * (h - c),)


class GRUCell(GRU):
    """A GRU's step for one row alone: one operation of TensorFlow's, which is faster than ten.

    Its gate before the product is the authors'. The inputs' sums stand in the place of its biases,
    so that its own products are with the state alone.

    Args:
        weights: As for `GRU`; float32 tensors.
    """

    is_single = True

    def __init__(self, weights: Sequence[Any]) -> None:
        super().__init__(weights)
        # The operation's order is reset, update.
        self._gates = _swapped(self.recurrent[0])
        self._no_input = self.recurrent[1][:1, :0]  # a constant would be one of every step

    def parts(self, sums: tf.Tensor) -> list[tf.Tensor]:
        gates, candidate = tf.split(sums[:, 0], self.widths, axis=1)
        return [_swapped(gates), candidate]

    def step(self, inputs: Sequence[tf.Tensor], states: States, multiply: Multiply) -> States:
        """As of `Recurrence`; the inputs are two vectors."""
        (h,) = states
        outputs = tf.raw_ops.GRUBlockCell(
            x=self._no_input,
            h_prev=h,
            w_ru=self._gates,
            w_c=self.recurrent[1],
            b_ru=inputs[0],
            b_c=inputs[1],
        )
        return (outputs.h,)


def _swapped(gates):
    return tf.concat(tf.split(gates, 2, axis=1)[::-1], axis=1)


class LSTM(Recurrence):
    """An LSTM's step; the mathematics is that of `lstm.layer`.

    Args:
        weights: Kernel, recurrent kernel and bias, as for `lstm.layer`; tensors or arrays.
    """

    num_states = 2

    def __init__(self, weights: Sequence[Any]) -> None:
        self.kernel, recurrent, self.bias = weights
        self.widths = [recurrent.shape[1]]
        self.recurrent = [recurrent]

    def step(self, inputs: Sequence[tf.Tensor], states: States, multiply: Multiply) -> States:
        """As of `Recurrence`; the states are the hidden one and the cell's."""
        h, c = states
        i, f, g, o = tf.split(inputs[0] + multiply(h, 0), 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c
