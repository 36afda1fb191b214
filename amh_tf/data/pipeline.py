"""Streams shards as padded batches. Memory does not grow with the data set."""

import numpy as np
import tensorflow as tf

from amh_tf import schema
from amh_tf.data import records, service

# Shards read side by side, so that neighbours in a file do not stay neighbours in a batch.
CYCLE_LENGTH = 4
READ_BUFFER_BYTES = 8 << 20


def _shuffled(seed, epoch, paths, buffer_size):
    """Reads shards in an order that depends on the seed and the epoch alone."""
    rng = np.random.default_rng([seed, epoch])
    order = [paths[index] for index in rng.permutation(len(paths))]
    files = tf.data.Dataset.from_tensor_slices(order)
    examples = files.interleave(
        lambda path: tf.data.TFRecordDataset(path, buffer_size=READ_BUFFER_BYTES),
        cycle_length=min(CYCLE_LENGTH, len(paths)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return examples.shuffle(buffer_size, seed=int(rng.integers(1 << 31)))


def _buffer_size(shards, megabytes):
    """Fits the shuffle buffer into its share of memory, by the mean size of a record."""
    count = sum(shard.records for shard in shards)
    mean = sum(shard.bytes for shard in shards) / max(count, 1)
    return max(1, min(count, int(megabytes * 2**20 / max(mean, 1))))


def _arrange(modalities, with_ids):
    names = [name for modality in modalities for name in (modality, f"{modality}_length")]

    def arrange(fields):
        inputs = {name: fields[name] for name in names}
        return (inputs, fields["label"], fields["id"]) if with_ids else (inputs, fields["label"])

    return arrange


def batches(
    fold,
    split,
    batch_size,
    modalities=schema.MODALITIES,
    seed=None,
    epoch=0,
    shuffle_megabytes=256,
    with_ids=False,
    data_service=None,
):
    """Makes one pass over a split.

    Every utterance comes once. Sequences are padded with zeros to the longest of the batch;
    the last batch may be smaller. Words that the fold's training part does not know come as
    the unknown word.

    Args:
        fold: `amh_tf.data.fold_view.Fold`.
        split: "train", "dev" or "test".
        batch_size: Utterances per batch.
        modalities: Which modalities the batches hold.
        seed: Seed of the order, or None for the order in which the shards were written.
        epoch: Number of the pass; each has an order of its own.
        shuffle_megabytes: Size of the shuffle buffer.
        with_ids: Whether to give the utterances' ids too.
        data_service: Address of a tf.data service that makes the batches, as
            "grpc://host:port", or None to make them here.

    Returns:
        `tf.data.Dataset` of `(inputs, label)` or `(inputs, label, id)`; `inputs` as the
        models take them.

    Raises:
        ValueError: If the split does not exist, is empty, or a shard is missing or of
            another size than the manifest says.
    """
    shards = fold.select(split)
    fold.check_split(split)
    paths = [str(fold.manifest.path(shard.file)) for shard in shards]
    if seed is None:
        examples = tf.data.TFRecordDataset(paths, buffer_size=READ_BUFFER_BYTES)
    else:
        examples = _shuffled(seed, epoch, paths, _buffer_size(shards, shuffle_megabytes))
    # An epoch that comes out short, or long, raises instead of ending.
    examples = examples.apply(tf.data.experimental.assert_cardinality(fold.count(split)))
    widths = fold.manifest.widths
    known_words = fold.known_words()
    arrange = _arrange(modalities, with_ids)

    def parse(serialized):
        fields = records.decode(serialized, widths)
        if known_words is not None:
            known = tf.gather(tf.constant(known_words), fields["text"])
            fields["text"] = tf.where(known, fields["text"], schema.UNKNOWN_ID)
        return arrange(fields)

    examples = examples.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    made = examples.padded_batch(batch_size)
    if data_service is not None:
        made = service.distribute(made, data_service)
    return made.prefetch(2)
