"""Writes the shards of one part of a data set."""

import hashlib

import numpy as np
import tensorflow as tf

from amh_tf.data import integrity, manifest, records


class PartWriter:
    """The shards of one part, and what its utterances say.

    Args:
        folder: Where the shards go.
        name: Name of the part.
        count: Number of utterances to come.
        records_per_shard: Utterances per shard.
        source: The `amh_tf.corpora.source.Source` that they are of.
        feature_dtype: How vectors are stored.
    """

    def __init__(self, folder, name, count, records_per_shard, source, feature_dtype):
        self.name = name
        self.texts = []
        self.word_counts = np.zeros(len(source.vocabulary), np.int64)
        self.shards = []
        self._folder = folder
        self._records_per_shard = records_per_shard
        self._num_shards = -(-count // records_per_shard)
        self._widths = source.widths
        self._labels = np.zeros(len(source.classes), int)
        self._writer = None
        self._feature_dtype = feature_dtype

    def add(self, utterance):
        """Writes one utterance."""
        if self._writer is None:
            self._writer = tf.io.TFRecordWriter(str(self._folder / self._file))
        self._writer.write(records.encode(utterance, self._widths, self._feature_dtype))
        self._labels[utterance.label] += 1
        if not records.are_vectors("text", self._widths):
            self.word_counts += np.bincount(utterance.text, minlength=len(self.word_counts))
        if len(utterance.text):
            self.texts.append(hashlib.sha256(np.ascontiguousarray(utterance.text)).digest())
        if self._labels.sum() == self._records_per_shard:
            self.finish_shard()

    @property
    def _file(self):
        number = len(self.shards)
        return f"{self.name}-{number:05d}-of-{self._num_shards:05d}.tfrecord"

    def finish_shard(self):
        """Closes the open shard, if any, and notes what it holds."""
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        path = self._folder / self._file
        self.shards.append(
            manifest.Shard(
                file=path.name,
                part=self.name,
                records=int(self._labels.sum()),
                bytes=path.stat().st_size,
                sha256=integrity.digest(path),
                label_counts=tuple(self._labels.tolist()),
            )
        )
        self._labels[:] = 0
