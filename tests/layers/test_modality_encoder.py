import gc
import sys

import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.saving import serialization_lib

from amh_tf import layers

KERNELS = ["packed", "keras"]
SEQUENCE = np.random.default_rng(0).standard_normal((4, 6, 3)).astype(np.float32)
LENGTHS = np.array([6, 3, 1, 0])
MASK = np.arange(6) < LENGTHS[:, None]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_gru(sequence, length, kernel, recurrent, bias, reset_after):
    """A GRU step by step (Cho et al., 2014), gates in the order update, reset, candidate."""
    units = len(recurrent)
    h = np.zeros(units)
    states = []
    for x in sequence[:length]:
        input_bias, recurrent_bias = bias if reset_after else (bias, np.zeros(3 * units))
        z_in, r_in, c_in = np.split(x @ kernel + input_bias, 3)
        z_rec, r_rec, c_rec = np.split(h @ recurrent + recurrent_bias, 3)
        z, r = sigmoid(z_in + z_rec), sigmoid(r_in + r_rec)
        if reset_after:
            candidate = np.tanh(c_in + r * c_rec)
        else:
            candidate = np.tanh(c_in + (r * h) @ recurrent[:, 2 * units :])
        h = z * h + (1 - z) * candidate
        states.append(h)
    return np.array(states).reshape(-1, units), h


