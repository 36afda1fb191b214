"""TFRecord shards: one utterance a record, features as unpadded raw bytes."""

import contextlib
import errno
import hashlib

import numpy as np
import tensorflow as tf

from amh_tf import files, schema
from amh_tf.data import manifest

VOCABULARY_FILE = "vocabulary.txt"
EMBEDDING_FILE = "embedding.npy"


def encode(utterance):
    """Serializes an utterance.

    Args:
        utterance: `amh_tf.corpora.source.Utterance`.

    Returns:
        Bytes of a `tf.train.Example` with the fields of `schema.EXAMPLE_FIELDS`.
    """

    def bytes_feature(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def int_feature(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    feature = {
        "id": bytes_feature(utterance.id.encode()),
        "label": int_feature(utterance.label),
    }
    for modality, dtype in (("audio", "<f4"), ("text", "<i4"), ("video", "<f4")):
        sequence = np.ascontiguousarray(getattr(utterance, modality), dtype)
        feature[modality] = bytes_feature(sequence.tobytes())
        feature[f"{modality}_length"] = int_feature(len(sequence))
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def decode(serialized, widths):
    """Parses one record, in the graph.

    Args:
        serialized: Scalar string tensor.
        widths: Dict of the width of a step of "audio" and "video".

    Returns:
        Dict of `id`, `label`, each modality's sequence, unpadded but at least one step of
        zeros long, and its length. The extra step keeps a batch of absent modalities from
        having no time axis at all.
    """
    fields = tf.io.parse_single_example(serialized, schema.EXAMPLE_FIELDS)
    parsed = {"id": fields["id"], "label": tf.cast(fields["label"], tf.int32)}
    for modality in schema.MODALITIES:
        dtype, step = (tf.int32, []) if modality == "text" else (tf.float32, [widths[modality]])
        length = tf.cast(fields[f"{modality}_length"], tf.int32)
        raw = fields[modality]
        # Declared and stored length must agree, or this reshape raises.
        sequence = tf.cond(
            length > 0,
            lambda raw=raw, dtype=dtype, step=step, length=length: tf.reshape(
                tf.io.decode_raw(raw, dtype, little_endian=True), [length, *step]
            ),
            lambda dtype=dtype, step=step: tf.zeros([1, *step], dtype),
        )
        parsed[modality] = tf.ensure_shape(sequence, [None, *step])
        parsed[f"{modality}_length"] = length
    return parsed


def _write_shard(folder, name, part, utterances, num_classes):
    """Writes one shard and returns its manifest entry."""
    path = folder / name
    labels = np.zeros(num_classes, int)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for utterance in utterances:
            writer.write(encode(utterance))
            labels[utterance.label] += 1
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return manifest.Shard(
        file=name,
        part=part,
        records=int(labels.sum()),
        bytes=path.stat().st_size,
        sha256=digest,
        label_counts=tuple(labels.tolist()),
    )


def _write_split(folder, split, part, num_classes, records_per_shard, advance):
    num_shards = -(-part.count // records_per_shard)
    utterances = iter(part.utterances())
    for index in range(num_shards):
        first = index * records_per_shard
        size = min(records_per_shard, part.count - first)
        name = f"{split}-{index:05d}-of-{num_shards:05d}.tfrecord"

        def counted(size=size):
            for _ in range(size):
                yield next(utterances)
                advance()

        yield _write_shard(folder, name, split, counted(), num_classes)


def write(source, folder, records_per_shard=256, progress=None):
    """Writes a data folder: shards, vocabulary, word vectors, and the manifest last.

    The folder appears whole or not at all. A folder that already holds this very data set
    is left as it is.

    Args:
        source: `amh_tf.corpora.source.Source`.
        folder: Output folder; new, empty, or holding the same data set.
        records_per_shard: Utterances per shard.
        progress: Context manager factory as `amh_tf.progress.bar`, or None.

    Returns:
        `amh_tf.data.manifest.Manifest`.

    Raises:
        ValueError: If the folder holds another data set or any other files.
    """
    folder = files.Path(folder)
    if (folder / manifest.FILE_NAME).exists():
        return _existing(source, folder)
    total = sum(part.count for part in source.splits.values())
    bar = progress(total, "writing", "utterances") if progress else contextlib.nullcontext()
    try:
        with bar as shown:
            _write_folder(source, folder, records_per_shard, shown)
    except OSError as error:
        # Another process may have written the same set meanwhile.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return _existing(source, folder)
    return manifest.load(folder)


def _write_folder(source, folder, records_per_shard, shown):
    with files.new_folder(folder) as temporary:
        advance = shown.advance if shown else (lambda: None)
        shards = [
            shard
            for split, part in source.splits.items()
            for shard in _write_split(
                temporary, split, part, len(source.classes), records_per_shard, advance
            )
        ]
        vocabulary = "\n".join(source.vocabulary) + "\n"
        (temporary / VOCABULARY_FILE).write_text(vocabulary, encoding="utf-8")
        if source.embedding is not None:
            np.save(temporary / EMBEDDING_FILE, source.embedding)
        described = manifest.Manifest(
            folder=folder,
            name=source.name,
            synthetic=source.synthetic,
            classes=tuple(source.classes),
            widths=dict(source.widths),
            fingerprint=source.fingerprint,
            vocabulary_file=VOCABULARY_FILE,
            vocabulary_size=len(source.vocabulary),
            embedding_file=None if source.embedding is None else EMBEDDING_FILE,
            embedding_width=schema.EMBEDDING_WIDTH
            if source.embedding is None
            else source.embedding.shape[1],
            shards=tuple(shards),
            folds=({split: [split] for split in source.splits},),
        )
        (temporary / manifest.FILE_NAME).write_text(described.to_json(), encoding="utf-8")


def _existing(source, folder):
    present = manifest.load(folder)
    if present.fingerprint != source.fingerprint:
        raise ValueError(
            f"{str(folder)!r} already holds another data set. Expected a new folder. "
            f"Received: one with the {present.name}. Choose another folder."
        )
    for split in source.splits:
        present.check_split(split)
    present.embedding()
    return present
