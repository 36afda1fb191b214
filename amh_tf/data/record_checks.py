"""What single records hold, parsed as training parses them and compared with the manifest."""

import collections
import functools

import numpy as np
import tensorflow as tf

from amh_tf import schema
from amh_tf.data import records

# What TensorFlow raises for a damaged record. It puts bytes of the record into its message, and
# fails to make text of them.
UNREADABLE = (tf.errors.OpError, UnicodeDecodeError)


class Findings:
    """What all shards together hold.

    Attributes:
        ids: Dict from an utterance's id to where it was found first.
        word_counts: Dict from a part to how often it uses each word.
    """

    def __init__(self, vocabulary_size):
        self.ids = {}
        self.word_counts = collections.defaultdict(lambda: np.zeros(vocabulary_size, np.int64))


def _first_line(error):
    if isinstance(error, UnicodeDecodeError):
        return "it is not a tf.train.Example"
    return error.message.split("\n")[0].replace("{{", "").replace("}}", "")[:200]


@functools.lru_cache(maxsize=8)
def _decoder(widths, feature_dtype):
    """Makes the function from one record to its fields; operation by operation it is slower."""
    decode = functools.partial(records.decode, widths=dict(widths), feature_dtype=feature_dtype)
    return tf.function(decode, input_signature=[tf.TensorSpec([1], tf.string)])


def examine(payload, manifest, shard, where, findings):
    """Parses one record.

    Args:
        payload: Its bytes.
        manifest, shard: The `Manifest` and `Shard` that it belongs to.
        where: Path of the shard and number of the record.
        findings: `Findings` to add to.

    Returns:
        Its label, None where it cannot be read, and a list of what is wrong with it.
    """
    try:
        decode = _decoder(tuple(manifest.widths.items()), manifest.feature_dtype)
        batch = decode([payload])
    except UNREADABLE as error:
        return None, [f"it cannot be parsed ({_first_line(error)})"]
    fields = {name: value[0] for name, value in batch.items()}
    try:
        name = fields["id"].numpy().decode()
    except UnicodeDecodeError:
        return None, ["its id is not UTF-8"]
    problems = []
    label = int(fields["label"])
    if not 0 <= label < len(manifest.classes):
        problems.append(f"label {label} of {len(manifest.classes)} classes")
    for modality in schema.MODALITIES:
        length = int(fields[f"{modality}_length"])
        if length < 0:
            problems.append(f"{modality} has length {length}")
        steps = fields[modality].numpy()
        if not records.are_vectors(modality, manifest.widths):
            problems += _examine_words(steps, length, manifest, findings.word_counts[shard.part])
        elif not np.isfinite(steps).all():
            problems.append(f"{modality} is not finite")
    if name in findings.ids:
        first, record = findings.ids[name]
        problems.append(f"id {name!r} is in {first.name}, record {record}, too")
    else:
        findings.ids[name] = where
    return label, problems


def _examine_words(ids, length, manifest, counts):
    """Adds word ids to the counts of their part, and yields what is wrong with them."""
    is_known = (ids >= 0) & (ids < manifest.vocabulary_size)
    if not is_known.all():
        yield f"word id {ids[~is_known][0]} of {manifest.vocabulary_size} words"
    elif length > 0:
        counts += np.bincount(ids, minlength=manifest.vocabulary_size)
