"""Data sets fetched into the cache, from a server on 127.0.0.1 that can be made to misbehave."""

import datetime
import json
import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest

from amh_tf.auditing import audit_subject
from amh_tf.data import folds, manifest, pipeline, verification
from amh_tf.storage import cache, stores
from tests.storage.conftest import URL

TABLES = ["vocabulary.txt", "embedding.npy", "word_counts.npy", "utterances.csv", "moments.npy"]


def fetch(url=URL):
    loaded = manifest.load(url)
    cache.fetch(loaded, loaded.shards)
    return loaded


def fetched(tmp_path, url=URL):
    """Returns the files of a data set in the cache by name, those of the cache itself left out."""
    found = [p for p in (tmp_path / "cache").rglob("*") if p.is_file() and p.name != ".lock"]
    return {path.name: path for path in found}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read(loaded):
    batches = pipeline.batches(folds.choose(loaded), "train", 4, with_ids=True)
    return [[array.numpy() for array in (*inputs.values(), *rest)] for inputs, *rest in batches]


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_fetched_set_is_the_folder(store, written, scheme):
    loaded = manifest.load(f"{scheme}://bucket/set/")
    assert loaded.to_json() == written.to_json()
    assert loaded.location == f"{scheme}://bucket/set"
    assert not any(loaded.path(shard.file).exists() for shard in loaded.shards)
    for batch, expected in zip(read(loaded), read(written), strict=True):
        for array, wanted in zip(batch, expected, strict=True):
            np.testing.assert_array_equal(array, wanted)
    cache.fetch(loaded, loaded.shards)
    assert contents(loaded.folder) == contents(written.folder)
    assert sorted(store.requests) == sorted(
        {(f"bucket/set/{n}", 0) for n in contents(loaded.folder)}
    )
    # From now on it is the folder: the manifest alone is asked for.
    store.requests.clear()
    assert len(read(fetch(f"{scheme}://bucket/set"))) == len(read(written))
    assert store.requests == [("bucket/set/dataset.json", 0)]


def test_other_content_has_a_folder_of_its_own(store):
    first = fetch()
    path = store.folder / "bucket/set/dataset.json"
    path.write_text(path.read_text() + "\n")
    second = fetch()
    assert first.folder != second.folder and first.folder.parent == second.folder.parent


def test_manifest_goes_to_other_processes(store):
    loaded = fetch()
    assert pickle.loads(pickle.dumps(loaded)) == loaded
    assert loaded.origin.url == URL and loaded.origin.cache.root == loaded.folder.parent


def test_audit_and_verification_read_the_whole_set(store, written):
    assert list(verification.verify(URL)) == []
    subject = audit_subject.of_folder(manifest.load(URL))
    assert len(subject.ids) == sum(shard.records for shard in written.shards)


def test_former_versions_tables_are_fetched_at_every_start(store):
    path = store.folder / "bucket/set/dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "digests": None}))
    assert fetch().digests is None
    vectors = np.load(store.folder / "bucket/set/embedding.npy") * 2
    np.save(store.folder / "bucket/set/embedding.npy", vectors)
    store.requests.clear()
    np.testing.assert_array_equal(fetch().embedding(), vectors)
    assert sorted(store.requests) == sorted(
        (f"bucket/set/{name}", 0) for name in ["dataset.json", *TABLES]
    )


def flip(data):
    return data[:100] + bytes([data[100] ^ 1]) + data[101:]


def cut(data):
    return data[:-10]


DAMAGES = {"flipped": flip, "cut": cut, "longer": lambda data: data + b"x", "gone": None}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["shard", "vectors"])
def test_damage_is_refused_by_name_and_not_kept(store, written, tmp_path, damage, kind):
    name = written.shards[1].file if kind == "shard" else "embedding.npy"
    path = store.folder / "bucket/set" / name
    good, change = path.read_bytes(), DAMAGES[damage]
    path.unlink()
    if change is not None:
        path.write_bytes(change(good))
    with pytest.raises(ValueError) as caught:
        loaded = manifest.load(URL)
        for split in ("train", "dev", "test"):
            folds.choose(loaded).check_split(split)
    expected = {"gone": "no such file", "flipped": "SHA-256"}.get(damage, "bytes, not")
    if kind == "vectors" and damage in ("cut", "longer"):
        expected = "SHA-256"  # their size is not said
    assert f"'{URL}/{name}': " in str(caught.value) and expected in str(caught.value)
    assert "Copy the data set to the store again." in str(caught.value)
    names = fetched(tmp_path)
    assert "dataset.json" in names and not [found for found in names if name in found]
    # Mended, the same command goes on.
    path.write_bytes(good)
    assert contents(fetch().folder) == contents(written.folder)


