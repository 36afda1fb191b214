"""The kernels against their plain twins: Keras' own layers, step by step."""

import contextlib
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from amh_tf.layers.kernels import choice, compiled, gru, lstm, packing

LENGTHS = {
    "mixed": [6, 3, 1, 0],
    "equal": [5, 5, 5],
    "single_steps": [1, 1],
    "all_absent": [0, 0],
    "shorter_than_the_padding": [2, 9],
    "many": np.random.default_rng(0).integers(0, 30, 37).tolist(),
}
CASES = [("gru", {"reset_after": False}), ("gru", {"reset_after": True}), ("lstm", {})]
KERNELS = [("packed", *case) for case in CASES] + [("compiled", *case) for case in CASES]
LAYERS = {"gru": (keras.layers.GRU, gru.layer), "lstm": (keras.layers.LSTM, lstm.layer)}


@functools.cache
def layer_of(cell, settings, backward, units, dim):
    """One of Keras' layers."""
    layer = LAYERS[cell][0](units, return_sequences=True, return_state=True, **dict(settings))
    layer.go_backwards = backward
    layer.build((None, None, dim))
    rng = np.random.default_rng(1)
    size = 0.5 * min(1.0, (7 / units) ** 0.5)
    layer.set_weights([size * rng.standard_normal(w.shape) for w in layer.get_weights()])
    return layer


@functools.cache
def function(how, cell, settings, backward, dtype, units, dim):
    """The plain twin or a kernel, traced once for batches of every shape.

    It takes a sequence, lengths, and the weights of a sum of the outputs; it returns the outputs,
    and that sum's gradients in the sequence and in every weight.
    """
    layer = layer_of(cell, settings, backward, units, dim)
    weights = [weight.value for weight in layer.weights]

    def plain(sequence, lengths):
        mask = tf.sequence_mask(lengths, tf.shape(sequence)[1])
        states, last, *_ = layer(sequence, mask=mask)
        states = tf.reverse(states, [1]) if backward else states
        return states * tf.cast(mask, tf.float32)[:, :, None], last

    def run_compiled(sequence, lengths):
        given = {"backward": [backward], "cell": cell, **dict(settings)}
        return compiled.recurrence(sequence, lengths, [weights], dtype, **given)

    def run_packed(sequence, lengths):
        batch, time = tf.unstack(tf.shape(sequence)[:2])
        placed = packing.make(lengths, time, backward=backward)
        rows = packing.pack(sequence, placed)
        return LAYERS[cell][1](rows, weights, placed, batch, time, dtype, **dict(settings))

    run = {"plain": plain, "compiled": run_compiled, "packed": run_packed}[how]

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None, dim], tf.float32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, None, units], tf.float32),
            tf.TensorSpec([None, units], tf.float32),
        ],
    )
    def compute(sequence, lengths, for_states, for_last):
        with tf.GradientTape() as tape:
            tape.watch(sequence)
            states, last = run(sequence, lengths)
            loss = tf.reduce_sum(states * for_states) + tf.reduce_sum(last * for_last)
        return states, last, tape.gradient(loss, [sequence, *weights])

    return compute


def both(how, cell, settings, lengths, time, backward, dtype=tf.float32, units=7, dim=4):
    """What the plain twin and a kernel compute: outputs, and gradients."""
    if how == "compiled":
        load_compiled()
    rng = np.random.default_rng(2)
    batch = len(lengths)
    mask = np.arange(time) < np.array(lengths)[:, None]
    arguments = (
        # Noise in the padding, which nothing may see.
        rng.standard_normal((batch, time, dim)).astype(np.float32),
        np.array(lengths, np.int32),
        rng.standard_normal((batch, time, units)).astype(np.float32) * mask[:, :, None],
        rng.standard_normal((batch, units)).astype(np.float32),
    )
    settings = tuple(settings.items())
    plain = function("plain", cell, settings, backward, tf.float32, units, dim)
    computed = function(how, cell, settings, backward, dtype, units, dim)
    return plain(*arguments), computed(*arguments)


def load_compiled():
    """Loads the compiled kernel, or skips the test where there is no compiler."""
    try:
        compiled.load()
    except compiled.NotAvailable as error:
        pytest.skip(str(error))


def fused_if(fused):
    """The block in which the compiled operations are used, or one that does nothing."""
    if not fused:
        return contextlib.nullcontext()
    load_compiled()
    return choice.preferred()


@pytest.mark.parametrize(("how", "cell", "settings"), KERNELS)
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("backward", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_outputs_and_gradients_are_the_twins(how, cell, settings, lengths, backward):
    time = max(*lengths, 1) + 2
    plain, computed = both(how, cell, settings, lengths, time, backward)
    for expected, found in zip(plain[:2], computed[:2]):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    for expected, found in zip(plain[2], computed[2], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "cell", "settings"), KERNELS)
def test_outputs_and_gradients_are_the_twins_at_full_size(how, cell, settings):
    lengths = np.random.default_rng(2).integers(0, 41, 19).tolist()
    plain, computed = both(how, cell, settings, lengths, 40, False, units=200, dim=121)
    for expected, found in zip(plain[:2], computed[:2]):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    for expected, found in zip(plain[2], computed[2], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("how", "cell", "settings"), KERNELS)
def test_bfloat16_products_stay_close(how, cell, settings):
    plain, computed = both(how, cell, settings, [20, 11, 4], 20, False, dtype=tf.bfloat16)
    for expected, found in zip(plain[:2], computed[:2]):
        assert found.dtype == tf.float32
        np.testing.assert_allclose(found, expected, atol=0.05)
    for expected, found in zip(plain[2], computed[2]):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, atol=0.05 * scale)


def test_packing_of_four_rows():
    placed = packing.make(tf.constant([1, 3, 0, 2]), 4)
    # Longest first: rows 1, 3, 0, 2. Counts are rounded up to 8, at most the batch of 4.
    np.testing.assert_array_equal(placed.counts, [4, 4, 4])
    np.testing.assert_array_equal(placed.offsets, [0, 4, 8])
    valid = np.flatnonzero(placed.valid)
    np.testing.assert_array_equal(valid, [0, 1, 2, 4, 5, 8])
    row_and_step = np.array(placed.source)[valid]
    np.testing.assert_array_equal(row_and_step // 4, [1, 3, 0, 1, 3, 1])
    np.testing.assert_array_equal(row_and_step % 4, [0, 0, 0, 1, 1, 2])
    np.testing.assert_array_equal(placed.last, [2, 8, 0, 5])
    np.testing.assert_array_equal(placed.nonempty, [True, True, False, True])


def test_counts_shrink_in_steps_of_eight():
    lengths = tf.constant([5] * 3 + [2] * 20 + [0] * 2)
    placed = packing.make(lengths, 5)
    np.testing.assert_array_equal(placed.counts, [24, 24, 8, 8, 8])
