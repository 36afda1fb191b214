"""Batches that a tf.data service makes on another machine."""

import re

import tensorflow as tf

from amh_tf import errors


def distribute(batches, address):
    """Lets a tf.data service make batches, in the order in which they would be made here.

    The service must have one worker: several would each make all batches, and none would be
    lost, but many would come twice. What comes out of order therefore raises.

    Args:
        batches: `tf.data.Dataset` of known order.
        address: The service's dispatcher, as "grpc://host:port".

    Returns:
        `tf.data.Dataset` of the same batches. Its iterators cannot be checkpointed, but
        `skip` is exact.

    Raises:
        ValueError: If the address is not valid.
    """
    if not re.fullmatch(r"grpc://[^/\s]+:\d+", address):
        raise errors.refusal(
            "`data_service` is not the address of a tf.data service",
            "grpc://host:port",
            f"data_service={address!r}",
            "Set it with --data_service.",
        )
    spread = batches.enumerate().apply(
        tf.data.experimental.service.distribute(
            tf.data.experimental.service.ShardingPolicy.OFF, address
        )
    )
    expected = tf.data.Dataset.counter()

    def check(number, numbered):
        position, batch = numbered
        message = (
            "The tf.data service returns batches out of order. Expected a service with one "
            "worker, without a cache that trainers share. Start it so, or leave out "
            "--data_service."
        )
        with tf.control_dependencies([tf.debugging.assert_equal(position, number, message)]):
            return tf.nest.map_structure(tf.identity, batch)

    return tf.data.Dataset.zip(expected, spread).map(check)
