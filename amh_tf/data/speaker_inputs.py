"""The mean and deviation of each utterance's speaker, as inputs of a model."""

import functools

import numpy as np
import tensorflow as tf

from amh_tf.data import moments, utterances


@functools.lru_cache(maxsize=8)
def _tables(manifest_key):
    """Reads a data set's speakers once for all passes."""
    manifest, modalities = manifest_key.manifest, manifest_key.modalities
    index = utterances.read(manifest)
    speakers = {m: moments.of_speakers(manifest, m) for m in modalities}
    names = list(dict.fromkeys(entry.speaker for entry in index))
    rows = {name: row for row, name in enumerate(names)}
    tables = {}
    for modality, of_speaker in speakers.items():
        statistics = [of_speaker[name] for name in names]
        tables[f"{modality}_mean"] = np.stack([m.mean for m in statistics]).astype(np.float32)
        tables[f"{modality}_deviation"] = np.stack([m.deviation() for m in statistics]).astype(
            np.float32
        )
    return [entry.id for entry in index], [rows[entry.speaker] for entry in index], tables


class _Key:
    """A manifest, which cannot be hashed, by what it is."""

    def __init__(self, manifest, modalities):
        self.manifest, self.modalities = manifest, tuple(modalities)

    def _identity(self):
        return str(self.manifest.folder), self.manifest.fingerprint, self.modalities

    def __hash__(self):
        return hash(self._identity())

    def __eq__(self, other):
        return self._identity() == other._identity()


def lookup(manifest, modalities):
    """Makes the function that gives each utterance its speaker's mean and deviation.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        modalities: Those that are standardized by the speaker; may be none.

    Returns:
        Function from ids, a string tensor of shape `(batch,)`, to a dict of `audio_mean`,
        `audio_deviation` and so on, each `(batch, width)`.

    Raises:
        ValueError: If the data set does not say who speaks.
    """
    if not modalities:
        return lambda ids: {}
    names, rows, tables = _tables(_Key(manifest, modalities))
    pairs = tf.lookup.KeyValueTensorInitializer(tf.constant(names), tf.constant(rows, tf.int64))
    rows_of = tf.lookup.StaticHashTable(pairs, default_value=-1)

    def give(ids):
        row = rows_of.lookup(ids)
        check = tf.debugging.assert_non_negative(row, "an utterance is not in utterances.csv")
        with tf.control_dependencies([check]):
            return {name: tf.gather(tf.constant(table), row) for name, table in tables.items()}

    return give
