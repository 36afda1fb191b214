"""The LSTM's gradients against finite differences of its equations in float64, in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.layers.kernels import compiled
from tests.layers.kernels.test_kernels import load_compiled

LENGTHS = (3, 0, 1)
TIME, DIM, UNITS = 3, 2, 3
STEP = 1e-5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def states(sequence, weights, backward):
    """States and last states of one direction, row by row and step by step."""
    kernel, recurrent, bias = weights
    all_states = np.zeros((len(LENGTHS), TIME, UNITS))
    last = np.zeros((len(LENGTHS), UNITS))
    for row, length in enumerate(LENGTHS):
        h, c = np.zeros(UNITS), np.zeros(UNITS)
        for t in range(length)[:: -1 if backward else 1]:
            sums = sequence[row, t] @ kernel + h @ recurrent + bias
            i, f, g, o = np.split(sums, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            all_states[row, t] = h
        last[row] = h
    return all_states, last


def loss_of(sequence, weights, upstream):
    """Weighted sum of both directions' outputs."""
    parts = zip(*(states(sequence, one, backward) for one, backward in zip(weights, (False, True))))
    return sum((np.concatenate(part, -1) * u).sum() for part, u in zip(parts, upstream))


@pytest.fixture
def drawn():
    """Sequence, weights of both directions, and upstream gradients; float64."""
    rng = np.random.default_rng(5)
    shapes = (DIM, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)
    weights = [[rng.standard_normal(shape) for shape in shapes] for _ in range(2)]
    width = 2 * UNITS
    upstream = [
        rng.standard_normal((len(LENGTHS), TIME, width)),
        rng.standard_normal((len(LENGTHS), width)),
    ]
    return rng.standard_normal((len(LENGTHS), TIME, DIM)), weights, upstream


def test_gradients_are_finite_differences(drawn):
    load_compiled()
    sequence, weights, upstream = drawn

    def slope(array, place):
        """Slope of the loss in one number of an array that it is computed from."""
        before, losses = array[place], []
        for moved in (before + STEP, before - STEP):
            array[place] = moved
            losses.append(loss_of(sequence, weights, upstream))
        array[place] = before
        return (losses[0] - losses[1]) / (2 * STEP)

    arrays = [sequence, *weights[0], *weights[1]]
    expected = [
        np.reshape([slope(a, place) for place in np.ndindex(a.shape)], a.shape) for a in arrays
    ]
    tensors = [tf.constant(array, tf.float32) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs = compiled.recurrence(
            tensors[0],
            tf.constant(LENGTHS),
            [tensors[1:4], tensors[4:]],
            "float32",
            cell="lstm",
            backward=(False, True),
        )
        loss = tf.add_n([tf.reduce_sum(o * u.astype("f")) for o, u in zip(outputs, upstream)])
    np.testing.assert_allclose(loss, loss_of(sequence, weights, upstream), rtol=1e-5)
    for found, wanted in zip(tape.gradient(loss, tensors), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5, rtol=1e-4)


def test_directions_are_those_of_two_layers(drawn):
    """Side by side; the gradient of the inputs is the sum of both."""
    load_compiled()
    sequence, weights, _ = drawn
    sequence = tf.constant(sequence, tf.float32)
    weights = [[tf.constant(array, tf.float32) for array in one] for one in weights]

    def run(directions):
        with tf.GradientTape() as tape:
            tape.watch(sequence)
            chosen = [weights[direction] for direction in directions]
            backward = [direction == 1 for direction in directions]
            outputs = compiled.recurrence(
                sequence, tf.constant(LENGTHS), chosen, "float32", cell="lstm", backward=backward
            )
            loss = sum(tf.reduce_sum(tf.square(output)) for output in outputs)
        return (*outputs, tape.gradient(loss, sequence))

    *joined, d_joined = run((0, 1))
    *forth, d_forth = run((0,))
    *back, d_back = run((1,))
    for found, parts in zip(joined, zip(forth, back)):
        np.testing.assert_array_equal(found, tf.concat(parts, -1))
    np.testing.assert_allclose(d_joined, d_forth + d_back, atol=1e-6)
