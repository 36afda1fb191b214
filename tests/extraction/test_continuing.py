"""Extraction that is stopped goes on, and ends with the same bytes."""

import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf

from amh_tf import files
from amh_tf.corpora import table
from amh_tf.extraction import extractor, from_recordings, reading, settings, work_folder
from tests import commands
from tests.extraction import demo

SOUND_AND_WORDS = settings.Settings(modalities=("audio", "text"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "data"
    demo.write(demo.read(), SOUND_AND_WORDS, folder)
    return demo.contents(folder)


def counted(monkeypatch, stop_at=None):
    """Counts the groups that are extracted, and stops before one of them."""
    done = []
    original = extractor.Extractor.group

    def group(self, recordings, *args):
        if len(done) == stop_at:
            raise KeyboardInterrupt
        done.append(recordings[0].group)
        return original(self, recordings, *args)

    monkeypatch.setattr(extractor.Extractor, "group", group)
    return done


@pytest.mark.parametrize("stop_at", [1, 5])
def test_stopped_work_goes_on_to_the_same_bytes(tmp_path, monkeypatch, whole, stop_at):
    with monkeypatch.context() as patched:
        counted(patched, stop_at)
        with pytest.raises(KeyboardInterrupt):
            demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "data")
    assert not (tmp_path / "data").exists()
    done = counted(monkeypatch)
    demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "data")
    groups = {spoken.group for spoken in demo.read().recordings}
    assert len(done) == len(groups) - stop_at
    assert demo.contents(tmp_path / "data") == whole
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.slow
def test_killed_in_the_middle_of_a_file_goes_on_to_the_same_bytes(tmp_path):
    make = (
        "import amh_tf, os, signal, sys\n"
        "from amh_tf.extraction import work_folder\n"
        "from tests.extraction import demo, test_continuing\n"
        "{fault}"
        "demo.write(demo.read(), test_continuing.SOUND_AND_WORDS, sys.argv[1])\n"
    )
    dying = (
        "left, encode = [4], work_folder._encode\n"
        "def dying(made):\n"
        "    left[0] -= 1\n"
        "    return os.kill(os.getpid(), signal.SIGKILL) if not left[0] else encode(made)\n"
        "work_folder._encode = dying\n"
    )
    ends = {}
    for name, fault in (("whole", ""), ("data", dying), ("data again", "")):
        folder = tmp_path / name.split()[0]
        ends[name] = commands.run("-c", make.format(fault=fault), folder)
        if fault:
            work = folder.with_name("data.work")
            assert list(work.glob("*.tfrecord")) and list(work.glob(".*partial*"))
    assert ends["data"].returncode == -signal.SIGKILL, ends["data"].stderr
    assert ends["data again"].returncode == 0, ends["data again"].stderr
    assert demo.contents(tmp_path / "data") == demo.contents(tmp_path / "whole")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path, data: path.write_bytes(data[: len(data) // 2]),
        lambda path, data: path.write_bytes(data[:-1000] + b"\1" + data[-999:]),
        lambda path, data: path.write_bytes(b""),
        lambda path, data: path.write_bytes(b"{}" * 100),
    ],
)
def test_damaged_file_of_a_group_is_made_again(tmp_path, monkeypatch, whole, damage):
    demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "data", keep_work=True)
    for path in (tmp_path / "data").iterdir():
        path.unlink()
    victim = sorted((tmp_path / "data.work").glob("*.tfrecord"))[2]
    damage(victim, victim.read_bytes())
    done = counted(monkeypatch)
    demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "data")
    assert len(done) == 1
    assert demo.contents(tmp_path / "data") == whole


def lines_of_text(tmp_path, count=1300, sound_at=()):
    """Reads a table of text, some lines of which have a file of sound."""
    rows = [
        f"u{i:04d},{'low' if i % 2 else 'high'},word{i % 50} again,"
        f"{f'{i}.wav' if i in sound_at else ''},{('train', 'dev', 'test')[i % 3]}"
        for i in range(count)
    ]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["id,label,transcript,audio,split", *rows]) + "\n")
    return table.read(path)


