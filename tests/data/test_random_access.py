"""Reading records where they lie: what is not said in `test_pipeline`."""

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.data import folds, integrity, pipeline, random_access, writer
from amh_tf.storage import faults
from tests import commands

# A pipeline that is still open, and reading ahead, when the process ends.
OPEN_AT_EXIT = """
import sys
from amh_tf.data import folds, manifest, pipeline
fold = folds.choose(manifest.load(sys.argv[1]))
batches = iter(pipeline.batches(fold, "train", 4, seed=1, epochs=16))
next(batches)
sys.exit(7)
"""


def test_process_ends_while_a_pipeline_reads_ahead(tiny_data):
    done = commands.run("-c", OPEN_AT_EXIT, tiny_data.folder)
    assert (done.returncode, done.stderr.count("Traceback")) == (7, 0)


@pytest.fixture
def fold(tiny_source, tmp_path):
    return folds.choose(writer.write(tiny_source, tmp_path / "data", records_per_shard=13))


def path_of(fold, number):
    return fold.manifest.path(fold.select("train")[number].file)


def test_damaged_record_is_named(fold):
    source = pipeline.open_split(fold, "train")
    path = path_of(fold, 1)
    start, end = records_of(path)[2]
    content = bytearray(path.read_bytes())
    content[(start + end) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(faults.Fault) as error:
        source.read(np.arange(10, 20))
    assert (error.value.path, error.value.record, error.value.offset) == (str(path), 2, start)


def records_of(path):
    """Lists where each record of a shard starts and ends, by TensorFlow's reader."""
    spans, at = [], 0
    for payload in tf.data.TFRecordDataset(str(path)):
        spans.append((at, at + len(payload.numpy()) + 16))
        at = spans[-1][1]
    return spans


@pytest.mark.parametrize("change", ["cut", "delete"])
def test_shard_that_changes_while_it_is_read_is_named(fold, change):
    batches = pipeline.batches(fold, "train", 4)
    path = path_of(fold, 2)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    with (
        pytest.raises(ValueError, match=path.name),
        integrity.naming_damage(fold, ("train",)),
    ):
        list(batches)


def test_batches_are_handed_over_without_a_copy():
    made = []

    def read():
        made.append(random_access._aligned((128, 5, 7), np.dtype("float16")))
        made[-1][:] = len(made)
        return made[-1]

    dataset = tf.data.Dataset.range(6).map(lambda _: tf.numpy_function(read, [], tf.float16))
    for number, batch in enumerate(dataset):
        # `numpy` copies, a view does not.
        assert np.asarray(memoryview(batch)).ctypes.data == made[number].ctypes.data
        np.testing.assert_array_equal(batch, np.full((128, 5, 7), number + 1))


@pytest.mark.parametrize("missing", ["preadv", "c"])
def test_where_it_cannot_be_had_shards_are_streamed(fold, missing, monkeypatch):
    if missing == "preadv":
        monkeypatch.delattr(random_access.os, "preadv")
    else:
        monkeypatch.setattr(random_access.google_crc32c, "implementation", "python")
    assert not random_access.is_available()
    source = pipeline.open_split(fold, "train")
    assert not isinstance(source, random_access.RandomAccess)
    assert sum(len(label) for _, label in pipeline.batches(fold, "train", 7)) == 40
