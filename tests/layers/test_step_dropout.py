import keras
import numpy as np
import pytest

from amh_tf import layers


@pytest.mark.parametrize("rate", [0.3, 0.7])
@pytest.mark.parametrize("shape", [(999, 33), (1, 1, 50_001)])
def test_rate_and_scale_are_as_declared(rate, shape):
    keras.utils.set_random_seed(0)
    dropped = np.asarray(layers.StepDropout(rate)(np.ones(shape, np.float32), training=True))
    assert set(np.unique(dropped)) == {0.0, np.float32(65536 / (65536 - round(rate * 65536)))}
    deviation = np.sqrt(rate * (1 - rate) / dropped.size)
    assert abs((dropped == 0).mean() - rate) < 4 * deviation
    assert abs(dropped.mean() - 1) < 4 * deviation / (1 - rate)


def test_neighbours_are_independent():
    # Two neighbours come from one 32-bit number.
    keras.utils.set_random_seed(1)
    zero = np.asarray(layers.StepDropout(0.5)(np.ones(200_000, np.float32), training=True)) == 0
    for lag in (1, 2, 3):
        assert abs(np.corrcoef(zero[:-lag], zero[lag:])[0, 1]) < 0.01


def test_nothing_is_dropped_outside_training():
    inputs = np.ones((3, 4), np.float32)
    np.testing.assert_array_equal(layers.StepDropout(0.5)(inputs), inputs)
    np.testing.assert_array_equal(layers.StepDropout(0.0)(inputs, training=True), inputs)


def test_same_seed_draws_the_same_and_goes_on():
    inputs = np.ones(100, np.float32)
    first, second = layers.StepDropout(0.5, seed=3), layers.StepDropout(0.5, seed=3)
    draws = [np.asarray(first(inputs, training=True)) for _ in range(2)]
    assert not np.array_equal(*draws)
    np.testing.assert_array_equal(second(inputs, training=True), draws[0])
    # A restored state goes on where it was.
    (state,) = second.variables
    saved = np.asarray(state)
    second(inputs, training=True)
    state.assign(saved)
    np.testing.assert_array_equal(second(inputs, training=True), draws[1])


def test_gradient_is_the_mask():
    import tensorflow as tf

    layer = layers.StepDropout(0.4, seed=1)
    inputs = tf.ones([50])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
    np.testing.assert_array_equal(tape.gradient(outputs, inputs), outputs)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_wrong_rate_is_refused(rate):
    with pytest.raises(ValueError, match="`rate` is out of range"):
        layers.StepDropout(rate)
