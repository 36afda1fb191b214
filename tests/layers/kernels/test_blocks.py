"""Inference in blocks of steps against Keras' own layers."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from amh_tf import layers
from amh_tf.layers.kernels import blocks, steps
from tests import conftest

# Which cell, and whether it is served: then a GRU's row alone has a path of its own.
CELLS = {
    "gru": ("gru", {}, False),
    "gru, late reset": ("gru", {"reset_after": True}, False),
    "lstm": ("lstm", {}, False),
    "gru, served": ("gru", {}, True),
}
# One row: below, at and above whole blocks, and absent.
LENGTHS = {
    **{f"one of {length}": [length] for length in (1, 2, 4, 5, 0)},
    "five": [6, 3, 0, 11, 1],
    "five absent": [0] * 5,
}
# With blocks as they are, and as long as an utterance is at most.
WHOLE = {
    **{f"one of {length}": [length] for length in (1, 2, 20, 21, 450, 750, 0)},
    "five": [6, 3, 0, 45, 1],
}
DIM = 4


@functools.cache
def encode(kernel, served=False, dtype="float32", **settings):
    """An encoder's function from a sequence and lengths to its outputs; traced when called."""
    encoder = layers.ModalityEncoder(6, kernel=kernel, dtype=dtype, **settings)
    encoder.build((None, None, DIM))
    rng = np.random.default_rng(1)
    encoder.set_weights([0.5 * rng.standard_normal(w.shape) for w in encoder.get_weights()])
    encoder.served = served

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None, DIM], tf.float32),
            tf.TensorSpec([None], tf.int32),
        ],
    )
    def run(sequence, lengths):
        mask = tf.sequence_mask(lengths, tf.shape(sequence)[1])
        outputs = encoder(tf.cast(sequence, encoder.compute_dtype), mask)
        return [tf.cast(output, tf.float32) for output in outputs]

    return run


def batch(lengths, padding=3):
    """Noise, and NaN in the padding, which nothing may see."""
    time = max(*lengths, 1) + padding
    rng = np.random.default_rng(2)
    sequence = rng.standard_normal((len(lengths), time, DIM)).astype(np.float32)
    sequence[np.arange(time) >= np.array(lengths)[:, None]] = np.nan
    return sequence, np.array(lengths, np.int32)


def assert_close(found, plain, lengths, atol=1e-5):
    """Compares states before the padding, where Keras repeats the last one, and last states."""
    valid = np.arange(plain[0].shape[1]) < lengths[:, None]
    np.testing.assert_allclose(found[0], plain[0] * valid[:, :, None], atol=atol)
    np.testing.assert_allclose(found[1], plain[1], atol=atol)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_states_are_those_of_keras_layers(name, lengths):
    assert_states_are_those_of_keras(name, lengths)


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_states_are_those_of_keras_layers_in_whole_blocks(name, whole_blocks):
    for lengths in WHOLE.values():
        assert_states_are_those_of_keras(name, lengths)


@pytest.fixture
def whole_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", conftest.BLOCK)
    encode.cache_clear()
    yield
    encode.cache_clear()


def assert_states_are_those_of_keras(name, lengths):
    cell, settings, served = CELLS[name]
    # Stacked and in both directions for one cell: each graph of such an encoder takes seconds.
    is_deep = name == "lstm" and max(lengths) < 100
    settings = {"cell": cell, "num_layers": 1 + is_deep, "bidirectional": is_deep, **settings}
    sequence, lengths = batch(lengths)
    plain = encode("keras", **settings)(np.nan_to_num(sequence), lengths)
    found = encode("packed", served, **settings)(sequence, lengths)
    assert_close(found, plain, lengths)


def test_row_that_is_too_long_to_be_multiplied_at_once(monkeypatch):
    monkeypatch.setattr(blocks, "MOST_AT_ONCE", 2)
    run = encode.__wrapped__("packed", served=True)
    for length in (40, 41):
        sequence, lengths = batch([length])
        plain = encode("keras")(np.nan_to_num(sequence), lengths)
        assert_close(run(sequence, lengths), plain, lengths)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_half_precision_stays_close(dtype, cell):
    for lengths in ([40], [20, 11, 0, 4]):
        sequence, lengths = batch(lengths)
        plain = encode("keras", cell=cell)(np.nan_to_num(sequence), lengths)
        found = encode("packed", True, dtype, cell=cell)(sequence, lengths)
        assert_close(found, plain, lengths, atol=0.05)


def operations(run):
    graph = run.get_concrete_function().graph.as_graph_def()
    return {n.op for function in (graph, *graph.library.function) for n in nodes(function)}


def nodes(graph):
    return graph.node if hasattr(graph, "node") else graph.node_def


def test_only_what_is_served_has_tensorflow_s_own_cell():
    """No other format has a counterpart."""
    uses = ["GRUBlockCell" in operations(encode("packed", served)) for served in (False, True)]
    assert uses == [False, True]


def test_layout_counts_the_rows_of_each_block():
    layout = blocks.make(tf.constant([3, blocks.BLOCK + 1, 0, blocks.BLOCK]))
    np.testing.assert_array_equal(layout.order, [1, 3, 0, 2])
    np.testing.assert_array_equal(layout.places, [2, 0, 3, 1])
    np.testing.assert_array_equal(layout.active, [3, 1])


def test_single_step_by_hand():
    """With U = 0: z = sigmoid(b_z), c = tanh(b_c), h' = z h + (1 - z) c."""
    weights = [tf.zeros([1, 3]), tf.zeros([1, 3]), tf.constant([0.0, 5.0, 1.0])]
    for recurrence in (steps.GRU(weights), steps.GRUCell(weights)):
        (z_r, c) = recurrence.parts(tf.constant([[[0.0, 5.0, 1.0]]]))
        inputs = [tf.unstack(part)[0] for part in (z_r, c)]
        (h,) = recurrence.step(inputs, (tf.constant([[0.5]]),), lambda state, _: 0.0 * state)
        np.testing.assert_allclose(h, [[0.25 + 0.5 * np.tanh(1.0)]], atol=1e-6)
