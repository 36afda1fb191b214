"""The edge module and its TFLite files against Keras' own layers."""

import dataclasses
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from amh_tf import config, models
from amh_tf.deploy import edge
from export import litert
from tests import commands
from tests.deploy import conftest

pytest.importorskip("ai_edge_litert", reason="extra edge")
SMALL = {
    "vocabulary_size": 30, "num_classes": 5, "audio_width": 9, "video_width": 11,
    "embedding_width": 7, "audio_units": 6, "text_units": 5, "video_units": 4,
    "kernel": "keras", "num_hops": None,
}  # fmt: skip
MODELS = {
    "amh by two layers of two-way LSTM": {
        "model": "amh", "num_hops": 3, "modalities": ("audio", "video"), "cell": "lstm",
        "bidirectional": True, "audio_layers": 2, "video_layers": 2,
    },
    "mdre by two layers with the late reset gate": {
        "model": "mdre", "reset_after": True, "text_layers": 2, "video_layers": 2
    },
    "mha": {"model": "mha", "modalities": ("audio", "text"), "num_hops": 3},
    "rnn_attn": {"model": "rnn_attn", "modalities": ("video",)},
    "amh on averaged sound, standardized by the training part": {
        "model": "amh", "num_hops": 2, "standardize": "global", "audio_stride": 4,
        "state_dropout": 0.3, "audio_speed": 0.1, "video_noise": 0.1,
    },
    "rnn_attn on averaged sound, standardized by the speaker": {
        "model": "rnn_attn", "modalities": ("audio",), "standardize": "speaker", "audio_stride": 3,
    },
    "amh trained in bfloat16": {"model": "amh", "num_hops": 2, "dtype": "bfloat16"},
}  # fmt: skip
# Below, at and above whole blocks of steps; absent; each with and without padding.
LENGTHS = ((1, 1, 1), (15, 2, 2), (16, 3, 5), (46, 9, 6), (5, 0, 3), (0, 4, 1), (9, 6, 0))


def utterances(settings, lengths=LENGTHS, pad=0, seed=0):
    """Makes batches of one; padding holds what would spoil the answer."""
    rng = np.random.default_rng(seed)
    for steps in lengths:
        made = {}
        lengths_of = dict(zip(("audio", "text", "video"), steps))
        for modality, length in ((name, lengths_of[name]) for name in settings.modalities):
            time = max(length, 1) + pad
            if modality == "text":
                made["text"] = rng.integers(1, settings.vocabulary_size, (1, time), np.int32)
                made["text"][:, length:] = -3
            else:
                width = getattr(settings, f"{modality}_width")
                made[modality] = rng.standard_normal((1, time, width), np.float32)
                made[modality][:, length:] = np.nan
            made[f"{modality}_length"] = np.array([length], np.int32)
        for name in settings.statistics_names:
            width = getattr(settings, f"{name.split('_')[0]}_width")
            # A dimension that does not vary among them.
            made[name] = np.float32(rng.uniform(0.5, 2, (1, width)) * (np.arange(width) > 0))
        if sum(int(made[name][0]) for name in made if name.endswith("_length")):
            yield made


def cut(inputs):
    """Returns the same utterance without padding, one step of zeros where nothing is left."""
    plain = dict(inputs)
    for name, value in inputs.items():
        if f"{name}_length" in inputs:
            length = int(inputs[f"{name}_length"][0])
            plain[name] = value[:, :length] if length else np.zeros_like(value[:, :1])
    return plain


def keras_answer(model, inputs):
    return special.softmax(np.asarray(model(cut(inputs)), float)[0])


def large_weights(model):
    """Fills a model with weights under which answers differ from input to input."""
    rng = np.random.default_rng(5)
    model.set_weights([0.5 * rng.standard_normal(w.shape) for w in model.get_weights()])


def converted(model, settings, folder):
    path = folder / "model.tflite"
    edge.save(model, settings, folder / "edge")
    path.write_bytes(litert.convert(folder / "edge", "float32"))
    assert only_builtin(path)
    return path


@pytest.mark.slow
def test_ensemble_runs_on_litert(tmp_path):
    settings = config.ModelConfig(**{**SMALL, "num_hops": 2, "standardize": "speaker"})
    run = config.RunConfig(
        config.DataConfig("x"), settings, config.TrainingConfig(), "", seeds=(1, 2, 3)
    )
    model = models.build_run(run)
    large_weights(model)
    path = converted(model, settings, tmp_path)
    answer = litert.Runner(path)
    for inputs in utterances(settings, pad=5):
        np.testing.assert_allclose(answer(inputs), keras_answer(model, inputs), atol=5e-6)
    # What the server refuses, a device answers with NaN.
    for name, value in (("audio_mean", np.nan), ("audio_mean", 1e31), ("audio_deviation", -1)):
        wrong = {**inputs, name: np.full_like(inputs[name], value)}
        assert np.isnan(answer(wrong)).all(), (name, value)


