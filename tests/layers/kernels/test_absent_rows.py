"""Absent modalities on every path that a run can take, GPUs' included, forced on a processor."""

import contextlib
import functools
import sys

import numpy as np
import pytest
import tensorflow as tf

from amh_tf import config, layers
from amh_tf.layers.kernels import choice
from amh_tf.models import registry
from tests.layers.kernels import cudnn
from tests.layers.kernels.test_kernels import load_compiled

TIME, DIM, UNITS = 5, 4, 3
ROWS = {"some absent": [4, 0, 1, 5], "all absent": [0, 0]}
CELLS = [("gru", False), ("gru", True), ("lstm", False)]
# Each path: the kernel, and what forces it. XLA compiles no packed rows, whose number varies.
PATHS = {"packed": "packed", "compiled": "compiled", "keras": "keras", "keras by XLA": "keras",
         "cuDNN": "keras"}  # fmt: skip


@contextlib.contextmanager
def forced(path, cell, reset_after):
    """Forces a path; yields what compiles a function for it."""
    calls = []

    def record(**given):
        calls.append(given["rnn_mode"])
        return cudnn.recurrence(**given)

    with pytest.MonkeyPatch.context() as patched:
        if path == "compiled":
            load_compiled()
        if path == "cuDNN":
            if cell == "gru" and not reset_after:
                pytest.skip("cuDNN has no such GRU")
            recurrences = sys.modules["keras.src.backend.tensorflow.rnn"]
            patched.setattr(recurrences, "_is_gpu_available", lambda: True)
            patched.setattr(tf.raw_ops, "CudnnRNNV3", record)
        yield lambda function: tf.function(function, jit_compile=path.endswith("XLA"))
    assert set(calls) == ({cell} if path == "cuDNN" else set())


def reference(sequence, lengths, weights, cell, reset_after):
    """A layer row by row and step by step, in float64 (Cho et al., 2014; Gers et al., 2000)."""
    kernel, recurrent, bias = weights
    states, last = [], []
    for row, length in enumerate(lengths):
        h = c = tf.zeros([1, UNITS], tf.float64)
        steps = []
        for t in range(length):
            x = sequence[row, t][None]
            if cell == "lstm":
                i, f, g, o = tf.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
                c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
                h = tf.sigmoid(o) * tf.tanh(c)
            else:
                outer, inner = tf.unstack(bias) if reset_after else (bias, tf.zeros_like(bias))
                z, r, g = tf.split(x @ kernel + outer, 3, axis=1)
                u_z, u_r, u_c = tf.split(recurrent, 3, axis=1)
                b_z, b_r, b_c = tf.split(inner, 3)
                z, r = tf.sigmoid(z + h @ u_z + b_z), tf.sigmoid(r + h @ u_r + b_r)
                own = r * (h @ u_c + b_c) if reset_after else (r * h) @ u_c
                h = z * h + (1 - z) * tf.tanh(g + own)
            steps.append(h[0])
        states.append(tf.stack([*steps, *[tf.zeros(UNITS, tf.float64)] * (TIME - length)]))
        last.append(h[0])
    return tf.stack(states), tf.stack(last)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(
    ("path", "cell", "reset_after"),
    [
        pytest.param(path, cell, late, marks=[pytest.mark.slow] * (path.endswith("XLA") or late))
        for path in PATHS
        for cell, late in CELLS
    ],
)
def test_rows_without_a_step_have_finite_and_right_gradients(path, cell, reset_after, rows):
    lengths = np.array(ROWS[rows])
    mask = np.arange(TIME) < lengths[:, None]
    rng = np.random.default_rng(2)
    # Noise in the padding, which nothing may see.
    sequence = rng.standard_normal((len(lengths), TIME, DIM)).astype(np.float32)
    upstream = (
        rng.standard_normal((len(lengths), TIME, UNITS)).astype(np.float32) * mask[:, :, None],
        rng.standard_normal((len(lengths), UNITS)).astype(np.float32),
    )
    encoder = layers.ModalityEncoder(UNITS, cell=cell, reset_after=reset_after, kernel=PATHS[path])
    encoder.build((None, None, DIM))
    encoder.set_weights([0.7 * rng.standard_normal(w.shape) for w in encoder.get_weights()])
    variables = encoder.trainable_variables

    def run(run_layer, sequence, weights, upstream):
        with tf.GradientTape() as tape:
            tape.watch([sequence, *weights])
            states, last = run_layer()
            loss = tf.reduce_sum(states * upstream[0]) + tf.reduce_sum(last * upstream[1])
        return [states * mask[:, :, None], last, *tape.gradient(loss, [sequence, *weights])]

    with forced(path, cell, reset_after) as compile_:
        values = [variable.value for variable in variables]
        outputs = compile_(
            lambda x: run(lambda: encoder(x, mask, training=True), x, values, upstream)
        )(tf.constant(sequence))
    exact = tf.constant(sequence, tf.float64)
    weights = [tf.constant(variable.numpy(), tf.float64) for variable in variables]
    expected = run(
        lambda: reference(exact, lengths, weights, cell, reset_after),
        exact,
        weights,
        [u.astype(float) for u in upstream],
    )
    for output, right in zip(outputs, expected, strict=True):
        # Where no row has a step, there is no way from the weights to the reference.
        right = 0.0 if right is None else right
        np.testing.assert_allclose(output, right, atol=1e-5)


