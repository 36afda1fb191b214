"""Reads shards as padded batches. Memory does not grow with the data set."""

import functools

import numpy as np
import tensorflow as tf

from amh_tf import schema
from amh_tf.data import random_access, service, speaker_inputs, streamed

# Shards read side by side, so that neighbours in a file do not stay neighbours in a batch.
CYCLE_LENGTH = 4
READERS = 2
# Lengths are spread by up to this share before they are sorted, so that utterances of about
# the same length meet in other batches at every epoch.
LENGTH_JITTER = 0.1


def _read_shuffled(split, order):
    """Reads shards in their own order, several side by side."""
    sources = tf.data.Dataset.from_tensor_slices(tf.gather(split.sources, order))
    shards = split.sources.shape[0]
    return sources.interleave(
        split.open,
        cycle_length=min(CYCLE_LENGTH, shards),
        num_parallel_calls=min(READERS, shards),
        deterministic=True,
    )


def _passes(seed, epoch, epochs, shards):
    """Draws each pass' order of shards and its seed, which depend on its number alone."""
    generators = [np.random.default_rng([seed, epoch + number]) for number in range(epochs)]
    return [(rng.permutation(shards), int(rng.integers(1 << 31))) for rng in generators]


def _buffer_size(shards, megabytes):
    """Fits the shuffle buffer into its share of memory, by the mean size of a record."""
    count = sum(shard.records for shard in shards)
    mean = sum(shard.bytes for shard in shards) / max(count, 1)
    return max(1, min(count, int(megabytes * 2**20 / max(mean, 1))))


def _cut_by_length(split, batch_size, modality):
    """Makes the function that cuts a bufferful into batches of about the same length.

    Batches come in random order. Only the last bufferful of a pass may give a batch smaller
    than `batch_size`.
    """

    def cut(seeds, elements):
        count = tf.shape(elements)[0]
        seeds = tf.random.split(seeds, 2)
        spread = 1.0 + LENGTH_JITTER * tf.random.stateless_uniform([count], seeds[0])
        length = tf.cast(split.length_of(elements, modality), tf.float32)
        order = tf.argsort(length * spread, stable=True)
        # The smaller batch, if any, holds the longest; batches then come in random order.
        starts = tf.range(0, count, batch_size)
        places = tf.argsort(tf.random.stateless_uniform([tf.size(starts)], seeds[1]))
        return tf.data.Dataset.from_tensor_slices(tf.gather(starts, places)).map(
            lambda start: tf.gather(elements, order[start : start + batch_size])
        )

    return cut


def _shuffled(passes, split, count, batch_size, buffer_size):
    """Batches each pass by a shuffle buffer."""

    def batches(order, seed):
        examples = _exactly(_read_shuffled(split, order), count)
        return examples.shuffle(buffer_size, seed=seed).batch(batch_size)

    return functools.reduce(
        tf.data.Dataset.concatenate, (batches(*order_and_seed) for order_and_seed in passes)
    )