def test_lines_of_text_cost_no_file_and_no_pipeline_each(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("a pipeline for one file takes longer than all that it holds")

    monkeypatch.setattr(tf.data, "TFRecordDataset", refuse)
    monkeypatch.setattr(files, "sync", counting := Counting())
    corpus, words = lines_of_text(tmp_path), settings.Settings(modalities=("text",))
    written = from_recordings.write(corpus, words, tmp_path / "data", keep_work=True)
    assert len(list((tmp_path / "data.work").glob("*.tfrecord"))) == 3
    assert counting.number < 40
    held = [shard.records for shard in written.shards]
    assert sum(held) == 1300
    ids = [
        row.split(",")[0]
        for row in (tmp_path / "data" / "utterances.csv").read_text().splitlines()[1:]
    ]
    assert ids == [f"u{i:04d}" for i in range(1300)]


class Counting:
    """Counts its calls."""

    number = 0

    def __call__(self, path):
        self.number += 1


@pytest.mark.parametrize("sound_at", [(), (0,), (5, 6, 700), range(0, 1300, 2)])
def test_stopped_text_goes_on_to_the_same_bytes(tmp_path, monkeypatch, sound_at):
    """Lines with and without a file, in any order."""
    chosen = SOUND_AND_WORDS if sound_at else settings.Settings(modalities=("text",))
    count = 40 if len(sound_at) > 3 else 1300
    monkeypatch.setattr(reading, "sound", lambda *_: np.ones(800, np.float32))
    corpus = lines_of_text(tmp_path, count, sound_at)
    whole = from_recordings.write(corpus, chosen, tmp_path / "whole").folder
    with monkeypatch.context() as patched:
        counted(patched, stop_at=2)
        with pytest.raises(KeyboardInterrupt):
            from_recordings.write(corpus, chosen, tmp_path / "data")
    assert len(list((tmp_path / "data.work").glob("*.tfrecord"))) == 2
    done = counted(monkeypatch)
    from_recordings.write(corpus, chosen, tmp_path / "data")
    assert done
    assert demo.contents(tmp_path / "data") == demo.contents(whole)


def test_kept_work_is_swept(tmp_path):
    demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "data", keep_work=True)
    for path in (tmp_path / "data").iterdir():
        path.unlink()
    left = tmp_path / "data.work" / ".123.partial.00001-abc.tfrecord"
    left.write_bytes(b"half")
    demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "data", keep_work=True)
    assert not left.exists()


def test_finished_data_set_is_left_alone(tmp_path, monkeypatch):
    demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "data")
    before = (tmp_path / "data" / "dataset.json").stat().st_mtime_ns
    done = counted(monkeypatch)
    demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "data")
    assert not done
    assert (tmp_path / "data" / "dataset.json").stat().st_mtime_ns == before
    other = settings.Settings(modalities=("audio", "text"), use_energy=True)
    with pytest.raises(ValueError, match="already holds another data set"):
        demo.write(demo.read(), other, tmp_path / "data")


def test_work_that_was_begun_with_other_settings_is_refused(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        counted(patched, stop_at=1)
        with pytest.raises(KeyboardInterrupt):
            demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "data")
    other = settings.Settings(modalities=("audio", "text"), use_energy=True)
    with pytest.raises(ValueError, match=r"audio was .*False.*now .*True.*--output_dir"):
        demo.write(demo.read(), other, tmp_path / "data")


def test_other_files_are_never_touched(tmp_path):
    (tmp_path / "data.work").mkdir()
    (tmp_path / "data.work" / "thesis.tex").write_text("ten years of work")
    with pytest.raises(ValueError, match="not a folder that holds an extraction"):
        demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "data")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("ten years of work")
    with pytest.raises(ValueError, match=r"cannot be written to.*--output_dir"):
        demo.write(demo.read(), SOUND_AND_WORDS, tmp_path / "full")
    assert (tmp_path / "data.work" / "thesis.tex").exists()


def test_protocols_are_refused_before_any_work(tmp_path):
    with pytest.raises(ValueError, match="--num_folds"):
        from_recordings.write(
            demo.read(), SOUND_AND_WORDS, tmp_path / "data", protocols=["random"], num_folds=8
        )
    assert list(tmp_path.iterdir()) == []


def test_groups_depend_on_content_and_not_on_place(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(demo.KEPT, copy)

    def keys(folder, chosen=SOUND_AND_WORDS, fingerprint="a"):
        planned = work_folder.plan(
            demo.read(folder), chosen, fingerprint, from_recordings.progress.bar
        )
        return [group.key for group in planned]

    before = keys(demo.KEPT)
    assert len(set(before)) == len(before) == 8
    assert keys(copy) == before
    assert not set(keys(copy, fingerprint="b")) & set(before)
    (wav,) = copy.glob("Session5/sentences/wav/*/Ses05F_impro01_M000.wav")
    data = bytearray(wav.read_bytes())
    data[-1] ^= 1
    wav.write_bytes(data)
    (film,) = copy.glob("Session4/dialog/avi/DivX/Ses04F_impro01.avi")
    film.unlink()  # not read without video
    changed = [old != new for old, new in zip(before, keys(copy), strict=True)]
    assert changed == [False] * 6 + [True, False]
