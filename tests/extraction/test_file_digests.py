"""Files are read once, and again as soon as anything about them has changed."""

import hashlib
import os

import pytest

from amh_tf.extraction import file_digests


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """Two files that nobody has written to for long, and a list of those that are hashed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(file_digests, "_SETTLED", -(10**12))
    read, original = [], hashlib.file_digest

    def counted(file, name):
        read.append(os.path.basename(file.name))
        return original(file, name)

    monkeypatch.setattr(file_digests.hashlib, "file_digest", counted)
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths, read


def digests(paths, name="set"):
    with file_digests.remembered(name) as digest:
        return [digest(path) for path in paths]


def test_unchanged_files_are_not_read_again(corpus):
    paths, read = corpus
    expected = [hashlib.sha256(path.name.encode()).hexdigest() for path in paths]
    assert digests([*paths, *paths]) == [*expected, *expected]
    assert digests(paths) == expected
    assert read == ["a.wav", "b.wav"]
    assert digests(paths, "other set") == expected
    assert read == ["a.wav", "b.wav"] * 2


def test_nothing_is_remembered_without_a_name(corpus):
    paths, read = corpus
    assert digests(paths, "") == digests(paths, "")
    assert len(read) == 4


def test_same_size_and_time_do_not_hide_a_change(corpus):
    paths, read = corpus
    before = digests(paths)
    stamp = paths[0].stat()
    paths[0].write_bytes(b"A.wav")
    os.utime(paths[0], ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    after = digests(paths)
    assert after == [hashlib.sha256(b"A.wav").hexdigest(), before[1]]
    assert read == ["a.wav", "b.wav", "a.wav"]


def test_file_that_was_just_written_is_read_again(corpus, monkeypatch):
    paths, read = corpus
    monkeypatch.setattr(file_digests, "_SETTLED", 10**12)
    assert digests(paths) == digests(paths)
    assert len(read) == 4


@pytest.mark.parametrize(
    "content", ["", "[1]", "{", "[" * 100_000, '{"a.wav": 7}', '{"a.wav": [[1], "x"]}']
)
def test_damaged_memory_is_not_believed(corpus, tmp_path, content):
    paths, _ = corpus
    before = digests(paths)
    (memory,) = (tmp_path / "cache" / "amh_tf" / "digests").iterdir()
    memory.write_text(content.replace("a.wav", str(paths[0])))
    assert digests(paths) == before


def test_cache_that_cannot_be_written_costs_time_alone(corpus, tmp_path):
    paths, read = corpus
    (tmp_path / "cache").write_text("a file, not a folder")
    assert digests(paths) == digests(paths)
    assert len(read) == 4


def test_missing_file_is_named_by_its_error(corpus, tmp_path):
    assert digests([tmp_path / "nothing.wav"]) == ["FileNotFoundError"]


def test_only_the_newest_sets_are_remembered(corpus, tmp_path, monkeypatch):
    paths, _ = corpus
    monkeypatch.setattr(file_digests, "_MOST_SETS", 2)
    for name in "abc":
        digests(paths, name)
    assert len(list((tmp_path / "cache" / "amh_tf" / "digests").iterdir())) == 2