def _bucketed(passes, split, count, batch_size, buffer_size, modality):
    """Batches utterances of about the same length, reading a bufferful ahead."""
    size = max(1, buffer_size // batch_size) * batch_size

    def bufferfuls(order, seed):
        examples = _exactly(_read_shuffled(split, order), count).batch(size).enumerate()
        return examples.map(lambda number, elements: (tf.stack([seed, number]), elements))

    orders, seeds = (np.array(values, np.int64) for values in zip(*passes))
    buffers = tf.data.Dataset.from_tensor_slices((orders, seeds)).flat_map(bufferfuls)
    return buffers.prefetch(1).flat_map(_cut_by_length(split, batch_size, modality))


def _exactly(examples, count):
    """Makes a pass that comes out short, or long, raise instead of ending."""
    return examples.apply(tf.data.experimental.assert_cardinality(count))


def _arrange(modalities, with_ids, of_speaker):
    names = [name for modality in modalities for name in (modality, f"{modality}_length")]

    def arrange(fields):
        inputs = {name: fields[name] for name in names} | of_speaker(fields["id"])
        return (inputs, fields["label"], fields["id"]) if with_ids else (inputs, fields["label"])

    return arrange


def _label_draw(counts, seed):
    """Makes the function from ids to labels that have nothing to do with the utterances."""
    ends = tf.constant(np.cumsum(counts))

    def draw(ids):
        place = tf.strings.to_hash_bucket_strong(ids, int(sum(counts)), key=[seed, 0x1ABE1])
        return tf.searchsorted(ends, place, side="right", out_type=tf.int32)

    return draw


def open_split(fold, split, modalities=schema.MODALITIES, data_service=None):
    """Chooses how a split is read; whichever way, its batches are the same.

    Records are read where each is, if the system can and no service reads. Otherwise shards are
    read from beginning to end, at every pass.

    Args:
        fold, split, modalities, data_service: As for `batches`.

    Returns:
        What `batches` takes as `source`.

    Raises:
        ValueError: As `batches` does.
    """
    shards = fold.select(split)
    entries = fold.check_split(split)
    if data_service is None and random_access.is_available():
        return random_access.RandomAccess(fold.manifest, shards, entries, modalities)
    return streamed.Streamed(fold.manifest, shards, modalities)


def batches(
    fold,
    split,
    batch_size,
    modalities=schema.MODALITIES,
    seed=None,
    epoch=0,
    epochs=1,
    shuffle_megabytes=256,
    bucketing=False,
    with_ids=False,
    data_service=None,
    source=None,
    by_speaker=(),
    shuffled_labels=None,
    share=None,
):
    """Makes one pass over a split, or several.

    Every utterance comes once in a pass. Sequences are padded with zeros to the longest of the
    batch; one batch of a pass, the last without bucketing, may be smaller. Words that the fold's
    training part does not know come as the unknown word.

    Args:
        fold: `amh_tf.data.folds.Fold`.
        split: "train", "dev" or "test".
        batch_size: Utterances per batch.
        modalities: Which modalities the batches hold.
        seed: Seed of the order, or None for the order in which the shards were written.
        epoch: Number of the first pass; each has its own order.
        epochs: Number of passes, one after the other, for a given seed. With bucketing the next
            pass is read while the last batches of one are in use.
        shuffle_megabytes: Size of the shuffle buffer, which counts records whole even where it
            holds their numbers.
        bucketing: Whether halves of the shuffle buffer are cut into batches of about the same
            length, by the first of `modalities`, one half while the other is read; for a given
            seed only.
        with_ids: Whether to give the utterances' ids too.
        data_service: Address of a tf.data service that makes the batches, as
            "grpc://host:port", or None to make them here.
        by_speaker: Which of the modalities come with their speaker's mean and deviation, as
            models take them that standardize by the speaker.
        shuffled_labels: Seed by which every utterance gets a label drawn from those of the split
            in place of its own, the same at every pass; None for its own.
        source: What `open_split` returned for the same fold, split, modalities and service, or
            None to call it now.
        share: `shares.Share` of each batch to read and decode, or None for whole batches.

    Returns:
        `tf.data.Dataset` of `(inputs, label)` or `(inputs, label, id)`; `inputs` as the
        models take them. Of a share they are as in the whole batch, padding included, and the
        batch's number of rows follows.

    Raises:
        ValueError: If the split does not exist, is empty, or a shard is missing or of
            another size than the manifest says.
    """
    shards = fold.select(split)
    if source is None:
        source = open_split(fold, split, modalities, data_service=data_service)
    else:
        fold.check_split(split)
    count = fold.count(split)
    if seed is None:
        examples = tf.data.Dataset.from_tensor_slices(source.sources).flat_map(source.open)
        grouped = _exactly(examples, count).batch(batch_size)
    else:
        passes = _passes(seed, epoch, epochs, len(shards))
        size = _buffer_size(shards, shuffle_megabytes / 2 if bucketing else shuffle_megabytes)
        if bucketing:
            grouped = _bucketed(passes, source, count, batch_size, size, modalities[0])
        else:
            grouped = _shuffled(passes, source, count, batch_size, size)
    known_words = fold.known_words()
    arrange = _arrange(modalities, with_ids, speaker_inputs.lookup(fold.manifest, by_speaker))
    if shuffled_labels is not None:
        draw_label = _label_draw(fold.label_counts(split), shuffled_labels)

    def parse(elements):
        rows = tf.size(elements)
        fields = source.decode(elements, None if share is None else share.span(rows))
        if known_words is not None and "text" in modalities:
            is_known = tf.gather(tf.constant(known_words), fields["text"])
            fields["text"] = tf.where(is_known, fields["text"], schema.UNKNOWN_ID)
        if shuffled_labels is not None:
            fields["label"] = draw_label(fields["id"])
        return arrange(fields) if share is None else (*arrange(fields), rows)

    dataset = grouped.map(parse, num_parallel_calls=2, deterministic=True)
    if data_service is not None:
        dataset = service.distribute(dataset, data_service)
    options = tf.data.Options()
    # Nothing is left to tune, and the thread that tunes keeps an iterator's end waiting for up
    # to five seconds.
    options.autotune.enabled = False
    # The threads of TensorFlow's own pool compute the halves of a batch.
    options.threading.private_threadpool_size = READERS
    return dataset.prefetch(2).with_options(options)
