"""A data set in a store, and a cache of its own for each test."""

import datetime
import shutil

import pytest

from amh_tf.data import writer
from amh_tf.storage import cache, cache_folders, stores
from tests import conftest, fake_store

URL = "s3://bucket/set"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    source = conftest.compact_source()
    return writer.write(source, tmp_path_factory.mktemp("here") / "set", 5, protocols=["session"])


@pytest.fixture
def store(written, tmp_path, monkeypatch):
    """A store with the data set, and an empty cache."""
    shutil.copytree(written.folder, tmp_path / "store" / "bucket" / "set")
    with fake_store.FakeStore(tmp_path / "store") as opened:
        for name, value in fake_store.environment(opened.address).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(stores, "PIECE_BYTES", 300)
        cache.use(str(tmp_path / "cache"))
        yield opened
    cache.use()
    cache_folders.release()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(stores, "SILENCE", datetime.timedelta(seconds=1))
    monkeypatch.setattr(stores, "PATIENCE", datetime.timedelta(seconds=2))
