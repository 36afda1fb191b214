"""TFRecord records: one utterance each, features as unpadded raw bytes."""

import math

import numpy as np
import tensorflow as tf

from amh_tf import errors, schema

_STORED = {"float32": "<f4", "float16": "<f2", "int32": "<i4"}
_SPECS = {
    name: tf.io.FixedLenFeature([], tf.string if kind == "bytes" else tf.int64)
    for name, kind in schema.EXAMPLE_FIELDS.items()
}


def are_vectors(modality, widths):
    """Returns whether a modality's steps are vectors; those of a text may be word ids."""
    return modality != "text" or "text" in widths


def dtype_of(modality, widths, feature_dtype="float32"):
    """Returns how a modality's steps are stored, as a NumPy dtype."""
    return np.dtype(feature_dtype if are_vectors(modality, widths) else "int32")


def shape_of(modality, widths):
    """Returns the shape of one step of a modality: none for word ids."""
    return (widths[modality],) if are_vectors(modality, widths) else ()


def encode(utterance, widths, feature_dtype="float32"):
    """Serializes an utterance.

    Args:
        utterance: `amh_tf.corpora.source.Utterance`.
        widths: Widths of a step as in `amh_tf.corpora.source.Source`.
        feature_dtype: How vectors are stored, one of `schema.FEATURE_DTYPES`.

    Returns:
        Bytes of a `tf.train.Example` with the fields of `schema.EXAMPLE_FIELDS`.

    Raises:
        ValueError: If a sequence is not as wide as `widths` says, or a feature is too large for
            float16.
    """

    def bytes_feature(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def int_feature(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    feature = {
        "id": bytes_feature(utterance.id.encode()),
        "label": int_feature(utterance.label),
    }
    for modality in schema.MODALITIES:
        sequence = np.asarray(getattr(utterance, modality))
        _check_steps(sequence, modality, widths, utterance.id)
        dtype = dtype_of(modality, widths, feature_dtype).name
        if dtype == "float16" and np.abs(sequence).max(initial=0) > np.finfo(np.float16).max:
            raise errors.refusal(
                f"The {modality} features of {utterance.id!r} do not fit float16",
                f"values within +-{np.finfo(np.float16).max:.0f}",
                f"{np.abs(sequence).max():g}",
                "Prepare with --feature_dtype=float32.",
            )
        stored = np.ascontiguousarray(sequence, _STORED[dtype])
        feature[modality] = bytes_feature(stored.tobytes())
        feature[f"{modality}_length"] = int_feature(len(sequence))
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def _check_steps(sequence, modality, widths, name):
    shape = shape_of(modality, widths)
    kinds, expected = ("fiu", "numbers") if shape else ("iu", "word ids")
    if len(sequence) and (sequence.shape[1:] != shape or sequence.dtype.kind not in kinds):
        raise errors.refusal(
            f"The {modality} of {name!r} is not what its data set says",
            f"{expected} of shape {('time', *shape)}",
            f"shape={sequence.shape}, dtype={sequence.dtype}",
            "Give all utterances features of one kind.",
        )


def lengths(serialized, modality):
    """Reads how many steps of a modality each record has, in the graph.

    Args:
        serialized: String tensor of shape `(records,)`.
        modality: Name of the modality.

    Returns:
        Int32 tensor of shape `(records,)`.
    """
    name = f"{modality}_length"
    fields = tf.io.parse_example(serialized, {name: _SPECS[name]})
    return tf.cast(fields[name], tf.int32)


def _parse(serialized, widths, modalities, feature_dtype):
    """Parses records as far as their sequences' raw bytes, whose sizes are checked.

    Returns:
        Dict of `id`, `label`, and each modality's raw bytes and lengths, all `(records,)`; dict
        of the stored type of each modality; dict of the shape of a step, empty for word ids.
    """
    names = ["id", "label", *modalities, *(f"{modality}_length" for modality in modalities)]
    fields = tf.io.parse_example(serialized, {name: _SPECS[name] for name in names})
    parsed = {"id": fields["id"], "label": tf.cast(fields["label"], tf.int32)}
    dtypes, shapes = {}, {}
    for modality in modalities:
        dtypes[modality] = tf.as_dtype(dtype_of(modality, widths, feature_dtype))
        shapes[modality] = shape_of(modality, widths)
        length, raw = fields[f"{modality}_length"], fields[modality]
        # Stored bytes, which cannot be more than were read, decide what is allocated.
        agree = tf.debugging.assert_equal(
            tf.cast(tf.strings.length(raw), tf.int64),
            length * (dtypes[modality].size * math.prod(shapes[modality])),
            message=f"a record's {modality} does not have the declared length",
        )
        with tf.control_dependencies([agree]):
            parsed[f"{modality}_length"] = tf.cast(length, tf.int32)
        parsed[modality] = raw
    return parsed, dtypes, shapes


def decode(serialized, widths, modalities=schema.MODALITIES, feature_dtype="float32", span=None):
    """Parses records into a padded batch, in the graph.

    Args:
        serialized: String tensor of shape `(batch,)`.
        widths: Widths of a step as in `amh_tf.corpora.source.Source`.
        modalities: Which modalities to decode.
        feature_dtype: How vectors are stored.
        span: First row to decode and the one after the last, or None for all.

    Returns:
        Dict of `id`, `label`, and each modality's sequences, padded with zeros to the longest
        of the whole batch but at least one step long, and lengths. The extra step keeps a batch
        of absent modalities from having no time axis at all.
    """
    parsed, dtypes, shapes = _parse(serialized, widths, modalities, feature_dtype)
    longest = {m: tf.maximum(tf.reduce_max(parsed[f"{m}_length"]), 1) for m in modalities}
    if span is not None:
        parsed = {name: values[slice(*span)] for name, values in parsed.items()}
    for modality in modalities:
        dtype, shape, steps = dtypes[modality], shapes[modality], longest[modality]
        # TensorFlow pads what it decodes for all types but float16.
        padded = tf.io.decode_raw(
            parsed[modality],
            tf.uint16 if dtype == tf.float16 else dtype,
            little_endian=True,
            fixed_length=steps * (dtype.size * math.prod(shape)),
        )
        padded = tf.reshape(padded, [tf.size(parsed["id"]), steps, *shape])
        if shape:
            padded = tf.cast(tf.bitcast(padded, dtype), tf.float32)
        parsed[modality] = padded
    return parsed
