"""A split whose shards are read from their beginning to their end, at every pass."""

import tensorflow as tf

from amh_tf import schema
from amh_tf.data import records


class Streamed:
    """A split whose elements are records.

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

    def open(self, path):
        """Makes a dataset of one shard's elements."""
        # Read straight to where it stays, with one copy of its bytes less.
        return tf.data.TFRecordDataset(path, buffer_size=0)

    def length_of(self, elements, modality):
        """Returns the number of steps of each element, int32."""
        return records.lengths(elements, modality)

    def decode(self, elements, span=None):
        """Makes a padded batch, or a span of its rows, as `records.decode` does."""
        manifest = self._manifest
        return records.decode(
            elements, manifest.widths, self._modalities, manifest.feature_dtype, span
        )