def test_verification_lists_every_damaged_shard(store, written):
    for shard, change in zip(written.shards, (flip, cut, flip)):
        path = store.folder / "bucket/set" / shard.file
        path.write_bytes(change(path.read_bytes()))
    named = [str(fault.path) for fault in verification.verify(URL)]
    assert named[:3] == [f"{URL}/{shard.file}" for shard in written.shards[:3]]


HOSTILE = {
    "path": {"vocabulary_file": "../escaped"},
    "absolute": {"vocabulary_file": "/tmp/escaped"},
    "hidden": {"vocabulary_file": ".lock"},
    "manifest": {"vocabulary_file": "dataset.json"},
    "partial": {"vocabulary_file": ".x.tfrecord.partial."},
    "folder": {"folder": "/tmp/escaped"},
    "origin": {"origin": {"url": "s3://x/y"}},
    "vectors": {"embedding_file": "..\x00"},
    "long": {"embedding_file": "x" * 250},
    "large": {},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_nothing_is_written_outside_of_the_cache(store, tmp_path, case):
    path = store.folder / "bucket/set/dataset.json"
    fields = {**json.loads(path.read_text()), **HOSTILE[case]}
    for name in HOSTILE[case].values():
        fields["digests"] = {**fields["digests"], **({name: "0" * 64} if type(name) is str else {})}
    if case == "large":
        fields["shards"][0]["bytes"] = 10**18
    path.write_text(json.dumps(fields))
    (store.folder / "bucket" / "escaped").write_text("secret " * 100)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=r"no room|cannot be read|damaged"):
        fetch()
    added = set(tmp_path.rglob("*")) - set(before)
    assert all((tmp_path / "cache") in (new, *new.parents) for new in added)
    assert not [new for new in added if new.name == "escaped"]


def half_fetched(loaded, shard, content):
    partial = loaded.folder / f".{shard.file}.partial."
    partial.write_bytes(content)
    return partial


@pytest.mark.parametrize("left", ["half", "all", "other", "too much", "nothing"])
def test_half_fetched_shard_is_gone_on_with(store, written, left):
    loaded, shard = manifest.load(URL), written.shards[0]
    good = written.path(shard.file).read_bytes()
    half = len(good) // 2
    content = {"half": good[:half], "all": good, "nothing": b""}.get(left, b"\0" * half)
    partial = half_fetched(loaded, shard, content if left != "too much" else good + b"x")
    store.requests.clear()
    cache.fetch(loaded, [shard])
    starts = {"half": [half], "all": [], "other": [half, 0], "too much": [0], "nothing": [0]}[left]
    assert store.requests == [(f"bucket/set/{shard.file}", start) for start in starts]
    assert loaded.path(shard.file).read_bytes() == good and not partial.exists()


def test_store_that_falls_silent_is_not_waited_for_long(store, written, impatient):
    loaded, shard = manifest.load(URL), written.shards[0]
    store.bytes_before_silence = shard.bytes // 2
    start = time.monotonic()
    with pytest.raises(OSError, match=rf"{URL}/{shard.file}.*cannot be read.*store that answers"):
        cache.fetch(loaded, [shard])
    assert time.monotonic() - start < 30
    assert not loaded.path(shard.file).exists()
    store.bytes_before_silence = None
    store.requests.clear()
    cache.fetch(loaded, [shard])
    assert [start > 0 for _, start in store.requests] == [True]  # with what had come
    assert loaded.path(shard.file).read_bytes() == written.path(shard.file).read_bytes()


def test_silent_store_can_be_stopped_at_once(store, written, monkeypatch):
    monkeypatch.setattr(stores, "SILENCE", datetime.timedelta(seconds=60))
    loaded = manifest.load(URL)
    store.bytes_before_silence = 0

    def stop():
        store.silence.wait()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=stop).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        cache.fetch(loaded, loaded.shards)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("environment", [{"S3_ENDPOINT": "http://127.0.0.1:1"}, None])
def test_store_that_cannot_be_reached_is_not_a_missing_file(
    store, monkeypatch, impatient, environment
):
    if environment is None:
        store.bytes_before_silence = 0
    else:
        monkeypatch.setenv("S3_ENDPOINT", environment["S3_ENDPOINT"])
    with pytest.raises(OSError, match=r"s3://bucket/set/dataset.json.*cannot be read"):
        manifest.load(URL)


def test_credentials_that_expire_stop_it_and_it_goes_on(store, written):
    loaded = manifest.load(URL)
    store.valid_requests = len(store.requests) + 2
    with pytest.raises(OSError, match=r"cannot be read.*ExpiredToken.*same command"):
        cache.fetch(loaded, loaded.shards)
    there = [shard for shard in written.shards if loaded.path(shard.file).exists()]
    store.valid_requests = float("inf")
    store.requests.clear()
    cache.fetch(loaded, loaded.shards)
    asked = {name.rpartition("/")[2] for name, _ in store.requests}
    assert asked and not asked & {shard.file for shard in there}
    assert contents(loaded.folder) == contents(written.folder)
