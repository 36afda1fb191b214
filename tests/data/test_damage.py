"""Damaged data sets: every one is found before or while it is read, and named."""

import dataclasses
import json
import os
import random
import shutil
import struct
import time
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import tensorflow as tf

from amh_tf.data import folds, framing, integrity, manifest, pipeline, verification, writer
from amh_tf.storage import faults
from tests import conftest
from tests.data import damages

PLACES = {
    "train-00000-of-00002.tfrecord": "train",
    "train-00001-of-00002.tfrecord": "train",
    "test-00000-of-00001.tfrecord": "test",
}


def write(folder, **settings):
    source = conftest.compact_source(42)
    splits = ["train"] * 24 + ["dev"] * 8 + ["test"] * 10
    index = tuple(
        dataclasses.replace(entry, splits=(split,)) for entry, split in zip(source.index, splits)
    )
    given = dataclasses.replace(source, index=index)
    return writer.write(given, folder, records_per_shard=12, **settings)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "set"
    write(folder, protocols=["given"])
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "set")


def read(folder, split, verify="sizes"):
    """Reads a split as training does; returns the number of utterances."""
    fold = folds.choose(manifest.load(folder), verify=verify)
    with integrity.naming_damage(fold, (split,)):
        return sum(len(label) for _, label in pipeline.batches(fold, split, 4))


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("kind", damages.DAMAGES)
def test_damage_is_found_and_named(folder, kind, name):
    damage, found = damages.DAMAGES[kind]
    record = damage(folder, name, random.Random(f"{kind} {name}"))
    listed = list(verification.verify(folder))
    assert [f for f in listed if f.path.name == name and record in (None, f.record)]
    assert {fault.path.name for fault in listed} == {name}
    started = time.monotonic()
    with pytest.raises(ValueError, match=name) as error:
        read(folder, PLACES[name], "full" if found == damages.FULL else "sizes")
    assert time.monotonic() - started < 10
    if record is not None and found != damages.FULL:
        assert f"record {record} at byte " in str(error.value)
    if found == damages.QUICKLY:
        with pytest.raises(ValueError, match=name):
            folds.choose(manifest.load(folder)).check_split(PLACES[name])


def test_whole_set_has_no_fault(whole, tmp_path):
    assert list(verification.verify(whole)) == []
    assert [read(whole, split, "full") for split in ("train", "dev", "test")] == [24, 8, 10]
    write(tmp_path / "folds", protocols=["speaker"])
    assert list(verification.verify(tmp_path / "folds")) == []


@pytest.mark.parametrize("change", ["delete", "exchange", "forge"])
def test_shard_changed_between_epochs_is_named(folder, change):
    fold = folds.choose(manifest.load(folder))
    name = "train-00001-of-00002.tfrecord"
    epochs = [
        lambda: None,
        {
            "delete": lambda: (folder / name).unlink(),
            "exchange": lambda: damages.DAMAGES["records exchanged"][0](folder, name, None),
            "forge": lambda: damages.DAMAGES["not a number"][0](folder, name, random.Random(1)),
        }[change],
    ]
    epochs[0]()
    assert sum(1 for _ in pipeline.batches(fold, "train", 4, seed=1)) == 6
    epochs[1]()
    with pytest.raises(ValueError, match=name):
        pipeline.batches(fold, "train", 4, seed=1, epoch=1)


def test_shard_deleted_while_it_is_read_is_named(folder):
    fold = folds.choose(manifest.load(folder))
    name = "train-00001-of-00002.tfrecord"
    batches = pipeline.batches(fold, "train", 4)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=name), integrity.naming_damage(fold, ("train",)):
        for _ in batches:
            pass


def test_other_errors_stay_as_they_are(whole):
    fold = folds.choose(manifest.load(whole))
    with pytest.raises(tf.errors.AbortedError), integrity.naming_damage(fold, ("train",)):
        raise tf.errors.AbortedError(None, None, "something else")


def test_every_fault_is_listed(folder):
    rng = random.Random(3)
    for name, kind in zip(PLACES, ("byte of a payload", "cut inside a payload", "missing")):
        damages.DAMAGES[kind][0](folder, name, rng)
    (folder / "vocabulary.txt").write_text("word0\nword1\nword0\n")
    embedding = np.load(folder / "embedding.npy")
    embedding[3, 1] = np.nan
    np.save(folder / "embedding.npy", embedding)
    listed = [str(fault) for fault in verification.verify(folder)]
    for name in (*PLACES, "embedding.npy", "vocabulary.txt"):
        assert [text for text in listed if name in text]
    assert [text for text in listed if "3 words, not 13" in text]
    assert [text for text in listed if "line 3: 'word0' is in line 1, too" in text]
    assert [text for text in listed if "row 3 is not finite" in text]


