import csv
import dataclasses
import json
import os
import signal

import keras
import numpy as np
import pytest
from PIL import Image

from amh_tf import progress
from amh_tf.data import pipeline
from amh_tf.runs import predictions as prediction_files
from amh_tf.runs import run_folder
from amh_tf.scores import confusion_plot
from amh_tf.training import batch_stream, scoring, trainer
from tests import conftest
from tests.training.tiny_runs import TRAINING, Killed, configure, kill, train, watch_steps


@pytest.fixture(scope="module")
def finished(tiny_data, tmp_path_factory, draw_confusions):
    run_dir = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(confusion_plot, "confusion_matrix", draw_confusions)
        return run_dir, train(tiny_data, run_dir)


def test_run_folder_holds_everything(finished):
    run_dir, _ = finished
    names = ("config.json", "model.keras", "metrics.json", "predictions.csv")
    for name in (*names, "predictions_dev.csv"):
        assert (run_dir / name).stat().st_size > 0
    for name in ("confusion_matrix.png", "confusion_matrix_dev.png"):
        assert Image.open(run_dir / name).size > (500, 500)
    assert list((run_dir / "logs").glob("events.*"))
    assert list((run_dir / "checkpoints").glob("ckpt-*"))
    assert not [path for path in run_dir.rglob("*") if "partial" in path.name]


