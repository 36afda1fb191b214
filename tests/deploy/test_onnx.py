"""The whole model as native ONNX operators, against Keras' own layers and the authors' code."""

import collections
import importlib
import sys

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("onnx", reason="extra onnx")
pytest.importorskip("onnxruntime", reason="extra onnx")
import onnx
from scipy import special

from amh_tf import errors, models
from amh_tf.deploy.onnx import model, parity, runtime, write
from tests import commands
from tests.deploy import onnx_models
from tests.models import test_parity
from tools import import_reference

PARITY = 1e-5
TWO_LAYERS = [name for name in onnx_models.MODELS if "two layers" in name]
# Absent modalities, a step each, and the most that a model reads; never nothing at all.
LENGTHS = ((750, 128, 25), (1, 1, 1), (0, 5, 2), (33, 0, 4), (449, 20, 0), (3, 2, 1))


def runner(trained, half=False):
    return runtime.Runner(model.build(trained, half).SerializeToString())


def of_keras(trained, inputs):
    """Probabilities and attention of the model, computed in single precision."""
    single = parity.in_single_precision(trained)
    if trained.config.model == "mdre":  # which has no attention
        outputs = {"logits": tf.function(single)(inputs)}
    else:
        outputs = dict(tf.function(models.attention_model(single))(inputs))
        del outputs["fused"]
    return {name: np.asarray(value, np.float64) for name, value in outputs.items()}


def usable(settings, lengths=LENGTHS):
    """Leaves out rows of which a model reads nothing."""
    places = [("audio", "text", "video").index(name) for name in settings.modalities]
    return [row for row in lengths if any(row[place] for place in places)]


def exhaustive(name):
    """A model of each kind is tried by every run of the tests, the others by the slow ones."""
    usual = ("amh_7", "mha", "rnn_attn", "amh of text as vectors", *TWO_LAYERS)
    return () if name in usual else pytest.mark.slow


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=exhaustive(name)) for name in onnx_models.MODELS]
)
def test_every_model_answers_as_keras(name):
    trained = onnx_models.build(**onnx_models.MODELS[name])
    lengths = usable(trained.config)
    expected = of_keras(trained, onnx_models.batch(trained.config, lengths))
    received = runner(trained)(onnx_models.batch(trained.config, lengths, padding=np.nan))
    probabilities = special.softmax(expected["logits"], axis=1)
    assert np.ptp(probabilities, axis=0).max() > 0.01  # or the input would not matter
    np.testing.assert_allclose(received["probabilities"], probabilities, atol=PARITY)
    np.testing.assert_allclose(received["logits"], expected["logits"], atol=1e-4)
    hops = [name for name in expected if name.startswith("attention")]
    assert set(received) == {"probabilities", "logits", *hops}
    for hop in hops:
        np.testing.assert_allclose(received[hop], expected[hop], atol=PARITY)


@pytest.mark.parametrize("standardize", [pytest.param("none", marks=pytest.mark.slow), "speaker"])
def test_ensemble_answers_as_keras(standardize):
    trained = onnx_models.build(seeds=(1, 2, 3), num_hops=2, standardize=standardize)
    inputs = onnx_models.batch(trained.config, LENGTHS)
    expected, received = of_keras(trained, inputs), runner(trained)(inputs)
    probabilities = special.softmax(expected["logits"], axis=1)
    np.testing.assert_allclose(received["probabilities"], probabilities, atol=PARITY)
    np.testing.assert_allclose(received["attention_2"], expected["attention_2"], atol=PARITY)


