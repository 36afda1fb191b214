"""SIGKILL anywhere, then the same command: the end is the same, bit by bit."""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from amh_tf.training import checkpoints, run_folder
from tests.training import killed_run, run_state

ROOT = Path(__file__).parent.parent.parent
SIGKILL = -9


def attempts(data, run_dir, kills):
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.training.killed_run",
            data.folder,
            run_dir,
            json.dumps(kills),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    ends = json.loads(finished.stdout.splitlines()[-1].removeprefix("ends "))
    assert ends == [SIGKILL] * len(kills) + [0], finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def undisturbed(tiny_data, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("undisturbed") / "run"
    attempts(tiny_data, run_dir, [])
    return run_dir


def test_five_kills_change_nothing(undisturbed, tiny_data, tmp_path):
    # Nine steps, five validations of two batches, then two batches each to score.
    draw = random.Random(11)
    kills = [
        ["save", 0, draw.uniform(0.5, 6)],  # while the first checkpoint is being written
        ["step", draw.randrange(2, 5), 0],
        ["predict", draw.randrange(1, 4), 0],  # in the middle of a validation
        ["rename", 0, 0],  # the model is written and has not got its name yet
        ["predict", draw.randrange(0, 4), 0],  # while scoring, or validating once more
    ]
    attempts(tiny_data, tmp_path / "run", kills)
    run_state.assert_same(tmp_path / "run", undisturbed)


@pytest.mark.parametrize("left", [["ckpt-1_temp/part-0"], ["ckpt-1.data-00000-of-00001"]])
def test_what_a_killed_first_save_left_is_passed_over(tmp_path, left):
    for name in left:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    assert make_checkpoints(tmp_path).restore() is None


def make_checkpoints(folder):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    return checkpoints.Checkpoints(folder, model, optimizer)


def test_list_of_checkpoints_elsewhere_is_refused(tmp_path):
    # TensorFlow would delete what the list names after the next save.
    (tmp_path / "run").mkdir()
    victim = tmp_path / "ckpt-1.index"
    victim.write_bytes(b"ten years of work")
    path = f'"{tmp_path / "ckpt-1"}"'
    (tmp_path / "run" / "checkpoint").write_text(
        f"model_checkpoint_path: {path}\nall_model_checkpoint_paths: {path}\n"
    )
    with pytest.raises(ValueError, match=r"of its own folder.*ckpt-1"):
        make_checkpoints(tmp_path / "run")
    assert victim.exists()


def test_checkpoint_that_declares_more_than_it_holds_is_refused(tmp_path):
    made = make_checkpoints(tmp_path)
    made.save({"step": 1})
    (data,) = tmp_path.glob("*.data-*")
    data.write_bytes(data.read_bytes()[:5])
    note_digests(tmp_path, "ckpt-1")  # as a stranger would
    with pytest.raises(ValueError, match=r"cannot be restored.*elements in 5 bytes"):
        made.restore()


def note_digests(folder, name):
    paths = folder.glob(f"{name}.*")
    noted = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    (folder / "digests.json").write_text(json.dumps({name: noted}))


@pytest.mark.parametrize("kind", ["index", "data-00000-of-00001", "one more", "none", "digests"])
def test_checkpoint_with_other_bytes_is_refused_before_tensorflow_reads_it(
    tmp_path, monkeypatch, kind
):
    made = make_checkpoints(tmp_path)
    made.save({"step": 1})
    path = tmp_path / f"ckpt-1.{kind}"
    if kind == "one more":
        path.write_bytes(b"")
    elif kind == "none":
        (tmp_path / "digests.json").unlink()
    elif kind == "digests":
        (tmp_path / "digests.json").write_text('{"ckpt-1": {}}')
    else:
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    monkeypatch.setattr(tf.train, "load_checkpoint", None)
    with pytest.raises(ValueError, match=r"cannot be restored.*digests\.json"):
        make_checkpoints(tmp_path).restore()


def test_checkpoint_is_whole_when_the_one_before_is_given_up(tmp_path, monkeypatch):
    """Killed when the new files are noted, and not yet in TensorFlow's list."""
    made = make_checkpoints(tmp_path)
    made.save({"step": 1})

    def killed(*_):
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(made._manager, "_record_state", killed)
        with pytest.raises(InterruptedError):
            made.save({"step": 2})
    (tmp_path / ".1.partial.digests.json").write_text("{")
    assert {path.name for path in tmp_path.glob("*.index")} == {"ckpt-1.index", "ckpt-2.index"}
    other = make_checkpoints(tmp_path)
    assert other.restore() == {"step": 1}
    other.save({"step": 3})
    assert make_checkpoints(tmp_path).restore() == {"step": 3}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint",
        "ckpt-2.data-00000-of-00001",
        "ckpt-2.index",
        "digests.json",
    ]


def test_second_process_is_locked_out(undisturbed, tiny_data):
    with (
        run_folder.RunFolder(undisturbed).locked(),
        pytest.raises(ValueError, match=r"run' is in use.*--run_dir"),
    ):
        killed_run.train(str(tiny_data.folder), undisturbed)
    killed_run.train(str(tiny_data.folder), undisturbed)
