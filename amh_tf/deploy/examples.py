"""Serialized `tf.train.Example`s, as the shards hold them, as a batch in the graph."""

import tensorflow as tf

from amh_tf.deploy import input_checks


def _fields(config):
    """Describes what is read; a modality that an Example does not mention is absent."""
    fields = {}
    for name in config.statistics_names:
        width = getattr(config, f"{name.split('_')[0]}_width")
        fields[name] = tf.io.FixedLenFeature([width], tf.float32)
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
        dtype = tf.int32 if modality == "text" else tf.float32
        width = 1 if modality == "text" else getattr(config, f"{modality}_width")
        step_bytes = width * dtype.size
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
        shape = [-1, steps] if modality == "text" else [-1, steps, width]
        inputs[modality] = tf.reshape(flat, shape)
        inputs[f"{modality}_length"] = tf.cast(length, tf.int32)
    return inputs
