"""A split whose shards are read from their beginning to their end, at every pass."""

import tensorflow as tf

from amh_tf import locations, schema
from amh_tf.data import records

# A request to an object store has its price. From a disk a record is read straight to where it
# stays, with one copy of its bytes less.
REMOTE_BUFFER_BYTES = 8 << 20


class Streamed:
    """A split of shards anywhere; its elements are records.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        shards: Its shards, in their order.
        modalities: Which modalities the batches hold.

    Attributes:
        sources: What `open` takes, one for each shard.
    """

    def __init__(self, manifest, shards, modalities=schema.MODALITIES):
        self._manifest = manifest
        self._modalities = modalities
        paths = [str(manifest.path(shard.file)) for shard in shards]
        self.sources = tf.constant(paths)
        self._buffer_bytes = REMOTE_BUFFER_BYTES if locations.is_remote(paths[0]) else 0

    def open(self, path):
        """Makes a dataset of one shard's elements."""
        return tf.data.TFRecordDataset(path, buffer_size=self._buffer_bytes)

    def length_of(self, elements, modality):
        """Returns the number of steps of each element, int32."""
        return records.lengths(elements, modality)

    def decode(self, elements):
        """Makes a padded batch, as `records.decode` does."""
        manifest = self._manifest
        return records.decode(elements, manifest.widths, self._modalities, manifest.feature_dtype)
