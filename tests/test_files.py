"""Full disks, folders that cannot be written, killed processes, two processes at once."""

import errno
import os
import signal
import time

import pytest

from amh_tf import files, folders
from amh_tf.corpora import planted
from amh_tf.data import writer
from tests import commands
from tests.commands import assert_refused


def test_full_disk_stops_prepare_and_leaves_nothing(tmp_path):
    folder = tmp_path / "set"
    finished = commands.run(
        "-m",
        "amh_tf.prepare",
        "--source=planted",
        "--planted_sizes=30,10,10",
        f"--output_dir={folder}",
        file_bytes=100_000,
    )
    assert_refused(finished, f"'{folder}' cannot be written", "File too large", "Make room")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_full_disk_stops_training_and_the_run_goes_on(tiny_data, tmp_path):
    train = ["-m", "amh_tf.train", "--hops=1", "--max_steps=2", "--batch_size=20"]
    train += [f"--{m}_units=4" for m in ("audio", "text", "video")]
    train += [f"--data_dir={tiny_data.folder}", f"--run_dir={tmp_path / 'run'}"]
    assert_refused(
        commands.run(*train, file_bytes=30_000), f"'{tmp_path / 'run'}", "File too large"
    )
    assert not [path for path in (tmp_path / "run").rglob("*") if "partial" in path.name]
    assert not (tmp_path / "run" / "model.keras").exists()
    finished = commands.run(*train)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["amh_tf.prepare", "--source=planted", "--planted_sizes=3,2,2", "--output_dir={}/set"],
        ["amh_tf.train", "--cache_dir={}/cache"],
    ],
)
def test_folder_that_cannot_be_made_is_named(tmp_path, arguments):
    (tmp_path / "file").write_text("ten years of work")
    arguments = [text.format(tmp_path / "file") for text in arguments]
    flag = arguments[-1].split("=")[0]
    assert_refused(
        commands.run("-m", *arguments), f"'{tmp_path / 'file'}", "cannot be written to", flag
    )


def test_run_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("ten years of work")
    with (
        pytest.raises(ValueError, match=r"file/run' cannot be written to.*--run_dir"),
        folders.locked(tmp_path / "file" / "run", "run_dir"),
    ):
        pass


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_earlier_file_stays_when_there_is_no_room(tmp_path, code):
    path = tmp_path / "metrics.json"
    files.write_text(path, "earlier")
    with (
        pytest.raises(OSError, match=rf"metrics\.json' cannot be written.*{os.strerror(code)}"),
        files.replacing(path) as temporary,
    ):
        temporary.write_text("half")
        raise RuntimeError(f"HDF5 failed: errno = {code}, '{os.strerror(code)}'")
    assert path.read_text() == "earlier" and list(tmp_path.iterdir()) == [path]


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path):
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "x"):
        (tmp_path / "missing").read_bytes()


def test_what_a_killed_process_left_is_swept_up_and_what_lives_is_not(tmp_path):
    left = tmp_path / ".set.partial.abc"
    left.mkdir()
    (left / "train-00000-of-00002.tfrecord").write_bytes(b"half")
    other = tmp_path / ".other.partial.abc"
    other.mkdir()
    with folders.new_folder(tmp_path / "set") as living:
        assert not left.exists() and other.exists()
        with folders.new_folder(tmp_path / "set") as second:
            assert living.exists() and second != living
            (living / "file").write_text("first")
    assert (tmp_path / "set").is_dir()


