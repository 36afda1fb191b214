"""TFRecord records: one utterance each, features as unpadded raw bytes."""

import numpy as np
import tensorflow as tf

from amh_tf import schema


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
