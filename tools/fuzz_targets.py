"""The parsers that `tools.fuzz` feeds: data sets, and the table of all.

Each is a function of an empty folder, which makes a good file and says how it is read.
"""

import contextlib
import dataclasses
import functools
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
    record_checks,
    records,
    verification,
)
from amh_tf.storage import cache, cache_folders, stores
from tests import text_vectors
from tools import fuzz_corpora, fuzz_encoders, fuzz_runs
from tools.fuzz_runs import data_folder
from tools.fuzz_target import Target, of_file


def _manifest(folder):
    def read(path):
        loaded = manifest.load(path.parent)
        for protocol, described in loaded.protocols.items():
            for number in range(len(described["folds"])):
                fold = folds.choose(loaded, protocol, number)
                for split in schema.SPLITS:
                    fold.check_split(split)
                fold.known_words()
        loaded.embedding()
        verification.summary(loaded)

    data = data_folder(folder)
    # Damage in the manifest can make another file look wrong.
    return of_file(data.path(manifest.FILE_NAME), read, text=True, named=(str(data.folder),))


class _Store:
    """Returns a forged manifest, the data set's files, and something for any other name."""

    def __init__(self, folder, forged):
        self._folder, self._forged = folder, forged

    def open(self, name, start=0):
        path = self._folder / name
        content = path.read_bytes() if path.is_file() else b"words\n" * 3
        content = self._forged if name == manifest.FILE_NAME else content
        return len(content), iter([content[start:]])


def _fetched(folder):
    data = data_folder(folder)

    def read(content):
        stores.connect = lambda _: _Store(data.folder, content)
        cache.use(str(folder / "cache"))
        try:
            loaded = manifest.load("s3://bucket/set")
            cache.fetch(loaded, loaded.shards)
        finally:
            cache_folders.release()
            # By whole paths, or the fuzz could not see that nothing else is deleted.
            for path in sorted((folder / "cache").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()

    seed = data.path(manifest.FILE_NAME).read_bytes()
    return Target([seed], read, text=True, named=("s3://bucket/set", "cache"))


def _shard(folder):
    data = data_folder(folder, 2)
    shard = data.shards[0]

    def read(path):
        list(integrity.shard_faults(data, shard))
        integrity.check_shard(data, shard)

    return of_file(data.path(shard.file), read)


def _record(folder, change=lambda read: read):
    """Damages a record behind right checksums and a manifest that agrees, as a forger would."""
    data = data_folder(folder, 1, change)
    shard = data.shards[0]
    path = data.path(shard.file)
    (seed,) = (raw.numpy() for raw in tf.data.TFRecordDataset(str(path)))

    def read(payload):
        with tf.io.TFRecordWriter(str(path)) as file:
            file.write(payload)
        whole = path.read_bytes()
        digest = hashlib.sha256(whole).hexdigest()
        forged = dataclasses.replace(shard, bytes=len(whole), sha256=digest)
        list(integrity.shard_faults(data, forged))
        entries = integrity.check_shard(data, forged, "full")
        random_access.RandomAccess(data, [forged], [entries]).read(np.arange(len(entries)))
        # While batches are read, `integrity.naming_damage` names the file.
        with contextlib.suppress(tf.errors.OpError, UnicodeDecodeError):
            for modality in schema.MODALITIES:
                records.lengths(tf.constant([payload]), modality)

    return Target([seed], read, named=(shard.file,))


def _listed_faults(name, folder):
    """Damages a file whose faults are listed, not raised."""
    data = data_folder(folder)

    def read(_):
        list(verification._vocabulary_faults(data))
        list(verification._embedding_faults(data))
        findings = record_checks.Findings(data.vocabulary_size)
        list(verification._word_count_faults(data, findings, set()))

    return of_file(data.path(name), read, text=name.endswith("txt"))


def _speakers(name, folder):
    """Damages what features are standardized by, or where it says whose they are."""
    data = data_folder(folder)

    def read(_):
        for modality in moments.MODALITIES:
            moments.of_cells(data, modality)

    # The two files are compared with each other.
    named = ("utterances.csv", "moments.npy")
    return of_file(data.path(name), read, text=name.endswith("csv"), named=named)


def _dictionary(folder):
    words = {"_PAD_": 0, "_UNK_": 1, "naïve": 2, "x" * 300: 70_000}
    seeds = [pickle.dumps(words, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    return of_file(folder / "dic.pkl", safe_pickle.read_dictionary, *seeds)


def _array(folder):
    seeds = []
    for array in (np.zeros((3, 4), np.float32), np.arange(5), np.zeros((2, 3), "<U3", order="F")):
        file = io.BytesIO()
        np.save(file, array)
        seeds.append(file.getvalue())

    def read(path):
        array = files.map_array(path)
        if array.nbytes > path.stat().st_size:
            raise AssertionError(f"{array.nbytes} bytes of {path.stat().st_size}")
        np.array(array)

    return of_file(folder / "array.npy", read, *seeds)


_bind = functools.partial
TARGETS = {
    "manifest": _manifest,
    "fetched": _fetched,
    "shard": _shard,
    "record": _record,
    "record_of_text_vectors": _bind(_record, change=text_vectors.of),
    "vocabulary": _bind(_listed_faults, "vocabulary.txt"),
    "embedding": _bind(_listed_faults, "embedding.npy"),
    "word_counts": _bind(_listed_faults, "word_counts.npy"),
    "utterances": _bind(_speakers, "utterances.csv"),
    "moments": _bind(_speakers, "moments.npy"),
    "array": _array,
    "dictionary": _dictionary,
    **fuzz_runs.TARGETS,
    **fuzz_corpora.TARGETS,
    **fuzz_encoders.TARGETS,
}


def missing(name):
    """Returns why a target cannot be fuzzed here, or nothing."""
    return fuzz_corpora.missing(name) or fuzz_encoders.missing(name)