def numpy_lstm(sequence, length, kernel, recurrent, bias):
    """An LSTM step by step (Hochreiter and Schmidhuber, 1997; Gers et al., 2000).

    Gates in the order input, forget, candidate, output.
    """
    h = c = np.zeros(len(recurrent))
    states = []
    for x in sequence[:length]:
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.array(states).reshape(-1, len(recurrent)), h


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_lstm_agrees_with_numpy(kernel, bidirectional):
    layer = layers.ModalityEncoder(5, cell="lstm", bidirectional=bidirectional, kernel=kernel)
    layer(SEQUENCE, MASK)
    weights = random_weights(layer)
    states, last = (np.asarray(output) for output in layer(SEQUENCE, MASK))
    for row, length in enumerate(LENGTHS):
        expected, final = numpy_lstm(SEQUENCE[row], length, *weights[:3])
        if bidirectional:
            reverse = SEQUENCE[row, :length][::-1]
            back, back_final = numpy_lstm(reverse, length, *weights[3:])
            expected = np.concatenate([expected, back[::-1]], axis=1)
            final = np.concatenate([final, back_final])
        np.testing.assert_allclose(states[row, :length], expected, atol=1e-5)
        np.testing.assert_allclose(last[row], final, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_kernels_train_alike(cell, bidirectional):
    """Gradients through stacked layers, by both kernels."""
    import tensorflow as tf

    results = []
    for kernel in KERNELS:
        layer = layers.ModalityEncoder(
            5, cell=cell, num_layers=2, bidirectional=bidirectional, kernel=kernel
        )
        layer.build((None, None, 3))
        rng = np.random.default_rng(3)
        layer.set_weights([0.5 * rng.standard_normal(w.shape) for w in layer.get_weights()])

        @tf.function
        def gradients(layer=layer):
            with tf.GradientTape() as tape:
                states, last = layer(SEQUENCE, MASK, training=True)
                kept = states * tf.cast(MASK, tf.float32)[:, :, None]
                loss = tf.reduce_sum(tf.sin(kept)) + tf.reduce_sum(last**2)
            return tape.gradient(loss, layer.trainable_variables)

        results.append(gradients())
    for packed, plain in zip(*results, strict=True):
        np.testing.assert_allclose(packed, plain, atol=1e-5, rtol=1e-5)


def test_unknown_kernel_is_refused():
    with pytest.raises(ValueError, match=r"`kernel` is not known.*Received: kernel="):
        layers.ModalityEncoder(5, kernel="cuda")


def test_unknown_cell_is_refused():
    with pytest.raises(ValueError, match=r"`cell` is not known.*Received: cell="):
        layers.ModalityEncoder(5, cell="rnn")


def random_weights(layer):
    rng = np.random.default_rng(1)
    layer.set_weights([rng.standard_normal(w.shape) * 0.5 for w in layer.get_weights()])
    return [np.asarray(weight, float) for weight in layer.get_weights()]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_agrees_with_numpy(kernel, reset_after, num_layers):
    layer = layers.ModalityEncoder(5, num_layers=num_layers, reset_after=reset_after, kernel=kernel)
    layer(SEQUENCE, MASK)
    weights = random_weights(layer)
    states, last = (np.asarray(output) for output in layer(SEQUENCE, MASK))
    for row, length in enumerate(LENGTHS):
        expected = SEQUENCE[row]
        for index in range(num_layers):
            expected, final = numpy_gru(
                expected, length, *weights[3 * index : 3 * index + 3], reset_after
            )
        np.testing.assert_allclose(states[row, :length], expected, atol=1e-5)
        np.testing.assert_allclose(last[row], final, atol=1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
def test_backward_half_reads_the_valid_steps_in_reverse(kernel):
    layer = layers.ModalityEncoder(5, bidirectional=True, kernel=kernel)
    layer(SEQUENCE, MASK)
    weights = random_weights(layer)
    states, last = (np.asarray(output) for output in layer(SEQUENCE, MASK))
    for row, length in enumerate(LENGTHS):
        reverse = SEQUENCE[row, :length][::-1]
        expected, final = numpy_gru(reverse, length, *weights[3:], False)
        np.testing.assert_allclose(states[row, :length, 5:], expected[::-1], atol=1e-5)
        np.testing.assert_allclose(last[row, 5:], final, atol=1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_does_not_change_states(kernel, bidirectional):
    layer = layers.ModalityEncoder(5, num_layers=2, bidirectional=bidirectional, kernel=kernel)
    states, last = layer(SEQUENCE, MASK)
    noisy = np.where(MASK[:, :, None], SEQUENCE, 1e3)
    noisy = np.concatenate([noisy, np.full((4, 3, 3), -1e3)], axis=1).astype(np.float32)
    noisy_mask = np.arange(9) < LENGTHS[:, None]
    noisy_states, noisy_last = layer(noisy, noisy_mask)
    np.testing.assert_allclose(noisy_last, last, atol=1e-6)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(noisy_states[row, :length], states[row, :length], atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_absent_modality_gives_zeros(kernel, bidirectional):
    layer = layers.ModalityEncoder(5, bidirectional=bidirectional, kernel=kernel)
    _, last = layer(SEQUENCE, MASK)
    np.testing.assert_array_equal(np.asarray(last)[3], 0)


@pytest.mark.parametrize("reset_after", [False, True])
def test_gates_start_open(reset_after):
    layer = layers.ModalityEncoder(2, reset_after=reset_after)
    layer.build((None, None, 3))
    bias = layer.get_weights()[2]
    gates = [1, 1, 1, 1, 0, 0]
    np.testing.assert_array_equal(bias, [gates, [0] * 6] if reset_after else gates)


def test_dropout_draws_a_mask_for_every_step():
    # Without recurrence to tell steps apart: count the zeros in what reaches the GRU.
    layer = layers.ModalityEncoder(2, dropout=0.5)
    layer(SEQUENCE, MASK)
    ones = np.ones((50, 40, 6), np.float32)
    dropped = np.asarray(layer.dropouts[0](ones, training=True)) == 0
    assert 0.45 < dropped.mean() < 0.55
    assert (dropped[:, 0] != dropped[:, 1]).any()
    still = layer(SEQUENCE, MASK, training=False)[1]
    assert not np.array_equal(layer(SEQUENCE, MASK, training=True)[1], still)


def _cudnn(**given):
    """Stands for cuDNN's operation: ones at all steps of a sequence, which has at least one."""
    lengths, units = given["sequence_lengths"], given["input_h"].shape[-1]
    tf.debugging.assert_positive(lengths)
    time = tf.shape(given["input"])[1]
    mask = tf.sequence_mask(lengths, time, tf.float32)
    outputs = tf.repeat(mask[:, :, None], units, axis=2)
    last = tf.ones([tf.size(lengths), 1, units])
    return outputs, last, last, tf.zeros([0]), tf.zeros([0])


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_absent_rows_pass_cudnn_in_a_graph(monkeypatch, cell, bidirectional):
    # In a graph Keras can ask what cuDNN needs of its masks, but not turn back from it.
    recurrences = sys.modules["keras.src.backend.tensorflow.rnn"]
    monkeypatch.setattr(recurrences, "_is_gpu_available", lambda: True)
    monkeypatch.setattr(tf.raw_ops, "CudnnRNNV3", _cudnn)
    settings = {"reset_after": True} if cell == "gru" else {}
    layer = layers.ModalityEncoder(
        3, cell=cell, bidirectional=bidirectional, kernel="keras", num_layers=2, **settings
    )
    layer.build((None, None, 4))
    mask = np.arange(5) < np.array([5, 0, 2])[:, None]
    states, last = tf.function(lambda x, m: layer(x, m))(np.ones((3, 5, 4), np.float32), mask)
    np.testing.assert_array_equal(last[:, 0], [1, 0, 1])
    np.testing.assert_array_equal(states[0], np.ones(states.shape[1:]))
    np.testing.assert_array_equal(states[1], np.zeros(states.shape[1:]))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_what_keras_remembers_while_it_loads_a_file_lives_on(cell):
    """Keras knows copied objects by their addresses, which others would take after their end."""
    with serialization_lib.ObjectSharingScope():
        encoder = layers.ModalityEncoder(2, cell=cell, num_layers=2, bidirectional=True)
        remembered = set(global_state.get_global_attribute("shared_objects/id_to_obj_map"))
        gc.collect()
        alive = {id(thing) for thing in gc.get_objects()}
    assert remembered and remembered <= alive
    assert len(encoder.recurrent_layers) == 2


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("settings", [{}, {"reset_after": True}, {"cell": "lstm"}], ids=str)
def test_reads_on_from_a_state_as_over_all_steps(num_layers, settings):
    layer = layers.ModalityEncoder(5, num_layers=num_layers, dropout=0.5, **settings)
    sequence = np.random.default_rng(2).standard_normal((3, 7, 4)).astype(np.float32)
    layer(sequence)
    random_weights(layer)
    states, last = layer(sequence)
    for cuts in ([], [1], [3, 4], [1, 2, 3, 4, 5, 6]):
        state, found = layer.initial_state(3), []
        for piece in np.split(sequence, cuts, axis=1):
            some, state = layer.advance(tf.constant(piece), state)
            found.append(some)
        np.testing.assert_allclose(np.concatenate(found, axis=1), states, rtol=0, atol=1e-6)
        np.testing.assert_allclose(state[-1][0], last, rtol=0, atol=1e-6)
        assert len(state) == num_layers and len(state[0]) == (2 if layer.cell == "lstm" else 1)


def test_two_way_encoder_is_not_continued():
    layer = layers.ModalityEncoder(5, bidirectional=True)
    layer(SEQUENCE)
    with pytest.raises(ValueError, match="cannot be continued"):
        layer.advance(tf.constant(SEQUENCE), layer.initial_state(4))


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_reads_on_in_half_precision(dtype):
    layer = layers.ModalityEncoder(5, dtype=dtype)
    layer(SEQUENCE)
    expected = layer(SEQUENCE)[0]
    first, state = layer.advance(tf.constant(SEQUENCE[:, :2]), layer.initial_state(4))
    second, _ = layer.advance(tf.constant(SEQUENCE[:, 2:]), state)
    found = tf.concat([first, second], axis=1)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(tf.cast(found, "float32"), tf.cast(expected, "float32"), atol=0.02)
