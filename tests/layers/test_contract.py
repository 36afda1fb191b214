"""What every layer owes: a shape as declared, a config that rebuilds it, a file that keeps it."""

import keras
import numpy as np
import pytest

from amh_tf import layers

RNG = np.random.default_rng(0)
STATES = {
    "audio": RNG.standard_normal((3, 6, 4)).astype(np.float32),
    "text": RNG.standard_normal((3, 5, 3)).astype(np.float32),
    "video": RNG.standard_normal((3, 2, 2)).astype(np.float32),
}
MASKS = {
    "audio": np.arange(6) < np.array([[6], [1], [0]]),
    "text": np.arange(5) < np.array([[5], [2], [3]]),
    "video": np.arange(2) < np.array([[2], [0], [1]]),
}
VECTORS = {name: states[:, 0] for name, states in STATES.items()}

CASES = {
    "length_mask": (layers.LengthMask, {}, (STATES["audio"], np.array([6, 1, 0], np.int32))),
    "attention": (
        layers.BilinearAttention,
        {"bias_initializer": "ones"},
        (VECTORS["text"], STATES["audio"], MASKS["audio"]),
    ),
    "hops": (layers.HopSchedule, {"num_hops": 4}, (VECTORS, STATES, MASKS)),
    "encoder": (
        layers.ModalityEncoder,
        {"units": 5, "num_layers": 2, "dropout": 0.5, "reset_after": True},
        (STATES["audio"], MASKS["audio"]),
    ),
    "memory_attention": (layers.MemoryAttention, {}, (STATES["audio"], MASKS["audio"])),
    "lstm_encoder": (
        layers.ModalityEncoder,
        {"units": 5, "cell": "lstm", "bidirectional": True, "num_layers": 2},
        (STATES["audio"], MASKS["audio"]),
    ),
    "ordered_hops": (
        layers.HopSchedule,
        {"num_hops": 2, "order": ("text", "audio", "video")},
        (VECTORS, STATES, MASKS),
    ),
    "dropout": (layers.StepDropout, {"rate": 0.5}, (STATES["audio"],)),
    "modality_dropout": (
        layers.ModalityDropout,
        {"rate": 0.5, "seed": 3},
        ({name: np.array([2, 0, 1], np.int32) for name in STATES},),
    ),
    "frame_average": (
        layers.FrameAverage,
        {"stride": 4, "speed": 0.2},
        (STATES["audio"], np.array([6, 1, 0], np.int32)),
    ),
    "standardize": (layers.Standardize, {}, (STATES["audio"],)),
    "standardize_by": (
        layers.Standardize,
        {"own": False},
        (STATES["audio"], STATES["audio"][:, 0], 1 + np.abs(STATES["audio"][:, 1])),
    ),
    "augmentation": (
        layers.Augmentation,
        {"time_mask": 0.3, "frequency_mask": 0.4, "blocks": 2, "noise": 0.1},
        (STATES["audio"], np.array([6, 1, 0], np.int32)),
    ),
    "mean_probability": (layers.MeanProbability, {}, ([VECTORS["audio"], 2 * VECTORS["audio"]],)),
    "keras_encoder": (
        layers.ModalityEncoder,
        {"units": 5, "kernel": "keras"},
        (STATES["audio"], MASKS["audio"]),
    ),
    "bidirectional_encoder": (
        layers.ModalityEncoder,
        {"units": 5, "bidirectional": True},
        (STATES["audio"], MASKS["audio"]),
    ),
}


def as_list(outputs):
    return [np.asarray(output) for output in keras.tree.flatten(outputs)]


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def symbol(array):
    has_time = array.ndim == 3 or array.dtype == bool
    shape = (None, *array.shape[2:]) if has_time else array.shape[1:]
    return keras.Input(shape, dtype=str(array.dtype))


def model_of(layer, arguments):
    symbols = keras.tree.map_structure(symbol, arguments)
    return keras.Model(keras.tree.flatten(symbols), keras.tree.flatten(layer(*symbols)))


def test_outputs_have_the_declared_shape_and_dtype(case):
    make, settings, arguments = case
    layer = make(**settings)
    declared = keras.tree.flatten(model_of(layer, arguments).outputs)
    computed = as_list(layer(*arguments))
    assert len(declared) == len(computed)
    for symbol, output in zip(declared, computed):
        assert len(symbol.shape) == output.ndim
        assert all(a is None or a == b for a, b in zip(symbol.shape, output.shape))
        assert symbol.dtype == str(output.dtype)


def test_config_rebuilds_the_layer(case):
    make, settings, arguments = case
    layer = make(**settings)
    before = as_list(layer(*arguments))
    again = make.from_config(layer.get_config())
    again(*arguments)
    again.set_weights(layer.get_weights())
    for old, new in zip(before, as_list(again(*arguments))):
        np.testing.assert_array_equal(old, new)


def test_saved_model_gives_the_same_outputs(case, tmp_path):
    make, settings, arguments = case
    model = model_of(make(**settings), arguments)
    flat = keras.tree.flatten(arguments)
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    for old, new in zip(as_list(model(flat)), as_list(loaded(flat))):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "policy", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)]
)
def test_half_precision_stays_close_and_finite(case, policy):
    make, settings, arguments = case
    full = make(**settings)
    expected = as_list(full(*arguments))
    half = make(**settings, dtype=policy)
    half(*arguments)
    half.set_weights(full.get_weights())
    for old, new in zip(expected, as_list(half(*arguments))):
        np.testing.assert_allclose(new.astype(np.float32), old.astype(np.float32), atol=0.06)