def batch(modalities):
    """Four utterances: complete, without one modality after the other, and without any."""
    rng = np.random.default_rng(3)
    inputs = {}
    for number, name in enumerate(modalities):
        lengths = np.array([6, 3, 1, 4, 0], np.int32)
        lengths[number + 1] = 0
        widths = {"text": ()}.get(name, (DIM,))
        values = rng.standard_normal((len(lengths), 6, *widths)).astype(np.float32)
        inputs[name] = np.abs(values).astype(np.int32) if name == "text" else values
        inputs[f"{name}_length"] = lengths
    return {name: tf.constant(value) for name, value in inputs.items()}


@functools.cache
def model_gradients(path, model, modalities, reset_after):
    """Logits and gradients of a small model by a path."""
    settings = {
        "vocabulary_size": 4, "embedding_width": DIM, "audio_width": DIM, "video_width": DIM,
        **{f"{name}_units": UNITS for name in modalities},
        **{f"{name}_dropout": 0.0 for name in modalities},
    }  # fmt: skip
    built = registry.build(
        config.ModelConfig(
            model=model,
            modalities=modalities,
            kernel=PATHS[path],
            reset_after=reset_after,
            num_hops=3 if model == "amh" else None,
            **settings,
        )
    )
    rng = np.random.default_rng(4)
    for variable in built.trainable_variables:
        variable.assign(0.7 * rng.standard_normal(variable.shape))

    def run(inputs):
        prefer = choice.preferred() if path == "compiled" else contextlib.nullcontext()
        with tf.GradientTape() as tape, prefer:
            logits = built(inputs, training=True)
            loss = tf.reduce_sum(tf.sin(logits))
        gradients = tape.gradient(loss, built.trainable_variables)
        return [logits, *map(tf.convert_to_tensor, gradients)]

    with forced(path, "gru" if model == "amh" else "lstm", reset_after) as compile_:
        return compile_(run)(batch(modalities))


# Models, and the paths that are tried each time; the others are slow.
MODELS = {
    ("amh", ("audio", "text", "video"), False): ("compiled", "keras"),
    ("amh", ("audio", "text", "video"), True): (),
    ("mha", ("audio", "text"), False): ("compiled", "cuDNN"),
}


@pytest.mark.parametrize(
    ("model", "modalities", "reset_after", "path"),
    [
        pytest.param(*settings, path, marks=[] if path in quick else pytest.mark.slow)
        for settings, quick in MODELS.items()
        for path in PATHS
        if path != "packed"
    ],
)
def test_models_train_alike_on_utterances_with_absent_modalities(
    model, modalities, reset_after, path
):
    outputs = model_gradients(path, model, modalities, reset_after)
    expected = model_gradients("packed", model, modalities, reset_after)
    for output, right in zip(outputs, expected, strict=True):
        assert np.isfinite(right).all()
        np.testing.assert_allclose(output, right, atol=1e-5, rtol=1e-4)
