"""Seeds of random draws that differ between replicas."""

import keras
import tensorflow as tf


def next_seed(generator: keras.random.SeedGenerator) -> tf.Tensor:
    """Takes a seed from a generator.

    Args:
        generator: `keras.random.SeedGenerator`. Each replica of a `tf.distribute.Strategy`
            holds a copy in the same state.

    Returns:
        int64 tensor of shape `(2,)`, another one on every replica: their rows are different
        utterances, and so must be what is dropped.
    """
    seed = tf.cast(generator.next(), tf.int64)
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return seed
    # The result has the type of what is folded in, and the kernels take int64 alone.
    number = tf.cast(replica.replica_id_in_sync_group, tf.int64)
    return tf.random.experimental.stateless_fold_in(seed, number)
