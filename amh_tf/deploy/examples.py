"""Serialized `tf.train.Example`s, as the shards hold them, as a batch in the graph."""

import math

import tensorflow as tf

from amh_tf.deploy import input_checks


def _fields(config):
    """Describes what is read; a modality that an Example does not mention is absent."""
    fields = {}
    for name in config.statistics_names:
        shape, _ = config.input_spec(name)
        fields[name] = tf.io.FixedLenFeature(shape, tf.float32)
    for modality in config.modalities:
        fields[modality] = tf.io.FixedLenFeature([], tf.string, default_value="")
        fields[f"{modality}_length"] = tf.io.FixedLenFeature([], tf.int64, default_value=0)
    return fields


def _rewritten(serialized):
    """Has Protocol Buffers read and write Examples before TensorFlow's own parser gets them.

    That parser ends the process at some lengths that lie, and the Predict call hands on what a
    client sends. Bytes that are no Example raise DATA_LOSS.
    """
    _, (features,) = tf.io.decode_proto(
        serialized, "tensorflow.Example", ["features"], [tf.string], sanitize=True
    )
    once = tf.ones_like(features, tf.int32)
    return tf.io.encode_proto(once, [features], ["features"], "tensorflow.Example")


def parse(serialized, config, limits):
    """Parses a batch of Examples.

    Args:
        serialized: String tensor of shape `(batch,)`; each with the fields of
            `amh_tf.schema.EXAMPLE_FIELDS`, of which a modality's two may be left out, and the
            lists of floats `audio_mean` and so on, where the model standardizes by the speaker.
        config: `amh_tf.config.ModelConfig`.
        limits: `amh_tf.deploy.limits.Limits`.

    Returns:
        Dict as the model takes it, padded to the longest of the batch.
    """
    fields = tf.io.parse_example(_rewritten(serialized), _fields(config))
    inputs = {name: fields[name] for name in config.statistics_names}
    for modality in config.modalities:
        raw, length = fields[modality], fields[f"{modality}_length"]
        (_, *step), dtype = config.input_spec(modality)
        dtype = tf.as_dtype(dtype)
        step_bytes = math.prod(step) * dtype.size
        num_bytes = tf.cast(tf.strings.length(raw), tf.int64)
        length = input_checks.require(
            tf.equal(num_bytes, length * step_bytes),
            modality,
            f"does not hold the steps that `{modality}_length` says",
            f"{step_bytes} bytes a step: {dtype.name}, row-major, little-endian",
            length,
        )
        longest = tf.reduce_max(tf.concat([length, [1]], 0))
        raw = limits.steps(raw, modality, modality, tf.size(length), longest)
        steps = tf.cast(longest, tf.int32)
        flat = tf.io.decode_raw(raw, dtype, fixed_length=steps * step_bytes)
        inputs[modality] = tf.reshape(flat, [-1, steps, *step])
        inputs[f"{modality}_length"] = tf.cast(length, tf.int32)
    return inputs
