"""Seeds on one replica and on several."""

import types

import keras
import pytest
import tensorflow as tf

from amh_tf.layers import draws


def seed_of(monkeypatch, number, replicas):
    """The first seed of a generator, on one of several replicas."""
    replica = types.SimpleNamespace(
        num_replicas_in_sync=replicas, replica_id_in_sync_group=tf.constant(number)
    )
    monkeypatch.setattr(tf.distribute, "get_replica_context", lambda: replica)
    return draws.next_seed(keras.random.SeedGenerator(3))


@pytest.mark.parametrize("replicas", [1, 2])
def test_seed_has_the_type_that_the_kernels_take(monkeypatch, replicas):
    seed = seed_of(monkeypatch, 0, replicas)
    assert (seed.dtype, seed.shape) == (tf.int64, (2,))


def test_each_replica_draws_its_own(monkeypatch):
    seeds = {tuple(seed_of(monkeypatch, number, 3).numpy()) for number in range(3)}
    assert len(seeds) == 3
    assert tuple(seed_of(monkeypatch, 1, 3).numpy()) in seeds
