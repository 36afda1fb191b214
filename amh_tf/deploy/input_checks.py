"""Checks of a request, inside the graph: a wrong answer that looks right is the worst answer.

Each raises INVALID_ARGUMENT on any server, with a message that names the input.
"""

import tensorflow as tf

# Far beyond any feature, and small enough that no sum over a step overflows: what is infinite
# inside a model may come out of its bounded functions as an answer that looks right.
LARGEST_FEATURE = 1e30


def _require(condition, name, problem, expected):
    """Makes an operation that fails unless a condition holds for every element."""
    message = f"`{name}` {problem}. Expected {expected}."
    return tf.debugging.Assert(tf.reduce_all(condition), [message])


def require(condition, name, problem, expected, *values):
    """Passes values on where a condition holds for every element, and raises where not."""
    with tf.control_dependencies([_require(condition, name, problem, expected)]):
        return tuple(map(tf.identity, values)) if len(values) > 1 else tf.identity(values[0])


def at_least_one_step(sequence):
    """Gives a sequence without a time axis to speak of one step of zeros."""
    missing = tf.maximum(1 - tf.shape(sequence)[1], 0)
    rank = len(sequence.shape)
    return tf.pad(sequence, [[0, 0], [0, missing], [0, 0]][:rank])


def valid_steps(sequence, length, name, length_name):
    """Checks the lengths of padded sequences.

    Args:
        sequence: Tensor of shape `(batch, time, ...)`.
        length: Int32 tensor of shape `(batch,)`.
        name, length_name: What the request calls them.

    Returns:
        Lengths, and the mask of valid steps, `(batch, time)`.
    """
    batch, time = tf.unstack(tf.shape(sequence)[:2])
    length = require(
        tf.equal(tf.size(length), batch),
        length_name,
        f"does not fit `{name}`",
        "one length for each of its rows",
        length,
    )
    length = require(
        (length >= 0) & (length <= time),
        length_name,
        "is out of range",
        f"0, for an absent modality, up to the steps that `{name}` holds",
        length,
    )
    return length, tf.sequence_mask(length, time)


def features(sequence, length, name):
    """Checks a batch of features, and empties its padding.

    Returns:
        Sequence `(batch, time, width)`, time at least 1, and lengths `(batch,)`.
    """
    length, mask = valid_steps(sequence, length, name, f"{name}_length")
    sequence = tf.where(tf.expand_dims(mask, -1), sequence, 0.0)
    sequence = require(
        # False for NaN too; unlike the magnitudes, these take a quarter of the sequence's memory.
        (sequence >= -LARGEST_FEATURE) & (sequence <= LARGEST_FEATURE),
        name,
        "holds NaN or infinity",
        f"finite features within {LARGEST_FEATURE:g}",
        sequence,
    )
    return at_least_one_step(sequence), length


def word_ids(sequence, length, vocabulary_size):
    """Checks a batch of word ids, and empties its padding.

    Returns:
        Ids `(batch, time)`, time at least 1, and lengths `(batch,)`.
    """
    length, mask = valid_steps(sequence, length, "text", "text_length")
    sequence = tf.where(mask, sequence, 0)
    sequence = require(
        (sequence >= 0) & (sequence < vocabulary_size),
        "text",
        "holds an id outside the vocabulary",
        f"0 to {vocabulary_size - 1}",
        sequence,
    )
    return at_least_one_step(sequence), length


def _statistics(values, batch, name):
    """Checks means or deviations of speakers, `(batch, width)`."""
    values = require(
        tf.equal(tf.shape(values)[0], batch), name, "has another batch size", "a row each", values
    )
    least = 0.0 if name.endswith("_deviation") else -LARGEST_FEATURE
    return require(
        (values >= least) & (values <= LARGEST_FEATURE),  # False for NaN too
        name,
        "is out of range",
        "finite numbers, deviations of at least 0",
        values,
    )


def model_inputs(inputs, config, limits):
    """Checks all that the model takes.

    Args:
        inputs: Dict as the model takes it, of one batch.
        config: `amh_tf.config.ModelConfig`.
        limits: `amh_tf.deploy.limits.Limits`.

    Returns:
        The same dict, padding emptied.
    """
    checked, steps = {}, 0
    batch = tf.shape(inputs[config.modalities[0]])[0]
    for modality in config.modalities:
        length_name = f"{modality}_length"
        sequence, length = inputs[modality], inputs[length_name]
        sequence = require(
            tf.equal(tf.shape(sequence)[0], batch),
            modality,
            "has another batch size",
            f"as many rows as `{config.modalities[0]}`",
            sequence,
        )
        sequence = limits.steps(sequence, modality, modality, *tf.unstack(tf.shape(sequence)[:2]))
        if config.reads_word_ids(modality):
            sequence, length = word_ids(sequence, length, config.vocabulary_size)
        else:
            sequence, length = features(sequence, length, modality)
        checked[modality], checked[length_name] = sequence, length
        steps += length
    for name in config.statistics_names:
        checked[name] = _statistics(inputs[name], batch, name)
    first = f"{config.modalities[0]}_length"
    checked[first] = require(
        steps > 0,
        ", ".join(f"{modality}_length" for modality in config.modalities),
        "leave an utterance without any modality",
        "at least one above 0",
        checked[first],
    )
    return checked