def test_repeated_id_and_wrong_word_counts_are_listed(tmp_path):
    written = write(tmp_path / "set", protocols=["speaker"])
    counts = np.load(tmp_path / "set" / "word_counts.npy")
    counts[1, 5] += 1
    np.save(tmp_path / "set" / "word_counts.npy", counts)
    first, second = written.shards[:2]
    data = (tmp_path / "set" / first.file).read_bytes()
    (tmp_path / "set" / second.file).write_bytes(data)
    listed = [str(fault) for fault in verification.verify(tmp_path / "set")]
    assert [text for text in listed if second.file in text and f"is in {first.file}" in text]
    clean = write(tmp_path / "other", protocols=["speaker"])
    np.save(clean.folder / "word_counts.npy", counts)
    listed = [str(fault) for fault in verification.verify(clean.folder)]
    assert len(listed) == 1 and "word_counts.npy" in listed[0] and "uses word 5" in listed[0]


def _swap_lines(path):
    lines = path.read_text().splitlines(keepends=True)
    lines[2], lines[3] = lines[3], lines[2]
    path.write_text("".join(lines))


def _flip_bit(path):
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("vocabulary.txt", _swap_lines),
        ("embedding.npy", _flip_bit),
        ("word_counts.npy", Path.unlink),
        ("moments.npy", _flip_bit),
        ("utterances.csv", lambda p: p.write_text(p.read_text().replace("s0F", "s9F", 1))),
        ("notes.txt", lambda path: path.write_text("others")),
    ],
)
def test_changed_table_is_named_by_verification_and_by_full_training(tmp_path, name, change):
    source = conftest.compact_source(42)
    written = writer.write(
        source, tmp_path / "set", protocols=["session"], extra_files={"notes.txt": "ours"}
    )
    assert not list(verification.verify(written.folder))
    folds.choose(written, verify="full").check_split("train")
    change(written.folder / name)
    found = [fault.path.name for fault in verification.verify(written.folder)]
    assert found.count(name) == 1
    with pytest.raises(ValueError, match=rf"{name}"):
        folds.choose(written, verify="full").check_split("train")


def test_data_folder_without_digests_is_read(tmp_path):
    written = write(tmp_path / "set")
    path = written.folder / "dataset.json"
    fields = json.loads(path.read_text())
    assert set(fields.pop("digests")) >= {"vocabulary.txt", "utterances.csv", "moments.npy"}
    path.write_text(json.dumps(fields))
    assert not list(verification.verify(written.folder))


@pytest.mark.parametrize(
    "digests", [[], {"../x": "0" * 64}, {"vocabulary.txt": 5}, {"vocabulary.txt": "Z" * 64}, {}]
)
def test_forged_digests_are_refused(tmp_path, digests):
    written = write(tmp_path / "set")
    path = written.folder / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "digests": digests}))
    with pytest.raises(ValueError, match=r"dataset\.json.*cannot be read"):
        manifest.load(written.folder)


def test_length_beyond_the_file_is_not_believed(tmp_path):
    length = struct.pack("<Q", 1 << 60)
    crc = google_crc32c.value(length)
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    path = tmp_path / "bomb.tfrecord"
    path.write_bytes(length + struct.pack("<I", masked) + b"x" * 50)
    with open(path, "rb") as file, pytest.raises(faults.Fault, match=r"record 0 at byte 0.*early"):
        list(framing.walk(file, path))


def test_vocabulary_smaller_than_declared_is_refused(folder):
    fields = json.loads((folder / "dataset.json").read_text())
    fields["vocabulary_size"] = 1 << 30
    (folder / "dataset.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"1073741824 words in \d+ bytes of vocabulary"):
        manifest.load(folder)


def test_unchanged_shards_are_walked_through_once(folder, monkeypatch):
    fold = folds.choose(manifest.load(folder))
    fold.check_split("train")
    monkeypatch.setattr(framing, "walk", None)
    fold.check_split("train")
    os.utime(folder / "train-00000-of-00002.tfrecord")
    with pytest.raises(TypeError):
        fold.check_split("train")
