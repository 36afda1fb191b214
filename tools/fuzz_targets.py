"""The parsers that `tools.fuzz` feeds, each with good files to begin with."""

import contextlib
import dataclasses
import hashlib
import io
import pickle

import numpy as np
import tensorflow as tf

from amh_tf import files, schema
from amh_tf.corpora import safe_pickle
from amh_tf.data import (
    folds,
    integrity,
    manifest,
    moments,
    random_access,
    records,
    verification,
    writer,
)
from amh_tf.storage import cache, cache_folders, stores
from tests import conftest
from tools import fuzz_run_targets, fuzz_source_targets, fuzz_target


def _data_folder(folder, records_per_shard=12):
    source = conftest.compact_source()
    return writer.write(source, folder / "data", records_per_shard, protocols=["session"])


def _manifest(folder):
    data = _data_folder(folder)

    def parse(path):
        loaded = manifest.load(path.parent)
        for protocol, described in loaded.protocols.items():
            for number in range(len(described["folds"])):
                fold = folds.choose(loaded, protocol, number)
                for split in schema.SPLITS:
                    fold.check_split(split)
                fold.known_words()
        loaded.embedding()
        verification.summary(loaded)

    path = data.path(manifest.FILE_NAME)
    # Damage in the manifest can make another file look wrong.
    return fuzz_target.of_file([path.read_bytes()], path, parse, True, (str(data.folder),))


class _Store:
    """What gives a forged manifest, the data set's files, and something for any other name."""

    def __init__(self, folder, forged):
        self._folder, self._forged = folder, forged

    def open(self, name, start=0):
        path = self._folder / name
        content = path.read_bytes() if path.is_file() else b"words\n" * 3
        content = self._forged if name == manifest.FILE_NAME else content
        return len(content), iter([content[start:]])


def _fetched(folder):
    data = _data_folder(folder)

    def parse(content):
        stores.connect = lambda _: _Store(data.folder, content)
        cache.use(str(folder / "cache"))
        try:
            loaded = manifest.load("s3://bucket/set")
            cache.fetch(loaded, loaded.shards)
        finally:
            cache_folders.release()
            # By whole paths, or the fuzz could not tell that nothing else goes.
            for path in sorted((folder / "cache").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()

    seed = data.path(manifest.FILE_NAME).read_bytes()
    return fuzz_target.Target([seed], parse, True, named=("s3://bucket/set", "cache"))


def _shard(folder):
    data = _data_folder(folder, 2)
    shard = data.shards[0]

    def parse(path):
        list(integrity.shard_faults(data, shard))
        integrity.check_shard(data, shard)

    path = data.path(shard.file)
    return fuzz_target.of_file([path.read_bytes()], path, parse)


def _record(folder):
    """Damages a record behind right checksums and a manifest that agrees, as a forger would."""
    data = _data_folder(folder, 1)
    shard = data.shards[0]
    path = data.path(shard.file)
    (seed,) = (raw.numpy() for raw in tf.data.TFRecordDataset(str(path)))

    def parse(payload):
        with tf.io.TFRecordWriter(str(path)) as file:
            file.write(payload)
        whole = path.read_bytes()
        forged = dataclasses.replace(
            shard, bytes=len(whole), sha256=hashlib.sha256(whole).hexdigest()
        )
        list(integrity.shard_faults(data, forged))
        entries = integrity.check_shard(data, forged, "full")
        random_access.RandomAccess(data, [forged], [entries]).read(np.arange(len(entries)))
        # While reading batches, `integrity.naming_damage` names the file.
        with contextlib.suppress(tf.errors.OpError, UnicodeDecodeError):
            for modality in schema.MODALITIES:
                records.lengths(tf.constant([payload]), modality)

    return fuzz_target.Target([seed], parse, named=(shard.file,))


def _tables(name):
    def target(folder):
        data = _data_folder(folder)

        def parse(path):
            # Faults are listed, not raised.
            for find in (verification._vocabulary_faults, verification._embedding_faults):
                list(find(data))
            list(
                verification._word_count_faults(
                    data, integrity.Findings(data.vocabulary_size), set()
                )
            )

        path = data.path(name)
        return fuzz_target.of_file([path.read_bytes()], path, parse, text=name.endswith("txt"))

    return target


def _speakers(name):
    """Damages what features are standardized by, and where it says whose they are."""

    def target(folder):
        data = _data_folder(folder)
        path = data.path(name)

        def parse(_):
            for modality in moments.MODALITIES:
                moments.of_cells(data, modality)

        # The two files are compared with each other.
        named = ("utterances.csv", "moments.npy")
        return fuzz_target.of_file([path.read_bytes()], path, parse, name.endswith("csv"), named)

    return target


def _dictionary(folder):
    words = {"_PAD_": 0, "_UNK_": 1, "naïve": 2, "x" * 300: 70_000}
    seeds = [pickle.dumps(words, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    return fuzz_target.of_file(seeds, folder / "dic.pkl", safe_pickle.read_dictionary)


def _array(folder):
    seeds = []
    for array in (np.zeros((3, 4), np.float32), np.arange(5), np.zeros((2, 3), "<U3", order="F")):
        file = io.BytesIO()
        np.save(file, array)
        seeds.append(file.getvalue())

    def checked(path):
        array = files.map_array(path)
        if array.nbytes > path.stat().st_size:
            raise AssertionError(f"{array.nbytes} bytes of {path.stat().st_size}")
        np.array(array)

    return fuzz_target.of_file(seeds, folder / "array.npy", checked)


TARGETS = {
    "manifest": _manifest,
    "fetched": _fetched,
    "shard": _shard,
    "record": _record,
    "vocabulary": _tables("vocabulary.txt"),
    "embedding": _tables("embedding.npy"),
    "word_counts": _tables("word_counts.npy"),
    "utterances": _speakers("utterances.csv"),
    "moments": _speakers("moments.npy"),
    "array": _array,
    "dictionary": _dictionary,
    **fuzz_run_targets.TARGETS,
    **fuzz_source_targets.TARGETS,
}


def missing(name):
    """Returns why a target cannot be fuzzed here, or nothing."""
    return fuzz_source_targets.missing(name)
