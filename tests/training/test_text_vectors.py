"""Whole runs on text that is vectors: synthetic vectors, in which cues are planted."""

import csv
import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from amh_tf import config, feature_kinds, schema
from amh_tf.corpora import source
from amh_tf.data import writer
from amh_tf.runs import trained
from amh_tf.training import runs, scoring
from tests import text_vectors
from tests.conftest import utterances_of
from tests.training import tiny_runs

WIDTH, CLASSES = 12, 3


def cued(sizes):
    """A set whose class is the direction of one of the steps of the text; the rest is noise."""
    rng = np.random.default_rng(2)
    directions = 6 * np.eye(WIDTH)[:CLASSES]
    splits = [split for split, count in sizes.items() for _ in range(count)]
    utterances = []
    for number in range(len(splits)):
        label = int(rng.integers(CLASSES))
        steps = rng.standard_normal((int(rng.integers(3, 9)), WIDTH))
        steps[rng.integers(len(steps))] += directions[label]
        utterances.append(
            source.Utterance(
                id=f"u{number}",
                label=label,
                audio=np.zeros((0, 1), np.float32),
                text=steps.astype(np.float32),
                video=np.zeros((0, 1), np.float32),
            )
        )
    absent = {"kind": feature_kinds.ABSENT}
    described = {"kind": feature_kinds.OTHER, "description": "cues in noise"}
    return source.Source(
        name="planted cues in vectors (synthetic)",
        synthetic=True,
        classes=("a", "b", "c"),
        widths={"audio": 1, "video": 1, "text": WIDTH},
        vocabulary=schema.RESERVED_WORDS,
        embedding=None,
        index=tuple(
            source.Entry(u.id, u.label, splits=(split,)) for u, split in zip(utterances, splits)
        ),
        utterances=lambda: iter(utterances),
        fingerprint="cues in vectors",
        features={"audio": absent, "text": described, "video": absent},
    )


@pytest.mark.slow
@pytest.mark.parametrize("feature_dtype", ["float32", "float16"])
def test_cue_planted_in_vectors_is_learned(tmp_path, feature_dtype):
    data = writer.write(
        cued({"train": 400, "dev": 60, "test": 100}), tmp_path / "set", feature_dtype=feature_dtype
    )
    run_config, fold = runs.configure(
        config.DataConfig(str(data.folder), batch_size=40),
        config.TrainingConfig(max_steps=80, learning_rate=0.01),
        config.ModelConfig(
            vocabulary_size=2, model="rnn_attn", modalities=("text",), text_units=16,
            text_dropout=0.0,
        ),
    )  # fmt: skip
    reports = runs.train_and_evaluate(run_config, fold, tmp_path / "run")
    # An even spread over the classes gives a third.
    assert reports["test"]["unweighted_accuracy"]["value"] > 0.9
    assert json.loads((tmp_path / "run" / "config.json").read_text())["model"]["text_width"] == 12
    noted = json.loads((tmp_path / "run" / "inputs.json").read_text())
    assert noted["widths"]["text"] == 12 and noted["vocabulary_size"] == 2


@pytest.fixture(scope="module")
def data(tiny_source, tmp_path_factory):
    vectors = text_vectors.of(tiny_source)
    return writer.write(vectors, tmp_path_factory.mktemp("data") / "vectors", records_per_shard=16)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "run"
    return run_dir, tiny_runs.train(data, run_dir)


def test_model_file_gives_the_predictions(run, tiny_source):
    run_dir, _ = run
    model = keras.saving.load_model(run_dir / "model.keras")
    utterance = utterances_of(text_vectors.of(tiny_source), "test")[0]
    inputs = {}
    for name in schema.MODALITIES:
        sequence = getattr(utterance, name)
        inputs[name] = sequence[None]
        inputs[f"{name}_length"] = np.array([len(sequence)], np.int32)
    logits = np.asarray(model(inputs), float)[0]
    probabilities = np.exp(logits) / np.exp(logits).sum()
    with open(run_dir / "predictions.csv", newline="") as file:
        row = next(csv.DictReader(file))
    written = [float(row[name]) for name in tiny_source.classes]
    np.testing.assert_allclose(written, probabilities, atol=1e-5)


@pytest.mark.slow
def test_run_continues_bit_for_bit(run, data, tmp_path, monkeypatch):
    run_dir, _ = run
    tiny_runs.watch_steps(monkeypatch, lambda number: number == 7 and tiny_runs.kill())
    with pytest.raises(tiny_runs.Killed):
        tiny_runs.train(data, tmp_path / "run")
    monkeypatch.undo()
    tiny_runs.train(data, tmp_path / "run")
    found, expected = (
        keras.saving.load_model(folder / "model.keras").get_weights()
        for folder in (tmp_path / "run", run_dir)
    )
    for weight, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(weight, wanted)


def test_run_is_evaluated_and_read_again(run):
    run_dir, reports = run
    assert scoring.evaluate(run_dir, "dev")["weighted_f1"] == reports["dev"]["weighted_f1"]
    read = trained.read(run_dir)
    assert read.inputs.widths == {"audio": 120, "video": 2048, "text": 300}
    assert read.inputs.word_table() == {"_PAD_": 0, "_UNK_": 1}
    assert "made of no recording" in read.refusals["text"]


@pytest.mark.parametrize("widths", [{"text": 299}, {}], ids=["another width", "word ids"])
def test_notes_of_another_text_are_refused(run, tmp_path, widths):
    copied = shutil.copytree(run[0], tmp_path / "run")
    fields = json.loads((copied / "inputs.json").read_text())
    fields["widths"] = {"audio": 120, "video": 2048, **widths}
    (copied / "inputs.json").write_text(json.dumps(fields))
    received = widths.get("text", "none")
    with pytest.raises(
        ValueError, match=rf"inputs\.json.*widths.text`: expected 300, got {received}"
    ):
        trained.read(copied)


def test_word_ids_are_another_data_set(run, data, tiny_data):
    run_dir, _ = run
    assert data.fingerprint != tiny_data.fingerprint
    with pytest.raises(ValueError, match="is not the data set of this run"):
        scoring.evaluate(run_dir, "dev", data_dir=tiny_data.folder)


def test_settings_keep_what_the_data_set_says(data):
    run_config, _ = tiny_runs.configure(data, model={"text_width": 7})
    assert run_config.model.text_width == 300
    assert dataclasses.asdict(run_config.model)["vocabulary_size"] == 2
