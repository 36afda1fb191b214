"""The compiled kernel: its dropout, its threads, its errors, and which encoders use it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from amh_tf import layers
from amh_tf.layers.kernels import choice, compiled
from tests.layers.kernels import philox
from tests.layers.kernels.test_kernels import load_compiled

LENGTHS = [9, 4, 0, 1, 7, 9, 2, 3, 5, 6]
UNITS = 20
CELLS = ("gru", "lstm")


def given(dim, cell="gru"):
    rng = np.random.default_rng(0)
    sequence = rng.standard_normal((len(LENGTHS), 9, dim)).astype(np.float32)
    columns = {"gru": 3, "lstm": 4}[cell] * UNITS
    shapes = (dim, columns), (UNITS, columns), (columns,)
    weights = [0.3 * rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    return sequence, list(map(tf.constant, weights))


def run(sequence, weights, dtype=tf.float32, backward=(False,), **settings):
    """States, last states, and gradients in the inputs and the weights of each direction."""
    sequence = tf.constant(sequence)
    with tf.GradientTape() as tape:
        tape.watch([sequence, *weights])
        lengths = tf.constant(np.resize(LENGTHS, len(sequence)), tf.int32)
        directions = [weights[i : i + 3] for i in range(0, len(weights), 3)]
        settings = {"backward": backward, **settings}
        states, last = compiled.recurrence(sequence, lengths, directions, dtype, **settings)
        loss = tf.reduce_sum(tf.square(states)) + tf.reduce_sum(last)
    return [states, last, *tape.gradient(loss, [sequence, *weights])]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        # The authors of Philox publish these.
        (0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (0xFFFFFFFF, 0xFFFFFFFF, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ],
)
def test_numpy_draws_as_philox_does(counter, key, expected):
    drawn = philox.draw([counter] * 4, (key, key))
    assert " ".join(f"{number:08x}" for number in drawn) == expected


@pytest.mark.parametrize("dim", [3, 128, 150])
@pytest.mark.parametrize("rate", [0.3, 0.7])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("backward", [(False,), (True,), (False, True)])
def test_dropout_is_philox_and_the_same_on_the_way_back(dim, rate, cell, backward):
    load_compiled()
    sequence, weights = given(dim, cell)
    weights = weights * len(backward)
    seed = [1 << 40 | 12345, 678]
    factors = philox.dropout_factors(sequence.shape, rate, seed)
    settings = {"cell": cell, "backward": backward}
    dropped = run(sequence, weights, rate=rate, seed=tf.constant(seed, tf.int64), **settings)
    expected = run(sequence * factors, weights, **settings)
    expected[2] = expected[2] * factors
    for found, wanted in zip(dropped, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_dropout_keeps_its_share_and_differs_between_seeds():
    """What is dropped is what the kernel's outputs do not depend on."""
    load_compiled()
    rng = np.random.default_rng(1)
    sequence = rng.standard_normal((64, 20, 120)).astype(np.float32)
    _, weights = given(120)

    def drawn(seed):
        inputs, lengths = tf.constant(sequence), tf.fill([64], 20)
        seed = tf.constant([1, seed], tf.int64)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            states, _ = compiled.recurrence(
                inputs, lengths, [weights], tf.float32, rate=0.3, seed=seed
            )
            loss = tf.reduce_sum(tf.square(states))
        return tape.gradient(loss, inputs).numpy() == 0

    first, second = drawn(0), drawn(1)
    for dropped in (first, second):
        spread = (0.3 * 0.7 / dropped.size) ** 0.5
        assert abs(dropped.mean() - 0.3) < 5 * spread
    assert abs((first == second).mean() - (0.49 + 0.09)) < 0.01
    for axis in range(3):
        there, next_to_it = np.moveaxis(first, axis, 0)[:-1], np.moveaxis(first, axis, 0)[1:]
        assert abs(np.corrcoef(there.ravel(), next_to_it.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
@pytest.mark.parametrize("copies", [1, 4, 12])
@pytest.mark.parametrize("cell", CELLS)
def test_bits_do_not_depend_on_the_number_of_threads(monkeypatch, dtype, copies, cell):
    load_compiled()
    sequence, weights = given(24, cell)
    weights = weights * 2
    sequence = np.tile(sequence, (copies, 1, 1))
    found = []
    for threads in (1, 2, 8):
        monkeypatch.setattr(
            tf.config.threading, "get_intra_op_parallelism_threads", lambda n=threads: n
        )
        found.append(run(sequence, weights, dtype, backward=(False, True), cell=cell))
    for other in found[1:]:
        for part, expected in zip(other, found[0], strict=True):
            np.testing.assert_array_equal(part, expected)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_long_sequences_are_computed_as_by_keras(cell):
    """What they save goes past the caches, and 200 units end with half a vector."""
    load_compiled()
    rng = np.random.default_rng(4)
    sequence = tf.constant(rng.standard_normal((32, 230, 5)).astype(np.float32))
    if cell == "gru":
        layer = keras.layers.GRU(200, reset_after=False, return_sequences=True)
    else:
        layer = keras.layers.LSTM(200, return_sequences=True)
    layer.build(sequence.shape)
    weights = [tf.constant(weight) for weight in layer.get_weights()]
    with tf.GradientTape() as tape:
        expected = layer(sequence)
        loss = tf.reduce_sum(tf.square(expected)) + tf.reduce_sum(expected[:, -1])
    expected = [expected, *tape.gradient(loss, layer.trainable_variables)]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        lengths = tf.fill([32], 230)
        states, last = compiled.recurrence(sequence, lengths, [weights], tf.float32, cell=cell)
        loss = tf.reduce_sum(tf.square(states)) + tf.reduce_sum(last)
    for found, right in zip([states, *tape.gradient(loss, weights)], expected):
        np.testing.assert_allclose(found, right, atol=1e-5 * np.abs(right).max())


@pytest.mark.parametrize("cell", CELLS)
def test_padding_is_not_read(cell):
    load_compiled()
    sequence, weights = given(24, cell)
    noisy = sequence.copy()
    for row, length in enumerate(LENGTHS):
        noisy[row, length:] = np.nan
    runs = (run(rows, weights * 2, backward=(False, True), cell=cell) for rows in (noisy, sequence))
    for found, expected in zip(*runs, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_not_a_number_does_not_vanish(cell):
    load_compiled()
    sequence, weights = given(24, cell)
    sequence[0, 3, 5] = np.nan
    states, last, *_ = run(sequence, weights, cell=cell)
    assert np.isfinite(states[0, :3]).all() and np.isnan(states[0, 3:9]).all()
    assert np.isnan(last[0]).all() and np.isfinite(last[1:]).all()


@pytest.mark.parametrize("cell", CELLS)
def test_scoring_has_a_gradient_too(cell):
    load_compiled()
    sequence, weights = given(24, cell)
    runs = (run(sequence, weights, cell=cell, training=training) for training in (False, True))
    for found, expected in zip(*runs, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_empty_batch_gives_nothing():
    load_compiled()
    _, weights = given(24)
    nothing, lengths = tf.zeros([0, 5, 24]), tf.zeros([0], tf.int32)
    states, last = compiled.recurrence(nothing, lengths, [weights], tf.float32)
    assert states.shape == (0, 5, UNITS)
    assert last.shape == (0, UNITS)


def test_length_past_the_end_is_refused():
    load_compiled()
    sequence, weights = given(24)
    for length in (10, -1):
        with pytest.raises(tf.errors.InvalidArgumentError, match="length is outside"):
            compiled.recurrence(sequence[:1], tf.constant([length]), [weights], tf.float32)


@pytest.mark.parametrize("which", range(3))
def test_weights_of_other_shapes_are_refused(which):
    load_compiled()
    sequence, weights = given(24)
    weights[which] = weights[which][..., :-1]
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        run(sequence, weights)


def operations(encoder, preferred):
    @tf.function
    def call(sequence, mask):
        if not preferred:
            return encoder(sequence, mask)
        with choice.preferred():
            return encoder(sequence, mask)

    specs = tf.TensorSpec([None, None, 6]), tf.TensorSpec([None, None], tf.bool)
    graph = call.get_concrete_function(*specs).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize(
    ("settings", "preferred", "expected"),
    [
        ({}, False, False),  # as `model.export` traces it
        ({}, True, True),
        ({"kernel": "compiled"}, False, True),
        ({"kernel": "packed"}, True, False),
        ({"kernel": "keras"}, True, False),
        ({"cell": "lstm", "bidirectional": True}, True, True),
        ({"cell": "lstm"}, False, False),
        ({"dtype": "mixed_float16"}, True, False),
        ({"dtype": "mixed_bfloat16", "bidirectional": True, "num_layers": 2}, True, True),
    ],
)
def test_encoder_uses_it_where_it_is_meant_to(settings, preferred, expected):
    load_compiled()
    found = operations(layers.ModalityEncoder(8, **settings), preferred)
    assert ("AmhRecurrence" in found) == expected


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("settings", [{}, {"num_layers": 2, "bidirectional": True}])
def test_encoder_computes_the_same_with_every_kernel(settings, cell):
    load_compiled()
    encoder = layers.ModalityEncoder(8, cell=cell, **settings)
    rng = np.random.default_rng(0)
    sequence = rng.standard_normal((4, 7, 6)).astype(np.float32)
    mask = np.arange(7) < np.array([7, 0, 3, 1])[:, None]
    found = {}
    for kernel in ("compiled", "packed", "keras"):
        encoder.kernel = kernel
        states, last = encoder(sequence, mask)
        found[kernel] = states * mask[:, :, None], last
    for kernel in ("packed", "keras"):
        for part, expected in zip(found["compiled"], found[kernel]):
            np.testing.assert_allclose(part, expected, atol=1e-6)


def test_dropout_of_an_encoder_is_drawn_anew_and_from_its_seed():
    load_compiled()

    def drawn():
        tf.keras.utils.set_random_seed(3)
        encoder = layers.ModalityEncoder(8, dropout=0.5, kernel="compiled")
        sequence, mask = tf.ones([2, 3, 6]), tf.ones([2, 3], tf.bool)
        return [encoder(sequence, mask, training=True)[1].numpy() for _ in range(2)]

    first, second = drawn()
    assert not np.array_equal(first, second)
    for found, expected in zip(drawn(), (first, second)):
        np.testing.assert_array_equal(found, expected)