def test_scores_are_those_of_the_predictions(finished, tiny_source):
    run_dir, reports = finished
    stored = json.loads((run_dir / "metrics.json").read_text())
    assert stored == json.loads(json.dumps(reports))
    labels = {e.id: e.label for e in tiny_source.index if e.splits[0] == "test"}
    classes = tiny_source.classes
    with open(run_dir / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == list(labels)
    right = 0
    for row in rows:
        assert row["label"] == classes[labels[row["id"]]]
        probabilities = np.array([float(row[name]) for name in classes])
        assert probabilities.sum() == pytest.approx(1, abs=1e-4)
        assert row["prediction"] == classes[probabilities.argmax()]
        right += row["prediction"] == row["label"]
    assert stored["test"]["weighted_accuracy"]["value"] == pytest.approx(right / len(rows))
    assert stored["test"]["synthetic"] and "synthetic" in stored["test"]["data"]


def test_model_file_gives_the_predictions(finished, tiny_source):
    run_dir, _ = finished
    model = keras.saving.load_model(run_dir / "model.keras")
    utterance = conftest.utterances_of(tiny_source, "test")[0]
    inputs = {}
    for name in ("audio", "text", "video"):
        sequence = getattr(utterance, name)
        inputs[name] = sequence[None]
        inputs[f"{name}_length"] = np.array([len(sequence)], np.int32)
    logits = np.asarray(model(inputs), float)[0]
    probabilities = np.exp(logits) / np.exp(logits).sum()
    with open(run_dir / "predictions.csv", newline="") as file:
        row = next(csv.DictReader(file))
    written = [float(row[name]) for name in tiny_source.classes]
    np.testing.assert_allclose(written, probabilities, atol=1e-5)


def test_same_seed_gives_the_same_model_whatever_epochs_share_a_stream(
    finished, tiny_data, tmp_path, monkeypatch
):
    run_dir, reports = finished
    monkeypatch.setattr(batch_stream, "EPOCHS_PER_STREAM", 1)
    assert train(tiny_data, tmp_path / "again") == reports
    assert (run_dir / "predictions.csv").read_bytes() == (
        tmp_path / "again" / "predictions.csv"
    ).read_bytes()


# The next test but one stops after three.
@pytest.mark.parametrize("steps", [pytest.param(1, marks=pytest.mark.slow), 6])
def test_stopped_run_ends_as_if_it_had_not_been(finished, tiny_data, tmp_path, monkeypatch, steps):
    run_dir, _ = finished
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    with monkeypatch.context() as patch:
        watch_steps(patch, lambda number: kill() if number > steps else None)
        with pytest.raises(Killed):
            train(tiny_data, tmp_path / "run")
    train(tiny_data, tmp_path / "run")
    for name in ("predictions.csv", "predictions_dev.csv", "metrics.json"):
        assert (tmp_path / "run" / name).read_bytes() == (run_dir / name).read_bytes()
    old, new = (keras.saving.load_model(d / "model.keras") for d in (run_dir, tmp_path / "run"))
    for before, after in zip(old.get_weights(), new.get_weights()):
        np.testing.assert_array_equal(before, after)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_stopped_run_of_lstms_ends_with_the_same_bits(tiny_data, tmp_path, monkeypatch, dtype):
    settings = {"model": "mha", "modalities": ("audio", "text"), "dtype": dtype}
    assert train(tiny_data, tmp_path / "whole", model=settings)
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    with monkeypatch.context() as patch:
        watch_steps(patch, lambda number: kill() if number > 5 else None)
        with pytest.raises(Killed):
            train(tiny_data, tmp_path / "stopped", model=settings)
    train(tiny_data, tmp_path / "stopped", model=settings)
    runs = [keras.saving.load_model(tmp_path / n / "model.keras") for n in ("whole", "stopped")]
    assert any(layer.cell == "lstm" for layer in runs[0].layers if hasattr(layer, "cell"))
    for before, after in zip(*(run.get_weights() for run in runs), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("number", "raised", "stop"),
    # Between two validations, and at one.
    [(signal.SIGINT, KeyboardInterrupt, 3), (signal.SIGTERM, SystemExit, 4)],
)
def test_run_asked_to_stop_saves_at_once(
    finished, tiny_data, tmp_path, monkeypatch, number, raised, stop
):
    run_dir, _ = finished
    validated = []
    update = trainer.early_stopping.EarlyStopping.update
    monkeypatch.setattr(
        trainer.early_stopping.EarlyStopping,
        "update",
        lambda self, score, step: validated.append(step) or update(self, score, step),
    )
    with monkeypatch.context() as patch:
        watch_steps(patch, lambda step: os.kill(os.getpid(), number) if step == stop else None)
        with pytest.raises(raised):
            train(tiny_data, tmp_path / "run")
    taken = []
    watch_steps(monkeypatch, taken.append)
    train(tiny_data, tmp_path / "run")
    assert len(taken) == TRAINING["max_steps"] - stop
    assert validated == [2, 4, 6, 8, 9]  # none left out, none repeated
    for name in ("predictions.csv", "metrics.json"):
        assert (tmp_path / "run" / name).read_bytes() == (run_dir / name).read_bytes()


def test_finished_run_is_not_repeated(finished, tiny_data, monkeypatch):
    run_dir, reports = finished
    monkeypatch.setattr(trainer.Trainer, "train", None)
    assert json.dumps(train(tiny_data, run_dir)) == json.dumps(reports)


def test_other_settings_are_refused_and_named(finished, tiny_data):
    run_dir, _ = finished
    with pytest.raises(ValueError, match=r"seed was 2, now 3.*--run_dir"):
        train(tiny_data, run_dir, seed=3)
    with pytest.raises(ValueError, match=r"num_hops was 2, now 5"):
        train(tiny_data, run_dir, model={"num_hops": 5})


def test_folder_of_something_else_is_refused(tiny_data, tmp_path):
    (tmp_path / "thesis.tex").write_text("ten years of work")
    with pytest.raises(ValueError, match="is not the folder of a run"):
        train(tiny_data, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_evaluation_repeats_the_scores_of_training(finished, split):
    run_dir, reports = finished
    report = scoring.evaluate(run_dir, split)
    if split in reports:
        assert report == reports[split]
    assert json.loads((run_dir / "metrics.json").read_text()).keys() >= {"dev", "test", split}


def test_evaluation_on_another_data_set_is_refused(finished, tmp_path):
    from amh_tf.corpora import planted
    from amh_tf.data import writer

    run_dir, _ = finished
    other = planted.read(9, {"train": 2, "dev": 2, "test": 2})
    writer.write(other, tmp_path / "other")
    with pytest.raises(ValueError, match=r"is not the data set of this run.*--data_dir"):
        scoring.evaluate(run_dir, "test", tmp_path / "other")


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (conftest.MADE_HERE, []),
        (
            {**conftest.MADE_HERE, "video": conftest.WAV2VEC},
            ["video features: described as 'my wav2vec_2'"],
        ),
        (
            None,
            [
                f"{name} features: it is not known how they were made"
                for name in ("audio", "text", "video")
            ],
        ),
    ],
)
def test_scores_on_features_of_which_nobody_says_enough_warn(tiny_data, features, expected):
    run_config, _ = configure(tiny_data)
    said = dataclasses.replace(tiny_data, features=features, synthetic=False)
    assert scoring.model_warnings(said, run_config.model) == expected
    assert scoring.model_warnings(tiny_data, run_config.model) == []  # synthetic, as its name says


