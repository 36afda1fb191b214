"""The batches that all engines are given: those that the package trains on."""

from amh_tf import config
from amh_tf.data import folds, manifest, pipeline


class Reader:
    """Reads a data folder's train split.

    Args:
        folder: Data folder.
        batch_size: Utterances per batch.
        shuffle_megabytes: Size of the shuffle buffer, or None for the trainer's.
    """

    def __init__(self, folder, batch_size, shuffle_megabytes=None):
        self._fold = folds.choose(manifest.load(folder))
        self._batch_size = batch_size
        default = config.DataConfig(str(folder)).shuffle_megabytes
        self._shuffle_megabytes = shuffle_megabytes or default
        self._source = pipeline.open_split(self._fold, "train")

    def batches(self, epoch, bucketed, epochs=1):
        """Makes passes over the split, as the trainer does.

        Args:
            epoch: Number of the first pass.
            bucketed: Whether batches hold utterances of about the same length.
            epochs: Number of passes.
        """
        return pipeline.batches(
            self._fold,
            "train",
            self._batch_size,
            seed=1,
            epoch=epoch,
            epochs=epochs,
            bucketing=bucketed,
            shuffle_megabytes=self._shuffle_megabytes,
            source=self._source,
        )

    def in_order(self):
        """Makes one pass as evaluation does: in the order in which the set was written."""
        return pipeline.batches(self._fold, "train", self._batch_size)
