"""A step of a GRU and of an LSTM, for recurrences that do not train.

What multiplies is left to the caller: in which precision, and with weights that are tensors or
constants.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

# Multiplies rows `(rows, units)` with one of the recurrent kernels, by its place in `recurrent`.
Multiply = Callable[[tf.Tensor, int], tf.Tensor]
States = tuple[tf.Tensor, ...]


class GRU:
    """A GRU's step; the mathematics is that of `gru.layer`.

    Args:
        weights: Kernel, recurrent kernel and bias, as for `gru.layer`; tensors or arrays.
        reset_after: Whether the reset gate is applied after the recurrent product.

    Attributes:
        kernel, bias: What inputs are multiplied with, and what is added then.
        widths: How these sums are cut along their last axis, for `step`.
        recurrent: Kernels that states are multiplied with in a step.
        num_states: Number of states.
    """

    num_states = 1

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
            self.bias = outer + inner * ([1.0] * gates + [0.0] * units)
            self._inner_bias = inner[gates:]

    def step(self, inputs: Sequence[tf.Tensor], states: States, multiply: Multiply) -> States:
        """Computes the states after a step.

        Args:
            inputs: The inputs' sums, float32, cut by `widths`, each `(rows, width)`.
            states: The state before the step, `(rows, units)` float32.
            multiply: As `Multiply`; float32.

        Returns:
            Tuple of the state after the step.
        """
        (h,) = states
        z, r = tf.split(tf.sigmoid(inputs[0] + multiply(h, 0)), 2, axis=1)
        if self._inner_bias is None:
            product = multiply(r * h, 1)
        else:
            product = r * (multiply(h, 1) + self._inner_bias)
        c = tf.tanh(inputs[1] + product)
        return (c + z * (h - c),)


class LSTM:
    """An LSTM's step; the mathematics is that of `lstm.layer`.

    Args:
        weights: Kernel, recurrent kernel and bias, as for `lstm.layer`; tensors or arrays.

    Attributes:
        kernel, bias, widths, recurrent, num_states: As of `GRU`.
    """

    num_states = 2

    def __init__(self, weights: Sequence[Any]) -> None:
        self.kernel, recurrent, self.bias = weights
        self.widths = [recurrent.shape[1]]
        self.recurrent = [recurrent]

    def step(self, inputs: Sequence[tf.Tensor], states: States, multiply: Multiply) -> States:
        """Computes hidden state and cell state after a step; arguments as for `GRU.step`."""
        h, c = states
        i, f, g, o = tf.split(inputs[0] + multiply(h, 0), 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c
