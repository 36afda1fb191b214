"""The cache's folders: several readers, kills, full disks, and folders of others."""

import concurrent.futures
import dataclasses
import os
import resource
import shutil
import signal
import sys

import pytest

from amh_tf.corpora import planted
from amh_tf.data import manifest, writer
from amh_tf.storage import cache, cache_folders
from tests import commands
from tests.storage.conftest import URL
from tests.storage.test_cache import contents, fetch, fetched, half_fetched


def test_readers_that_start_together_fetch_once(store, written, capfd):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        folders = {loaded.folder for loaded in pool.map(fetch, [URL] * 4)}
    assert len(folders) == 1
    assert contents(folders.pop()) == contents(written.folder)
    asked = [name for name, _ in store.requests if not name.endswith("dataset.json")]
    assert len(asked) == len(set(asked)) == len(contents(written.folder)) - 1


def test_killed_fetch_goes_on(written, store, tmp_path):
    """A process is killed while a shard comes; the next takes what it has left."""
    source = planted.read(5, {"train": 40, "dev": 2, "test": 2})
    large = writer.write(source, store.folder / "bucket" / "large")
    [shard] = [shard for shard in large.shards if shard.file.startswith("train")]
    store.bytes_before_silence = sum(p.stat().st_size for p in large.folder.iterdir()) - 5000
    assert shard.bytes > 3 << 20
    code = "import os, pathlib, sys; from amh_tf.data import manifest; "
    code += "from amh_tf.storage import cache; "
    code += "pathlib.Path(sys.argv[1] + '/pid').write_text(str(os.getpid())); "
    code += "cache.use(sys.argv[1] + '/cache'); m = manifest.load('s3://bucket/large'); "
    code += "cache.fetch(m, m.shards)"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(commands.run, "-c", code, tmp_path)
        assert store.silence.wait(60)
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        assert running.result().returncode == -signal.SIGKILL
    left = fetched(tmp_path)[f".{shard.file}.partial."].stat().st_size
    assert shard.file not in fetched(tmp_path) and left > 1 << 20
    store.bytes_before_silence = None
    store.requests.clear()
    loaded = fetch("s3://bucket/large")
    assert (f"bucket/large/{shard.file}", left) in store.requests
    assert contents(loaded.folder) == contents(large.folder)


def test_full_disk_is_said_and_gone_on_with(store, written, monkeypatch):
    loaded, shard = manifest.load(URL), written.shards[0]
    usage = shutil.disk_usage("/")
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
        with pytest.raises(ValueError, match=r"has no room.*--cache_dir"):
            cache.fetch(loaded, [shard])
    # One that another program fills meanwhile.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (shard.bytes // 2, hard))
    try:
        with pytest.raises(OSError, match=rf"{shard.file}.*cannot be written.*room"):
            cache.fetch(loaded, [shard])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not loaded.path(shard.file).exists()
    cache.fetch(loaded, [shard])
    assert loaded.path(shard.file).read_bytes() == written.path(shard.file).read_bytes()


def test_longest_unused_sets_make_room(store, written, tmp_path):
    size = sum(path.stat().st_size for path in written.folder.iterdir())
    for name in "abcd":
        shutil.copytree(written.folder, store.folder / "bucket" / name)
    cache.use(str(tmp_path / "cache"), 3.5 * size / 1e9)
    folders = {}
    for age, name in enumerate("abc"):
        folders[name] = fetch(f"s3://bucket/{name}").folder
        os.utime(folders[name], (age, age))
    cache_folders.release()
    fetch("s3://bucket/a")  # which is the newest now, and in use
    folders["d"] = fetch("s3://bucket/d").folder
    assert {name for name, folder in folders.items() if folder.exists()} == set("acd")
    # Of those in use none goes.
    fetch("s3://bucket/c")
    with pytest.raises(ValueError, match=r"has no room.*in use.*--cache_gigabytes"):
        fetch("s3://bucket/b")
    assert all(folders[name].exists() for name in "acd")
    cache_folders.release()
    cache.use(str(tmp_path / "cache"), size / 2 / 1e9)
    with pytest.raises(ValueError, match="has no room"):
        fetch("s3://bucket/b")


def test_set_that_was_deleted_meanwhile_is_fetched_again(store, written):
    loaded = fetch()
    shutil.rmtree(loaded.folder)
    cache.fetch(loaded, loaded.shards)
    assert {shard.file for shard in written.shards} <= set(contents(loaded.folder))


@pytest.mark.parametrize("what", ["root", "set"])
@pytest.mark.parametrize("how", ["owner", "writable", "link", "file"])
def test_cache_of_others_is_refused(store, tmp_path, what, how):
    folder = fetch().folder
    cache_folders.release()
    path = folder if what == "set" else folder.parent
    elsewhere = tmp_path / "elsewhere"
    if how == "owner":
        if os.geteuid():
            pytest.skip("needs root, who alone can give a folder away")
        os.chown(path, 12345, 12345)
    elif how == "writable":
        path.chmod(0o777)
    elif how == "link":
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
        for file in elsewhere.rglob("*.tfrecord"):
            file.unlink()
    else:
        shutil.rmtree(path)
        path.write_text("")
    before = sorted(elsewhere.rglob("*"))
    with pytest.raises(ValueError, match=r"cannot be used.*your own.*--cache_dir"):
        fetch()
    assert sorted(elsewhere.rglob("*")) == before


def test_links_in_the_cache_are_not_written_through(store, written, tmp_path):
    loaded, (first, second, *_) = manifest.load(URL), written.shards
    target = tmp_path / "precious"
    target.write_text("precious")
    loaded.path(first.file).symlink_to(target)
    (loaded.folder / f".{second.file}.partial.").symlink_to(target)
    cache.fetch(loaded, [first])
    assert not loaded.path(first.file).is_symlink()
    with pytest.raises(OSError):
        cache.fetch(loaded, [second])
    assert target.read_text() == "precious"


def test_cache_that_may_not_be_written_is_refused(store, tmp_path):
    (tmp_path / "file").write_text("")
    cache.use(str(tmp_path / "file"))
    with pytest.raises(ValueError, match=r"cannot be used.*--cache_dir"):
        manifest.load(URL)


def test_missing_client_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ImportError, match=rf"{URL}.*obstore.*pip install"):
        manifest.load(URL)


def test_hadoop_file_systems_are_read_through_tensorflow(store, written, monkeypatch):
    """TensorFlow's own ram:// stands for hdfs://, which needs a cluster."""
    tf = pytest.importorskip("tensorflow")
    pytest.importorskip("tensorflow_io")
    monkeypatch.setattr("amh_tf.locations.SCHEMES", ("ram",))
    monkeypatch.setattr("amh_tf.locations.HADOOP", ("ram",))
    with pytest.raises(ValueError, match="is not a data folder"):
        manifest.load("ram://set")
    for name, content in contents(written.folder).items():
        with tf.io.gfile.GFile(f"ram://set/{name}", "wb") as file:
            file.write(content)
    loaded = manifest.load("ram://set")
    half_fetched(loaded, written.shards[0], written.path(written.shards[0].file).read_bytes()[:99])
    cache.fetch(loaded, loaded.shards)
    assert contents(loaded.folder) == contents(written.folder)
    assert dataclasses.replace(loaded, folder=written.folder, origin=None) == written


def test_hadoop_without_its_library_is_said(monkeypatch):
    pytest.importorskip("tensorflow_io")
    monkeypatch.delenv("HADOOP_HDFS_HOME", raising=False)
    with pytest.raises(ValueError, match=r"libhdfs"):
        manifest.load("hdfs://127.0.0.1:1/set")
