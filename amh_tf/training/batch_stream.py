"""The stream of training batches, in the order that the seed and the epoch give."""

from amh_tf.data import pipeline

# Passes that one stream of batches holds: the next pass is read while one ends.
EPOCHS_PER_STREAM = 16


class BatchStream:
    """Batches of a fold's train split, from any position on, in a stream that is kept open.

    Args:
        run_config: `amh_tf.config.RunConfig`.
        fold: `amh_tf.data.folds.Fold` to train on.
        data_service: Address of a tf.data service that makes the batches, or None.
        share: `shares.Share` of each batch that this process computes, or None for all.
    """

    def __init__(self, run_config, fold, data_service=None, share=None):
        self._data, self._model = run_config.data, run_config.model
        training = run_config.training
        self._seed = training.seed
        self._shuffled_labels = training.seed if training.shuffle_labels else None
        self._fold = fold
        self._data_service = data_service
        self._share = share
        steps = -(-fold.count("train") // self._data.batch_size)
        self._epochs = training.max_epochs
        if training.max_steps:
            self._epochs = min(self._epochs, -(-training.max_steps // steps))
        self._source = None  # of the train split
        self._stream = None
        self._end = 0  # the epoch before which the stream ends

    def take(self, count, epoch, step):
        """Yields the next batches of an epoch, as `pipeline.batches` does.

        Args:
            count: Number of batches; no more than are left of the epoch.
            epoch: Number of the epoch, from 0, in which the last batches ended, or the one after.
            step: Number of its batches that were taken before.

        Raises:
            InputError: If a shard is not as it was written.
        """
        if self._stream is None or epoch == self._end:
            self._open(epoch, step)
        elif step == 0:
            self._fold.check_split("train")
        for _ in range(count):
            yield next(self._stream)

    def _open(self, epoch, step):
        if self._source is None:
            self._source = pipeline.open_split(
                self._fold, "train", self._model.modalities, self._data_service
            )
        epochs = min(self._epochs - epoch, EPOCHS_PER_STREAM)
        batches = pipeline.batches(
            self._fold,
            "train",
            self._data.batch_size,
            modalities=self._model.modalities,
            source=self._source,
            seed=self._seed,
            epoch=epoch,
            epochs=epochs,
            shuffle_megabytes=self._data.shuffle_megabytes,
            bucketing=self._data.bucketing,
            data_service=self._data_service,
            by_speaker=self._model.by_speaker,
            shuffled_labels=self._shuffled_labels,
            share=self._share,
        )
        self._stream = iter(batches.skip(step))
        self._end = epoch + epochs
