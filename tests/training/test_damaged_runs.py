"""Run folders with damaged files: each is refused by name."""

import json
import random
import shutil

import keras
import pytest

from amh_tf.data import manifest
from amh_tf.runs import run_folder, run_inputs
from amh_tf.training import absence, trainer
from tests.data import damages
from tests.training.tiny_runs import Killed, configure, kill, train, watch_steps


@pytest.fixture(scope="module")
def finished(tiny_data, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "run"
    train(tiny_data, run_dir, max_steps=2)
    return run_dir


@pytest.mark.parametrize("data", [b"", b"garbage", "half"])
def test_damaged_model_file_is_named(finished, tmp_path, data):
    run_dir = finished
    folder = run_folder.RunFolder(shutil.copytree(run_dir, tmp_path / "copy"))
    whole = (run_dir / "model.keras").read_bytes()
    folder.model.write_bytes(whole[: len(whole) // 2] if data == "half" else data)
    with pytest.raises(ValueError, match=r"model\.keras.*cannot be read"):
        folder.load_model()


def test_model_of_another_run_is_refused(finished, tmp_path):
    run_dir = finished
    folder = run_folder.RunFolder(shutil.copytree(run_dir, tmp_path / "copy"))
    inputs = keras.Input((2,))
    keras.Model(inputs, keras.layers.Dense(7)(inputs)).save(folder.model)
    with pytest.raises(ValueError, match=r"model\.keras.*numbers for a model of"):
        folder.load_model()


@pytest.mark.parametrize("file", ["config.json", "metrics.json"])
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"5", b"\xff", b'{"dev": 1}', b"[" * 100_000])
def test_damaged_json_is_named(finished, tmp_path, file, data):
    run_dir = finished
    folder = run_folder.RunFolder(shutil.copytree(run_dir, tmp_path / "copy"))
    (folder.path / file).write_bytes(data)
    with pytest.raises(ValueError, match=file):
        folder.load_config() if file == "config.json" else folder.load_metrics()


@pytest.mark.parametrize("change", [lambda row: row + ",0.5", lambda row: row.rpartition(",")[0]])
def test_row_of_predictions_of_another_length_is_named(finished, tmp_path, change):
    folder = run_folder.RunFolder(shutil.copytree(finished, tmp_path / "copy"))
    path = folder.path / "predictions.csv"
    header, row, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, row, change(row), *rows]))
    with pytest.raises(ValueError, match=r"predictions\.csv.*line 3. Expected \d+ values"):
        folder.load_predictions(header.split(",")[3:])


def test_vocabulary_that_is_no_text_is_named(finished, tmp_path):
    folder = run_folder.RunFolder(shutil.copytree(finished, tmp_path / "copy"))
    (folder.path / "vocabulary.txt").write_bytes(b"_PAD_\n\xff\n")
    with pytest.raises(ValueError, match=r"vocabulary\.txt' is not as .* no UTF-8 .* at byte 6"):
        run_inputs.load(folder.path, folder.load_config())


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["weighted_accuracy", "value"], "high"),
        (["weighted_accuracy", "value"], 10**400),
        (["macro_f1", "interval_95"], [0.5]),
        (["macro_f1", "interval_95"], [0.5, None]),
        (["utterances"], -1),
        (["majority_class_rate"], True),
        (["per_class"], {}),
        (["per_class", 0, "recall"], []),
        (["per_class", 0, "class"], None),
    ],
)
def test_scores_that_cannot_be_printed_are_refused(finished, tmp_path, keys, value):
    folder = run_folder.RunFolder(shutil.copytree(finished, tmp_path / "copy"))
    stored = folder.load_metrics()
    inner = stored["dev"]
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    folder.metrics.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=r"metrics\.json.*`dev"):
        folder.load_metrics()
    (folder.path / "metrics_dropped.json").write_text(json.dumps({"dev": {"audio": stored["dev"]}}))
    settings = folder.load_config().model
    with pytest.raises(ValueError, match=r"metrics_dropped\.json.*`dev"):
        absence.save(folder.path, settings, "test", {})


@pytest.mark.parametrize("name", ["\ud800", "audio+text+smell", "video+text"])
def test_scores_of_other_modalities_are_refused(finished, tmp_path, name):
    folder = run_folder.RunFolder(shutil.copytree(finished, tmp_path / "copy"))
    report = folder.load_metrics()["dev"]
    path = folder.path / "metrics_dropped.json"
    path.write_text(json.dumps({"test": {"audio": report}, "dev": {name: report}}))
    with pytest.raises(ValueError, match=r"metrics_dropped\.json.*cannot be read"):
        absence.save(folder.path, folder.load_config().model, "test", {"audio": report})
    path.write_text(json.dumps({"test": {"audio": report}}))
    absence.save(folder.path, folder.load_config().model, "test", {"text": report})
    assert set(json.loads(path.read_text())["test"]) == {"audio", "text"}


@pytest.fixture(scope="module")
def killed(tiny_data, tmp_path_factory):
    """A run that was killed after its second checkpoint. Tests must not change it."""
    run_dir = tmp_path_factory.mktemp("killed") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "SECONDS_BETWEEN_CHECKPOINTS", -1)
        watch_steps(patch, lambda number: kill() if number > 4 else None)
        with pytest.raises(Killed):
            train(tiny_data, run_dir)
    return run_dir


@pytest.mark.parametrize("damage", ["cut", "no_name", "garbage"])
def test_damaged_checkpoint_is_named(killed, tiny_data, tmp_path, damage):
    folder = shutil.copytree(killed, tmp_path / "run") / "checkpoints"
    (data,) = folder.glob("*.data-*")
    if damage == "no_name":
        (folder / "newest.json").unlink()
    else:
        data.write_bytes(data.read_bytes()[:100] if damage == "cut" else b"x" * 5000)
    with pytest.raises(ValueError, match=r"checkpoints.*cannot be restored"):
        train(tiny_data, tmp_path / "run")


def test_run_killed_while_starting_can_be_started_again(tiny_data, tmp_path):
    (tmp_path / ".123.partial.config.json").write_text("{")
    run_folder.RunFolder(tmp_path).start(configure(tiny_data)[0])
    assert run_folder.RunFolder(tmp_path).load_config()


def test_damaged_payload_is_named_while_training(tiny_data, tmp_path):
    data = manifest.load(shutil.copytree(tiny_data.folder, tmp_path / "data"))
    name = data.shards[1].file
    record = damages.DAMAGES["byte of a payload"][0](data.folder, name, random.Random(5))
    with pytest.raises(ValueError, match=rf"{name}', record {record} at byte \d+: the checksum"):
        train(data, tmp_path / "run")
