"""SIGKILL anywhere, then the same command: the end is the same, bit by bit."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import keras
import pytest

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
    with pytest.raises(ValueError, match=r"cannot be restored.*elements in 5 bytes"):
        made.restore()


def test_second_process_is_locked_out(undisturbed, tiny_data):
    with (
        run_folder.RunFolder(undisturbed).locked(),
        pytest.raises(ValueError, match=r"run' is in use.*--run_dir"),
    ):
        killed_run.train(str(tiny_data.folder), undisturbed)
    killed_run.train(str(tiny_data.folder), undisturbed)
