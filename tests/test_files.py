"""Full disks, folders that cannot be written, killed processes, two processes at once."""

import errno
import os

import pytest

from amh_tf import files
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
        files.locked(tmp_path / "file" / "run", "run_dir"),
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
    with files.new_folder(tmp_path / "set") as living:
        assert not left.exists() and other.exists()
        with files.new_folder(tmp_path / "set") as second:
            assert living.exists() and second != living
            (living / "file").write_text("first")
    assert (tmp_path / "set").is_dir()


def test_folder_is_held_by_one_process(tmp_path):
    with files.locked(tmp_path / "run", "run_dir"):
        code = (
            "import sys; from amh_tf import files\nwith files.locked(sys.argv[1], 'run_dir'): pass"
        )
        held = commands.run("-c", code, tmp_path / "run")
        assert held.returncode == 1 and "run' is in use" in held.stderr
    with files.locked(tmp_path / "run", "run_dir"):
        assert files.is_vacant(tmp_path / "run")


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