def only_builtin(path):
    names = litert.operations(path.read_bytes())
    return not any(name.startswith(("custom", "FLEX")) for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_model_runs_on_litert(name, tmp_path):
    settings = config.ModelConfig(**{**SMALL, **MODELS[name]})
    keras.utils.set_random_seed(1)
    model = models.build(settings)
    large_weights(model)
    path = converted(model, settings, tmp_path)
    run = litert.Runner(path)
    twin = models.build(dataclasses.replace(settings, dtype="float32"))
    twin.set_weights(model.get_weights())
    for pad in (0, 13):
        for inputs in utterances(settings, pad=pad):
            np.testing.assert_allclose(run(inputs), keras_answer(twin, inputs), atol=5e-6)


@pytest.fixture(scope="module")
def reference(exported):
    model = keras.saving.load_model(exported.run_dir / "model.keras")
    for modality in ("audio", "text", "video"):
        model.get_layer(f"{modality}_encoder").kernel = "keras"
    return model


def check_answers(path, exported, reference):
    assert only_builtin(path)
    run = litert.Runner(path)
    for pad in (0, 30):
        for inputs in utterances(exported.trained.config, pad=pad):
            np.testing.assert_allclose(run(inputs), keras_answer(reference, inputs), atol=5e-6)


def test_converted_file_gives_keras_answers(edge_file, exported, reference):
    check_answers(edge_file, exported, reference)


@pytest.mark.slow
def test_stock_converter_gives_keras_answers(exported, reference, tmp_path):
    """The stock command, with no flag but the two paths."""
    script = "from tensorflow.lite.python.tflite_convert import main; main()"
    flags = [f"--saved_model_dir={exported.edge}", f"--output_file={tmp_path / 'amh.tflite'}"]
    finished = subprocess.run(
        [sys.executable, "-c", script, *flags],
        env=conftest.clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr[-2000:]
    check_answers(tmp_path / "amh.tflite", exported, reference)


def test_interpreter_answers_one_length_only(edge_file, exported, monkeypatch):
    """After a shorter utterance it can be wrong, too seldom for a test to see."""
    short, long = utterances(exported.trained.config, lengths=[(7, 2, 2), (22, 9, 6)])
    interpreter, opened = pytest.importorskip("ai_edge_litert.interpreter"), []
    make = interpreter.Interpreter
    monkeypatch.setattr(
        interpreter, "Interpreter", lambda **settings: opened.append(1) or make(**settings)
    )
    run = litert.Runner(edge_file)
    seen = [run(inputs) is not None and len(opened) for inputs in (short, short, long, short)]
    assert seen == [2, 2, 3, 4]  # one to learn the inputs' names


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("audio", (0, 2, 3), np.nan),
        ("video", (0, 0, 0), np.inf),
        ("audio_length", 0, 9),
        ("video_length", 0, -1),
        ("text", (0, 1), 54),
        ("text", (0, 1), -1),
    ],
)
def test_impossible_input_gives_no_answer(edge_file, exported, name, place, value):
    (inputs,) = utterances(exported.trained.config, lengths=[(8, 3, 2)])
    run = litert.Runner(edge_file)
    assert np.isfinite(run(inputs)).all()
    inputs[name][place] = value
    assert np.isnan(run(inputs)).all()


def test_utterance_without_any_modality_gives_no_answer(edge_file, exported):
    (inputs,) = utterances(exported.trained.config, lengths=[(8, 3, 2)])
    for modality in ("audio", "text", "video"):
        inputs[f"{modality}_length"][:] = 0
    assert np.isnan(litert.Runner(edge_file)(inputs)).all()


@pytest.mark.slow
def test_scripts_make_and_check_smaller_files(exported, tmp_path):
    made = commands.run("export/tflite.py", f"--export_dir={exported.folder}", "--runs=2")
    assert made.returncode == 0, made.stderr
    report = json.loads((exported.folder / "edge_report.json").read_text())
    # Share of the parameters' bytes (the graph's come on top), and the largest difference.
    bounds = {"float32": (1, 5e-6), "float16": (0.5, 2e-3), "int8": (0.25, 0.1)}
    assert list(report["files"]) == list(bounds)
    parameters = 4 * exported.trained.model.count_params()
    for kind, found in report["files"].items():
        share, difference = bounds[kind]
        assert (exported.folder / found["file"]).stat().st_size == found["bytes"]
        assert found["bytes"] <= share * parameters + 100_000
        assert found["builtin_only"] and found["operations"]["WHILE"] == 3
        assert found["largest_difference"] <= difference
    check = ["export/check_tflite.py", f"--run_dir={exported.run_dir}"]
    checked = commands.run(*check, f"--file={exported.folder / 'amh.tflite'}")
    assert checked.returncode == 0, checked.stderr
    assert "same class: 100.00%" in checked.stdout and "2 threads" in checked.stdout


def test_other_file_is_refused(exported, edge_file):
    with pytest.raises(ValueError, match="Expected a file that was made from an edge module"):
        litert.Runner(exported.folder / "model_card.md")
    with pytest.raises(ValueError, match="does not take these inputs"):
        litert.Runner(edge_file)({})


def test_edge_module_in_tensorflow_gives_keras_answers(exported, reference):
    signature = tf.saved_model.load(str(exported.edge)).signatures["serving_default"]
    for inputs in utterances(exported.trained.config, pad=3):
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        answer = signature(**tensors)["probabilities"].numpy()[0]
        np.testing.assert_allclose(answer, keras_answer(reference, inputs), atol=5e-6)