def test_unfinished_run_is_not_taken_for_finished(tiny_data, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    with monkeypatch.context() as patch:
        watch_steps(patch, lambda number: kill() if number > 4 else None)
        with pytest.raises(Killed):
            train(tiny_data, tmp_path / "run")
    with pytest.raises(ValueError, match="no trained model yet"):
        scoring.evaluate(tmp_path / "run", "dev")


def test_names_are_shown_as_they_are(finished, tmp_path, capsys, monkeypatch, draw_confusions):
    # Neither Rich's markup nor Matplotlib's mathematics.
    monkeypatch.setattr(confusion_plot, "confusion_matrix", draw_confusions)
    _, reports = finished
    folder = run_folder.RunFolder(tmp_path)
    classes = ("[red]x[/oops]", "$\\frac{$", "c", "d", "e", "f", "[/g]")
    name = "[bold]set[/oops] $\\frac{$"
    predictions = prediction_files.Predictions(
        ["a"], np.array([0]), np.eye(7, dtype=np.float32)[:1]
    )
    folder.save_results("test", reports["test"], predictions, classes, name)
    assert (tmp_path / "confusion_matrix.png").exists()
    progress.console.print(name)
    assert name in capsys.readouterr().out


def test_unfinished_run_cannot_be_scored(tiny_data, tmp_path):
    run_folder.RunFolder(tmp_path / "run").start(configure(tiny_data)[0])
    with pytest.raises(ValueError, match="no trained model yet"):
        scoring.evaluate(tmp_path / "run", "test")
    with pytest.raises(ValueError, match=r"config\.json.*amh_tf\.train"):
        scoring.evaluate(tmp_path / "nothing", "test")


def test_patience_ends_training(tiny_data, tmp_path, monkeypatch):
    # With hardly a change in the weights only the first validation brings a gain.
    taken = []
    watch_steps(monkeypatch, taken.append)
    train(tiny_data, tmp_path / "run", patience=3, max_steps=400, learning_rate=1e-9)
    steps_per_validation = 2  # half an epoch of four batches
    assert taken[-1] == steps_per_validation * (1 + 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [
        ({"modalities": ("audio", "text")}, 1e-4),
        ({"model": "mdre", "num_hops": None, "modalities": ("text", "video")}, 1e-4),
        ({"model": "mha", "num_hops": 3, "modalities": ("audio", "video")}, 1e-4),
        ({"model": "rnn_attn", "num_hops": None, "modalities": ("text",)}, 1e-4),
        ({"dtype": "bfloat16"}, 0.02),
        ({"dtype": "float16"}, 0.005),
    ],
)
def test_scores_of_every_model_are_those_of_its_file(
    tiny_data, tiny_fold, tmp_path, settings, tolerance
):
    """Of each utterance alone, the cross-entropy in NumPy."""
    reports = train(tiny_data, tmp_path / "run", max_steps=2, model=settings)
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    entropies = []
    for inputs, label in pipeline.batches(tiny_fold, "test", 1):
        logits = np.asarray(model({name: inputs[name] for name in model.input}), float)[0]
        entropies.append(np.log(np.exp(logits).sum()) - logits[int(label[0])])
    assert reports["test"]["loss"] == pytest.approx(np.mean(entropies), abs=tolerance)


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_diverging_run_is_stopped(tiny_data, tmp_path, monkeypatch, loss):
    monkeypatch.setattr(
        trainer.step, "make_train_step", lambda *_, **__: lambda *_: np.float32(loss)
    )
    with pytest.raises(ValueError, match=r"has diverged.*--learning_rate"):
        train(tiny_data, tmp_path / "run")
    assert not (tmp_path / "run" / "model.keras").exists()


def test_fingerprint_guards_against_other_data(tiny_data):
    run_config, _ = configure(tiny_data)
    other = dataclasses.replace(run_config, data_fingerprint="another")
    assert [name for name, *_ in run_config.differences(other)] == ["data_fingerprint"]
