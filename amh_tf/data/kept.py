"""A split that is held in memory, from which every pass takes its batches."""

import dataclasses

import tensorflow as tf

from amh_tf import schema
from amh_tf.data import records

# Records that are decoded at once while a split is read.
CHUNK = 256


@dataclasses.dataclass(frozen=True)
class Kept:
    """Steps of all utterances, one after the other, in the order in which they were written.

    Its elements are numbers of utterances, where those of shards are records.

    Attributes:
        spans: First and past the last utterance of each shard, `(shards, 2)` int64.
        ids, labels: Of each utterance.
        firsts, lengths: Dicts from modality to where each utterance starts, int64, and to its
            number of steps, int32.
        steps: Dict from modality to the steps as they are stored, and one of zeros at the end.
    """

    spans: tf.Tensor
    ids: tf.Tensor
    labels: tf.Tensor
    firsts: dict
    lengths: dict
    steps: dict

    @property
    def sources(self):
        """What `open` takes, one for each shard."""
        return self.spans

    @staticmethod
    def open(span):
        """Makes a dataset of one shard's elements."""
        return tf.data.Dataset.range(span[0], span[1])

    def length_of(self, elements, modality):
        """Returns the number of steps of each element, int32."""
        return tf.gather(self.lengths[modality], elements)

    def decode(self, elements):
        """Makes a padded batch, as `records.decode` does."""
        fields = {"id": tf.gather(self.ids, elements), "label": tf.gather(self.labels, elements)}
        for modality, steps in self.steps.items():
            length = self.length_of(elements, modality)
            place = tf.range(tf.maximum(tf.reduce_max(length), 1))[None, :]
            first = tf.gather(self.firsts[modality], elements)[:, None]
            padding = tf.shape(steps, tf.int64)[0] - 1
            places = tf.where(place < length[:, None], first + tf.cast(place, tf.int64), padding)
            padded = tf.gather(steps, places)
            fields[modality] = padded if modality == "text" else tf.cast(padded, tf.float32)
            fields[f"{modality}_length"] = length
        return fields


def read(manifest, shards, serialized, modalities=schema.MODALITIES):
    """Reads a split.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        shards: Its shards, in their order.
        serialized: `tf.data.Dataset` of their records.
        modalities: Which modalities to keep.

    Returns:
        `Kept`.
    """
    parts = [
        records.decode_joined(chunk, manifest.widths, modalities, manifest.feature_dtype)
        for chunk in serialized.batch(CHUNK)
    ]

    def whole(name):
        # Parts go as soon as they are joined, so that no more is held twice than one modality.
        return tf.concat([part.pop(name) for part in parts], axis=0)

    steps, firsts, lengths = {}, {}, {}
    for modality in modalities:
        joined = [part.pop(modality) for part in parts]
        end = tf.zeros([1, *joined[0].shape[1:]], joined[0].dtype)
        steps[modality] = tf.concat([*joined, end], axis=0)
        lengths[modality] = whole(f"{modality}_length")
        firsts[modality] = tf.cumsum(tf.cast(lengths[modality], tf.int64), exclusive=True)
    ends = tf.cumsum(tf.constant([shard.records for shard in shards], tf.int64))
    starts = tf.concat([[0], ends[:-1]], axis=0)
    return Kept(
        tf.stack([starts, ends], axis=1), whole("id"), whole("label"), firsts, lengths, steps
    )