STOPPED = """
import os, runpy, sys
import amh_tf
from amh_tf.data import records
number, folder, left, encode = int(sys.argv[1]), sys.argv[2], [5], records.encode
def dying(*arguments):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), number)
    return encode(*arguments)
records.encode = dying
sys.argv[1:] = ["--source=planted", "--planted_sizes=9,6,6", "--output_dir=" + folder]
runpy.run_module("amh_tf.prepare", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("number", "name"),
    [
        pytest.param(number, name, marks=[] if name == "a*b?c" else pytest.mark.slow)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
        for name in ("set", "set[1]", "a*b?c", ".hidden", "set.v2")
    ],
)
def test_stopped_prepare_leaves_nothing_for_ever(tmp_path, number, name):
    folder = tmp_path / name
    stopped = commands.run("-c", STOPPED, int(number), folder)
    left = list(tmp_path.iterdir())
    if number == signal.SIGKILL:
        assert stopped.returncode == -number and len(left) == 1, stopped.stderr
    else:
        assert stopped.returncode == 128 + number and not left, (stopped.stderr, left)
        assert stopped.stderr == "stopped; the same command continues where it stopped\n"
    writer.write(planted.read(seed=1, sizes={"train": 9, "dev": 6, "test": 6}), folder)
    assert list(tmp_path.iterdir()) == [folder]


def test_what_was_left_beside_a_whole_data_set_is_swept_up(tmp_path, tiny_source):
    """As by one of two processes that wrote it at the same time."""
    writer.write(tiny_source, tmp_path / "set")
    (tmp_path / ".set.partial.abc").mkdir()
    writer.write(tiny_source, tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def leave(folder, days):
    """Makes an unfinished folder that nobody has written to for some days."""
    folder.mkdir()
    (folder / "train-00000-of-00002.tfrecord").write_bytes(b"half")
    then = time.time() - days * 24 * 3600
    for path in (folder / "train-00000-of-00002.tfrecord", folder):
        os.utime(path, (then, then))
    return folder


def test_old_unfinished_folders_of_other_names_are_swept_up(tmp_path):
    """Nobody may ever give those commands again."""
    old = leave(tmp_path / ".other.partial.abc", days=3)
    young = leave(tmp_path / ".other.partial.abd", days=1)
    no_partial = leave(tmp_path / ".other.part", days=900)
    visible = leave(tmp_path / "thesis.partial.abc", days=900)
    living = leave(tmp_path / ".other.partial.abe", days=900)
    written = leave(tmp_path / ".other.partial.abf", days=900)
    os.utime(written / "train-00000-of-00002.tfrecord")
    (tmp_path / ".link.partial.abg").symlink_to(visible)
    descriptor = os.open(living, os.O_RDONLY)
    try:
        assert folders._try_lock(descriptor)
        folders.sweep_unfinished(tmp_path / "set")
    finally:
        os.close(descriptor)
    assert not old.exists()
    assert all(path.exists() for path in (young, no_partial, visible, living, written))


def test_where_nothing_can_be_locked_age_decides(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(folders.fcntl, "flock", refuse)
    old = leave(tmp_path / ".set.partial.abc", days=3)
    young = leave(tmp_path / ".set.partial.abd", days=1)
    with folders.new_folder(tmp_path / "set"):
        pass
    assert young.exists() and not old.exists()


def test_folder_is_held_by_one_process(tmp_path):
    with folders.locked(tmp_path / "run", "run_dir"):
        code = (
            "import sys; from amh_tf import folders\n"
            "with folders.locked(sys.argv[1], 'run_dir'): pass"
        )
        held = commands.run("-c", code, tmp_path / "run")
        assert held.returncode == 1 and "run' is in use" in held.stderr
    with folders.locked(tmp_path / "run", "run_dir"):
        assert folders.is_vacant(tmp_path / "run")


def test_huge_json_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 10)
    (tmp_path / "x.json").write_text('{"a": "0123456789"}')
    with pytest.raises(ValueError, match=r"x\.json.*19 bytes, more than 10"):
        files.read_json(tmp_path / "x.json", "settings")


@pytest.mark.parametrize("place", ['{"a": "%s"}', '{"%s": 1}', '{"a": [{"b": "x%sx"}]}'])
def test_json_with_half_a_character_is_refused(tmp_path, place):
    path = tmp_path / "x.json"
    for half in (r"\ud800", r"\udfff", r"\ude00\ud83d"):
        path.write_text(place % half)
        with pytest.raises(ValueError, match=r"x\.json.*cannot be read.*surrogates not allowed"):
            files.read_json(path, "settings")
    path.write_text('{"a": "\\ud83d\\ude00 \\u00e9"}')
    assert files.read_json(path, "settings") == {"a": "\N{GRINNING FACE} \u00e9"}
