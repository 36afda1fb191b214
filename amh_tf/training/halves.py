"""Two half-batches side by side.

The steps of a recurrence follow one another, and the products of one step are too small for
several cores. Two halves of a batch are independent: with a thread each, both cores are busy all
the time. The mathematics is that of the whole batch, its rounding and its dropout are not.
"""

import os

import tensorflow as tf


def cores():
    """Returns the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def reason_against(batch_split, kernel, replicas=1):
    """Says why a batch is not split in two, or returns None where it is.

    Args:
        batch_split: One of `amh_tf.config.BATCH_SPLITS`; "auto" splits where it is faster. The
            load of the machine plays no part, or the same command would not give the same
            model twice.
        kernel: One of `amh_tf.config.KERNELS`.
        replicas: Number of replicas that share a batch already.
    """
    if replicas > 1:
        return f"{replicas} replicas share it already"
    if batch_split != "auto":
        return "--batch_split=off" if batch_split == "off" else None
    if kernel == "keras":
        return "--kernel=keras computes a batch as a whole"
    if tf.config.list_physical_devices("GPU"):
        return "a GPU computes a batch as a whole"
    if cores() < 2:
        return "there is one core"
    return None


def set_threads(batch_split, kernel, jobs=1):
    """Gives each half of a batch a thread, and its share of the cores.

    Call before TensorFlow does anything else in the process.

    Args:
        batch_split, kernel: As for `reason_against`.
        jobs: Number of processes that share the machine.
    """
    share = max(1, cores() // jobs)
    if reason_against(batch_split, kernel) is None:
        tf.config.threading.set_inter_op_parallelism_threads(2)
        share = max(1, share // 2)
    tf.config.threading.set_intra_op_parallelism_threads(share)


def split(tensors, is_split):
    """Cuts tensors along their batch.

    Args:
        tensors: Nested structure of tensors with the same first dimension.
        is_split: Whether to cut at all.

    Returns:
        List of structures like `tensors`: two halves, the first the smaller one where the batch
        is odd, or the whole.
    """
    if not is_split:
        return [tensors]
    middle = tf.shape(tf.nest.flatten(tensors)[0])[0] // 2
    return [
        tf.nest.map_structure(lambda tensor: tensor[:middle], tensors),
        tf.nest.map_structure(lambda tensor: tensor[middle:], tensors),
    ]
