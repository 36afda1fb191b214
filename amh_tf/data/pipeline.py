"""Streams shards as padded batches. Memory does not grow with the data set."""

import numpy as np
import tensorflow as tf

from amh_tf import schema
from amh_tf.data import records, service

# Shards read side by side, so that neighbours in a file do not stay neighbours in a batch.
CYCLE_LENGTH = 4
READ_BUFFER_BYTES = 8 << 20
# Lengths are spread by up to this share before they are sorted, so that utterances of about
# the same length meet in other batches at every epoch.
LENGTH_JITTER = 0.1


def _read_shuffled(rng, paths):
    """Reads shards in an order that depends on the seed and the epoch alone."""
    order = [paths[index] for index in rng.permutation(len(paths))]
    files = tf.data.Dataset.from_tensor_slices(order)
    return files.interleave(
        lambda path: tf.data.TFRecordDataset(path, buffer_size=READ_BUFFER_BYTES),
        cycle_length=min(CYCLE_LENGTH, len(paths)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def _buffer_size(shards, megabytes):
    """Fits the shuffle buffer into its share of memory, by the mean size of a record."""
    count = sum(shard.records for shard in shards)
    mean = sum(shard.bytes for shard in shards) / max(count, 1)
    return max(1, min(count, int(megabytes * 2**20 / max(mean, 1))))


def _bucketed(examples, buffer_size, batch_size, modality, seed):
    """Cuts every bufferful into batches of about the same length, in random order.

    Only the last bufferful may give a batch smaller than `batch_size`.
    """
    window = max(1, buffer_size // batch_size) * batch_size

    def cut(number, serialized):
        count = tf.shape(serialized)[0]
        seeds = tf.random.split(tf.stack([seed, number]), 2)
        spread = 1.0 + LENGTH_JITTER * tf.random.stateless_uniform([count], seeds[0])
        length = tf.cast(records.lengths(serialized, modality), tf.float32)
        order = tf.argsort(length * spread, stable=True)
        # The smaller batch, if any, holds the longest; batches then come in random order.
        starts = tf.range(0, count, batch_size)
        places = tf.argsort(tf.random.stateless_uniform([tf.size(starts)], seeds[1]))
        return tf.data.Dataset.from_tensor_slices(tf.gather(starts, places)).map(
            lambda start: tf.gather(serialized, order[start : start + batch_size])
        )

    return examples.batch(window).enumerate().flat_map(cut)


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
    bucketing=False,
    with_ids=False,
    data_service=None,
):
    """Makes one pass over a split.

    Every utterance comes once. Sequences are padded with zeros to the longest of the batch;
    one batch, the last without bucketing, may be smaller. Words that the fold's training part
    does not know come as the unknown word.

    Args:
        fold: `amh_tf.data.fold_view.Fold`.
        split: "train", "dev" or "test".
        batch_size: Utterances per batch.
        modalities: Which modalities the batches hold.
        seed: Seed of the order, or None for the order in which the shards were written.
        epoch: Number of the pass; each has an order of its own.
        shuffle_megabytes: Size of the shuffle buffer.
        bucketing: Whether the shuffle buffer is cut into batches of about the same length,
            by the first of `modalities`; for a given seed only.
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
    manifest = fold.manifest
    paths = [str(manifest.path(shard.file)) for shard in shards]
    rng = None if seed is None else np.random.default_rng([seed, epoch])
    if rng is None:
        examples = tf.data.TFRecordDataset(paths, buffer_size=READ_BUFFER_BYTES)
    else:
        examples = _read_shuffled(rng, paths)
    # An epoch that comes out short, or long, raises instead of ending.
    examples = examples.apply(tf.data.experimental.assert_cardinality(fold.count(split)))
    if rng is not None:
        order_seed = int(rng.integers(1 << 31))
        buffer_size = _buffer_size(shards, shuffle_megabytes)
        if bucketing:
            grouped = _bucketed(examples, buffer_size, batch_size, modalities[0], order_seed)
        else:
            grouped = examples.shuffle(buffer_size, seed=order_seed).batch(batch_size)
    else:
        grouped = examples.batch(batch_size)
    known_words = fold.known_words()
    arrange = _arrange(modalities, with_ids)

    def parse(serialized):
        fields = records.decode(serialized, manifest.widths, modalities, manifest.feature_dtype)
        if known_words is not None and "text" in modalities:
            known = tf.gather(tf.constant(known_words), fields["text"])
            fields["text"] = tf.where(known, fields["text"], schema.UNKNOWN_ID)
        return arrange(fields)

    made = grouped.map(parse, num_parallel_calls=2, deterministic=True)
    if data_service is not None:
        made = service.distribute(made, data_service)
    return made.prefetch(2)
