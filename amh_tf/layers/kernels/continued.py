"""Recurrences that do not train, and go on from the states in which they were left."""

from collections.abc import Sequence

import tensorflow as tf

from amh_tf.layers.kernels import loop, steps

# Of each of stacked recurrences its states, `(batch, units)` float32.
State = tuple[steps.States, ...]


def run(
    sequence: tf.Tensor, recurrences: Sequence[steps.Recurrence], state: State, dtype: str
) -> tuple[tf.Tensor, State]:
    """Runs stacked recurrences over the next steps.

    Args:
        sequence: Tensor of shape `(batch, time, dim)`; all steps are valid, one at least.
        recurrences: What computes a step, of each layer.
        state: The state before the first of these steps.
        dtype: Precision of the matrix products, and of what is returned for the steps.

    Returns:
        The last layer's states after each step, `(batch, time, units)`; the state after the last.
    """
    rows, after = tf.transpose(sequence, [1, 0, 2]), []
    for recurrence, states in zip(recurrences, state, strict=True):
        every = _scan(rows, recurrence, states, dtype)
        after.append(tuple(of_steps[-1] for of_steps in every))
        rows = tf.cast(every[0], dtype)
    return tf.transpose(rows, [1, 0, 2]), tuple(after)


def _scan(rows, recurrence, states, dtype):
    """Returns all states after each step, each `(time, batch, units)`."""
    kernel = tf.cast(recurrence.kernel, dtype)
    recurrent = [tf.cast(weight, dtype) for weight in recurrence.recurrent]

    def multiply(state, place):
        return loop.product(state, recurrent[place], dtype)

    sums = loop.product(tf.reshape(rows, [-1, rows.shape[2]]), kernel, dtype) + recurrence.bias
    time, batch = tf.unstack(tf.shape(rows)[:2])
    # The loop's states keep their size where it is known.
    sums = tf.reshape(sums, [time, states[0].shape[0] or batch, kernel.shape[1]])
    return tf.scan(
        lambda states, inputs: recurrence.step(inputs, states, multiply),
        tuple(recurrence.parts(sums)),
        initializer=states,
    )
