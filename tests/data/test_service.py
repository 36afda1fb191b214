"""A tf.data service within this process."""

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.data import pipeline

SETTINGS = {"seed": 5, "epoch": 2, "with_ids": True}


@pytest.fixture
def dispatcher():
    return tf.data.experimental.service.DispatchServer()


def start_worker(dispatcher):
    address = dispatcher.target.split("://")[1]
    return tf.data.experimental.service.WorkerServer(
        tf.data.experimental.service.WorkerConfig(dispatcher_address=address)
    )


def test_service_gives_the_same_batches_from_any_position(tiny_fold, dispatcher):
    worker = start_worker(dispatcher)
    here = list(pipeline.batches(tiny_fold, "train", 13, **SETTINGS))
    there = pipeline.batches(tiny_fold, "train", 13, data_service=dispatcher.target, **SETTINGS)
    for position in (0, 2):
        batches = list(there.skip(position))
        assert len(batches) == len(here) - position
        for expected, batch in zip(here[position:], batches):
            tf.nest.map_structure(np.testing.assert_array_equal, expected, batch)
    assert worker


def test_service_of_two_workers_is_refused(tiny_fold, dispatcher):
    workers = [start_worker(dispatcher) for _ in range(2)]
    there = pipeline.batches(tiny_fold, "train", 13, data_service=dispatcher.target, **SETTINGS)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"out of order.*--data_service"):
        list(there)
    assert workers


@pytest.mark.parametrize("address", ["", "host:5000", "grpc://host", "http://host:1"])
def test_wrong_address_is_refused(tiny_fold, address):
    with pytest.raises(ValueError, match=r"`data_service`.*--data_service"):
        pipeline.batches(tiny_fold, "train", 13, data_service=address)
