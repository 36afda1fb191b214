"""SIGKILL anywhere, then the same command: the end is the same, bit by bit."""

import hashlib
import json
import random

import keras
import pytest
import tensorflow as tf

from amh_tf.runs import run_folder
from amh_tf.training import checkpoints
from tests import commands
from tests.training import killed_run, run_state

pytestmark = pytest.mark.slow

SIGKILL = -9


def attempts(data, run_dir, kills):
    finished = commands.run(
        "-m", "tests.training.killed_run", data.folder, run_dir, json.dumps(kills)
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


def test_checkpoint_that_declares_more_than_it_holds_is_refused(tmp_path):
    make_checkpoints(tmp_path).save({"step": 1})
    (data,) = tmp_path.glob("*.data-*")
    data.write_bytes(data.read_bytes()[:5])
    digests = {  # as a stranger would
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.glob("ckpt-*")
    }
    newest = {"checkpoint": "ckpt-1", "sha256": digests}
    (tmp_path / "newest.json").write_text(json.dumps(newest))
    with pytest.raises(ValueError, match=r"cannot be restored.*elements in 5 bytes"):
        make_checkpoints(tmp_path).restore()


def edited(change):
    def damage(folder):
        newest = json.loads((folder / "newest.json").read_text())
        change(newest)
        (folder / "newest.json").write_text(json.dumps(newest))

    return damage


def last_bit(name):
    def damage(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        last_bit("ckpt-2.index"),
        last_bit("ckpt-2.data-00000-of-00001"),
        lambda folder: (folder / "ckpt-2.index").unlink(),
        lambda folder: (folder / "ckpt-2.data-00000-of-00002").write_bytes(b""),
        lambda folder: (folder / "newest.json").unlink(),
        lambda folder: (folder / "newest.json").write_text(""),
        edited(lambda newest: newest.pop("checkpoint")),
        edited(lambda newest: newest.update(checkpoint="ckpt-1")),
        edited(lambda newest: newest.update(checkpoint="../ckpt-2")),
        edited(lambda newest: newest.update(checkpoint=["ckpt-2"])),
        edited(lambda newest: newest.update(checkpoint="ckpt-7", sha256={})),
    ],
)
def test_checkpoint_with_other_bytes_is_refused_before_tensorflow_reads_it(
    tmp_path, monkeypatch, damage
):
    made = make_checkpoints(tmp_path)
    made.save({"step": 1})
    made.save({"step": 2})
    damage(tmp_path)
    monkeypatch.setattr(tf.train, "load_checkpoint", None)
    with pytest.raises(ValueError, match=r"cannot be restored.*newest\.json"):
        make_checkpoints(tmp_path).restore()


@pytest.mark.parametrize("named", [False, True])
def test_one_checkpoint_is_whole_whenever_a_save_is_killed(tmp_path, monkeypatch, named):
    """Killed when the new files are written, before or after they are named."""
    make_checkpoints(tmp_path).save({"step": 1})
    write = checkpoints.files.write_text

    def killed(*arguments):
        if named:
            write(*arguments)
        raise InterruptedError

    made = make_checkpoints(tmp_path)
    assert made.restore() == {"step": 1}
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.files, "write_text", killed)
        with pytest.raises(InterruptedError):
            made.save({"step": 2})
    (tmp_path / ".1.partial.newest.json").write_text("{")
    assert {path.name for path in tmp_path.glob("*.index")} == {"ckpt-1.index", "ckpt-2.index"}
    other = make_checkpoints(tmp_path)
    assert other.restore() == {"step": 2 if named else 1}
    other.save({"step": 3})
    name = "ckpt-3" if named else "ckpt-2"
    kept = {"newest.json", f"{name}.index", f"{name}.data-00000-of-00001"}
    assert {path.name for path in tmp_path.iterdir()} == kept
    assert make_checkpoints(tmp_path).restore() == {"step": 3}


def test_strangers_list_of_checkpoints_deletes_nothing(tmp_path):
    # TensorFlow would delete what its list names after the next save.
    (tmp_path / "run").mkdir()
    victim = tmp_path / "ckpt-1.index"
    victim.write_bytes(b"ten years of work")
    path = f'"{tmp_path / "ckpt-1"}"'
    (tmp_path / "run" / "checkpoint").write_text(
        f"model_checkpoint_path: {path}\nall_model_checkpoint_paths: {path}\n"
    )
    made = make_checkpoints(tmp_path / "run")
    assert made.restore() is None
    made.save({"step": 1})
    made.save({"step": 2})
    assert victim.exists()


def test_second_process_is_locked_out(undisturbed, tiny_data):
    with (
        run_folder.RunFolder(undisturbed).locked(),
        pytest.raises(ValueError, match=r"run' is in use.*--run_dir"),
    ):
        killed_run.train(str(tiny_data.folder), undisturbed)
    killed_run.train(str(tiny_data.folder), undisturbed)