@pytest.mark.parametrize("hops", [pytest.param(1, marks=pytest.mark.slow), 7, 9])
def test_authors_model_answers_as_their_code(hops):
    arrays = test_parity.recorded(f"amh_{hops}")
    variables = test_parity.variables_of(arrays)
    settings = import_reference.infer_config(variables)
    trained = onnx_models.of(import_reference.build_model(variables), settings)
    received = runner(trained)(test_parity.inputs_of(arrays))
    np.testing.assert_allclose(received["logits"], arrays["logits"], atol=PARITY)
    for hop in range(1, hops + 1):
        expected = arrays[f"attention_{hop}"]
        weights = received[f"attention_{hop}"][:, : expected.shape[1]]
        np.testing.assert_allclose(weights, expected, atol=PARITY)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_graph_holds_native_recurrences_and_no_loop(cell):
    trained = onnx_models.build(cell=cell, num_hops=2, bidirectional=True)
    nodes = model.build(trained).graph.node
    kinds = collections.Counter(node.op_type for node in nodes)
    assert kinds[cell.upper()] == 3 and not kinds.keys() & {"Loop", "Scan", "If"}
    for node in nodes:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "GRU":  # the authors' reset gate comes before the product
            assert attributes["linear_before_reset"] == 0
        if node.op_type == cell.upper():
            assert attributes["direction"] == b"bidirectional"


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("audio", (1, 2, 3), np.nan),
        ("audio", (1, 0, 0), -np.inf),
        ("video", (1, 0, 0), 2e30),
        ("audio_length", 1, 99),
        ("video_length", 1, -1),
        ("text", (1, 1), 30),
        ("text", (1, 1), -1),
        ("audio_mean", (1, 2), np.nan),
        ("audio_mean", (1, 2), 1e31),
        ("video_deviation", (1, 2), -1),
    ],
)
def test_row_that_cannot_be_answered_is_nan_and_others_are_not(name, place, value):
    trained = onnx_models.build(num_hops=2, standardize="speaker")
    lengths = [(5, 2, 3), (8, 3, 2), (4, 1, 1)]
    inputs = onnx_models.batch(trained.config, lengths)
    run = runner(trained)
    expected = run(inputs)["probabilities"]
    inputs[name][place] = value
    received = run(inputs)["probabilities"]
    assert np.isnan(received[1]).all()
    np.testing.assert_allclose(received[[0, 2]], expected[[0, 2]], atol=1e-6)


def test_row_without_any_modality_is_nan():
    trained = onnx_models.build(num_hops=2)
    inputs = onnx_models.batch(trained.config, [(0, 0, 0), (3, 2, 1)])
    answered = np.isfinite(runner(trained)(inputs)["probabilities"])
    assert answered.all(axis=1).tolist() == [False, True] and not answered[0].any()


def test_half_precision_halves_the_file(exported, tmp_path):
    half = write.write(exported.trained, tmp_path / "half", half=True)
    # The graph's own bytes come on top.
    assert half.bytes["model.onnx"] < 2 * exported.trained.model.count_params() + 70_000
    assert 0 < half.difference < write.HALF_PARITY
    run = runtime.Runner(tmp_path / "half" / "model.onnx")
    assert run.metadata["weights"] == "float16"


def test_weights_beyond_half_precision_stay_single():
    trained = onnx_models.build(model="mdre", modalities=("audio", "video"))
    layer = trained.model.get_layer("audio_dense")
    layer.set_weights([np.full_like(layer.get_weights()[0], 1e5), layer.get_weights()[1]])
    inputs = onnx_models.batch(trained.config, [(5, 0, 3)])
    assert np.isfinite(runner(trained, half=True)(inputs)["probabilities"]).all()


@pytest.mark.slow
def test_script_writes_files_that_say_what_they_are(exported, tmp_path):
    flags = [f"--run_dir={exported.run_dir}", f"--output_dir={tmp_path}"]
    finished = commands.run("export/to_onnx.py", *flags)
    assert finished.returncode == 0, finished.stderr
    names = {path.name for path in (tmp_path / "onnx").iterdir()}
    encoders = {f"{name}_encoder.onnx" for name in exported.trained.config.modalities}
    assert names == {"model.onnx", "features.onnx", "hops.onnx", *encoders}
    for name in names:
        onnx.checker.check_model(onnx.load(tmp_path / "onnx" / name), full_check=True)
    metadata = runtime.Runner(tmp_path / "onnx" / "model.onnx").metadata
    assert metadata["title"] == "AMH-3 (A+T+V)"
    assert "synthetic" in metadata["limits"] and "Do not decide" in metadata["limits"]


def test_other_files_are_not_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(errors.InputError, match="does not hold ONNX files"):
        write.write(onnx_models.build(num_hops=1), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_files_that_do_not_answer_as_keras_are_not_left(tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "difference", lambda *_: float("nan"))
    with pytest.raises(errors.InputError, match="does not answer as Keras does"):
        write.write(onnx_models.build(num_hops=1), tmp_path / "onnx")
    assert not list(tmp_path.iterdir())


def test_other_file_is_not_run(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"no model")
    with pytest.raises(errors.InputError, match=r"a\.onnx' cannot be run"):
        runtime.Runner(tmp_path / "a.onnx")


def test_missing_packages_are_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("amh_tf.deploy.onnx")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(errors.InputError, match=r"pip install 'amh_tf\[onnx\]'"):
        importlib.import_module("amh_tf.deploy.onnx")
