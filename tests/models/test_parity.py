"""Our AMH against what the authors' implementation computed (arrays in tests/reference)."""

import contextlib
import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from amh_tf import models
from amh_tf.layers.kernels import choice, compiled
from amh_tf.training import step
from tests import conftest
from tools import import_reference

CHECKPOINT = str(conftest.REFERENCE / "checkpoint" / "amh_7.ckpt")
INPUTS = ("audio", "audio_length", "text", "text_length", "video", "video_length")


def recorded(name):
    return np.load(conftest.REFERENCE / f"{name}.npz")


def inputs_of(arrays):
    return {
        name: arrays[name].astype(np.float32 if arrays[name].dtype.kind == "f" else np.int32)
        for name in INPUTS
    }


def variables_of(arrays):
    return {name[4:]: arrays[name] for name in arrays.files if name.startswith("var/")}


@pytest.fixture(params=["packed", "compiled"])
def kernel(request):
    """The block in which models use a kernel."""
    if request.param == "packed":
        return contextlib.nullcontext()
    try:
        compiled.load()
    except compiled.NotAvailable as error:
        pytest.skip(str(error))
    return choice.preferred()


def assert_as_recorded(model, arrays, inputs=None):
    outputs = models.attention_model(model)(inputs_of(arrays) if inputs is None else inputs)
    np.testing.assert_allclose(outputs["logits"], arrays["logits"], atol=1e-5)
    np.testing.assert_allclose(outputs["fused"], arrays["final"], atol=1e-5)
    hops = int(arrays["hops"])
    for hop in range(1, hops + 1):
        expected = arrays[f"attention_{hop}"]
        weights = np.asarray(outputs[f"attention_{hop}"])
        np.testing.assert_allclose(weights[:, : expected.shape[1]], expected, atol=1e-5)
        np.testing.assert_array_equal(weights[:, expected.shape[1] :], 0)
    assert f"attention_{hops + 1}" not in outputs


@pytest.mark.parametrize(
    "hops", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3, 4, 5, 6, 8)), 7, 9]
)
def test_forward_pass_is_the_authors(hops, kernel):
    arrays = recorded(f"amh_{hops}")
    model = import_reference.build_model(variables_of(arrays))
    with kernel:
        assert_as_recorded(model, arrays)
        assert_as_recorded(model, arrays, conftest.lengthened(inputs_of(arrays)))


@pytest.mark.parametrize("kernel", ["packed", "auto"])
def test_twenty_training_steps_are_the_authors(kernel):
    """Training prefers the compiled kernel where it is loaded, unless another one is named."""
    arrays = recorded("amh_7_train")
    imported = import_reference.build_model(variables_of(arrays))
    shape = import_reference.infer_config(variables_of(arrays))
    model = models.build(
        dataclasses.replace(
            shape, audio_dropout=0.0, text_dropout=0.0, video_dropout=0.0, kernel=kernel
        )
    )
    model.set_weights(imported.get_weights())
    train_step = step.make_train_step(
        model, step.make_optimizer(1e-3), tf.distribute.get_strategy(), clip_norm=1.0
    )
    inputs, labels = inputs_of(arrays), arrays["label"].astype(np.int32)
    losses = [float(train_step(inputs, labels)) for _ in range(20)]
    np.testing.assert_allclose(losses, arrays["train_loss"], rtol=1e-4)
    np.testing.assert_allclose(model(inputs), arrays["logits_after"], atol=1e-4)


def test_checkpoint_becomes_a_model_file(tmp_path):
    variables = import_reference.read_checkpoint(CHECKPOINT)
    assert not [name for name in variables if "Adam" in name or "step" in name]
    import_reference.build_model(variables).save(tmp_path / "amh_7.keras")
    assert_as_recorded(
        keras.saving.load_model(tmp_path / "amh_7.keras"), recorded("checkpoint/amh_7")
    )


def test_config_is_read_off_the_variables():
    shape = import_reference.infer_config(import_reference.read_checkpoint(CHECKPOINT))
    assert (shape.num_hops, shape.num_classes, shape.vocabulary_size) == (7, 7, 50)
    assert (shape.audio_width, shape.embedding_width, shape.video_width) == (120, 100, 2048)
    assert (shape.audio_units, shape.text_units, shape.video_units) == (12, 10, 8)
    assert shape.audio_layers == shape.text_layers == shape.video_layers == 1


def test_stacked_layers_are_imported():
    variables = variables_of(recorded("amh_1"))
    rng = np.random.default_rng(0)
    second = {}
    for name, value in variables.items():
        if name.startswith("audio_GRU"):
            rows = 2 * 12 if value.ndim == 2 else None  # inputs are the first layer's states
            shape = value.shape if rows is None else (rows, value.shape[1])
            second[name.replace("cell_0", "cell_1")] = rng.standard_normal(shape)
    model = import_reference.build_model({**variables, **second})
    kernel = model.get_layer("audio_encoder").recurrent_layers[1].get_weights()[0]
    name = "audio_GRU/audio_encoding_RNN/audio_encoding_RNN/multi_rnn_cell/cell_1/gru_cell/"
    np.testing.assert_allclose(kernel[:, 24:], second[name + "candidate/kernel"][:12], rtol=1e-6)
    np.testing.assert_allclose(kernel[:, :12], second[name + "gates/kernel"][:12, 12:], rtol=1e-6)


def test_missing_checkpoint_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"is not a checkpoint.*--checkpoint"):
        import_reference.read_checkpoint(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    "gone", ["embed_layer/embed_matrix", "attention_layer_hop1/attn_projection_helper"]
)
def test_missing_variable_is_named(gone):
    variables = variables_of(recorded("amh_1"))
    del variables[gone]
    with pytest.raises(ValueError, match=gone):
        import_reference.build_model(variables)


def test_missing_bias_is_named():
    variables = variables_of(recorded("amh_1"))
    del variables["attention_layer_hop1/attn_bias"]
    with pytest.raises(ValueError, match="attention_layer_hop1/attn_bias"):
        import_reference.build_model(variables)
