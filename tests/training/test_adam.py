"""Adam as one operation against Keras' and against the formula."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from amh_tf.training import adam


def draw(steps=6):
    """Two variables' first values, and their gradients at each step."""
    rng = np.random.default_rng(0)
    shapes = ((3, 5), (4,))
    first = [rng.standard_normal(shape) for shape in shapes]
    sizes = 10.0 ** rng.integers(-4, 2, steps)
    return first, [[size * rng.standard_normal(shape) for shape in shapes] for size in sizes]


def values_after(optimizer, first, gradients):
    variables = [
        keras.Variable(value, dtype="float32", name=f"weight_{number}")
        for number, value in enumerate(first)
    ]
    optimizer.build(variables)

    @tf.function
    def step(given):
        optimizer.apply(given, variables)

    for given in gradients:
        step([tf.constant(gradient, tf.float32) for gradient in given])
    return [np.array(variable) for variable in variables]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)},
        {"learning_rate": 0.1, "weight_decay": 0.1, "global_clipnorm": 1.0},
    ],
    ids=["defaults", "constants", "schedule", "what_the_base_class_adds"],
)
def test_values_are_those_of_keras(settings):
    first, gradients = draw()
    found = values_after(adam.FusedAdam(**settings), first, gradients)
    expected = values_after(keras.optimizers.Adam(**settings), first, gradients)
    for value, wanted, before in zip(found, expected, first):
        # Keras rounds 1 - .999 to float32 at another place, which is 5e-5 of the velocity.
        np.testing.assert_allclose(value - before, wanted - before, rtol=1e-4, atol=1e-6)
        assert np.abs(wanted - before).max() > 1e-3


def test_values_follow_the_formula():
    """Kingma and Ba, 2015, section 2, with the bias correction on the step."""
    first, gradients = draw()
    found = values_after(adam.FusedAdam(0.01, epsilon=1e-8), first, gradients)
    for number, (value, before) in enumerate(zip(found, first)):
        momentum = velocity = np.zeros_like(before)
        for step, given in enumerate(gradients, start=1):
            momentum = 0.9 * momentum + 0.1 * given[number]
            velocity = 0.999 * velocity + 0.001 * given[number] ** 2
            rate = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            before = before - rate * momentum / (np.sqrt(velocity) + 1e-8)
        np.testing.assert_allclose(value, before, rtol=1e-5, atol=1e-6)


def test_slices_of_one_row_are_added_up_first():
    slices = tf.IndexedSlices(tf.constant([[1.0], [3.0], [2.0]]), tf.constant([0, 0, 1]), (3, 1))
    values = []
    for gradient in (slices, tf.constant([[4.0], [2.0], [0.0]])):
        variable = keras.Variable(np.zeros((3, 1)))
        optimizer = adam.FusedAdam(0.1, epsilon=1.0)
        optimizer.apply([gradient], [variable])
        values.append(np.array(variable))
    np.testing.assert_array_equal(*values)
    assert values[0][0, 0] < values[0][1, 0] < values[0][2, 0] == 0


def test_state_has_keras_names_and_values():
    """So that a checkpoint of one goes on with the other."""
    first, gradients = draw()
    states = []
    for make in (adam.FusedAdam, keras.optimizers.Adam):
        optimizer = make()
        values_after(optimizer, first, gradients)
        states.append({v.path.split("/", 1)[1]: np.array(v) for v in optimizer.variables})
    assert len(states[0]) == 6 and sorted(states[0]) == sorted(states[1])
    for name, value in states[0].items():
        np.testing.assert_allclose(value, states[1][name], rtol=1e-4)


def test_configuration_makes_the_same_again():
    made = adam.FusedAdam(0.02, beta_1=0.8, epsilon=1e-5, is_summed=True)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(made))
    assert type(again) is adam.FusedAdam and again.get_config() == made.get_config()
    assert again.is_summed


def test_amsgrad_is_refused():
    with pytest.raises(ValueError, match=r"`amsgrad` is not supported.*keras.optimizers.Adam"):
        adam.FusedAdam(amsgrad=True)
