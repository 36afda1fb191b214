"""Two half-batches side by side.

The steps of a recurrence follow one another, and the products of one step are too small for
several cores. Two halves of a batch are independent: with a thread each, both cores are busy most
of the time. The mathematics is that of the whole batch, its rounding and its dropout are not. The
compiled kernel does without: its operations share the rows of a whole batch out among the cores.
"""

import contextlib
import os

import tensorflow as tf

from amh_tf.layers.kernels import choice


def cores():
    """Returns the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def reason_against(batch_split, model, replicas=1):
    """Returns why a batch is not split in two, or None where it is.

    Args:
        batch_split: One of `amh_tf.config.BATCH_SPLITS`; "auto" splits where it is faster. The
            load of the machine plays no part, or the same command would not give the same
            model twice.
        model: `amh_tf.config.ModelConfig`.
        replicas: Number of replicas that share a batch already.
    """
    if replicas > 1:
        return f"{replicas} replicas share it already"
    if batch_split != "auto":
        return "--batch_split=off" if batch_split == "off" else None
    if model.kernel == "keras":
        return "--kernel=keras computes a batch as a whole"
    if choice.of_process(model.kernel, model.dtype) == "compiled":
        return "the compiled kernel distributes its rows over the cores"
    if tf.config.list_physical_devices("GPU"):
        return "a GPU computes a batch as a whole"
    if cores() < 2:
        return "there is one core"
    return None


def set_threads(is_split, jobs=1):
    """Gives each half of a batch a thread, and its share of the cores.

    It must be called before TensorFlow does anything else in the process, and does nothing after.

    Args:
        is_split: Whether batches are computed as halves.
        jobs: Number of processes that share the machine.
    """
    share = max(1, cores() // jobs)
    # Of a process that has used TensorFlow before, such as a notebook, the threads stay.
    with contextlib.suppress(RuntimeError):
        if is_split:
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
