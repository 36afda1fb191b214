import numpy as np
import pytest
import tensorflow as tf

from amh_tf import config
from amh_tf.layers.kernels import compiled
from amh_tf.training import halves


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_halves_hold_every_row_once_in_order(rows):
    tensors = ({"audio": tf.range(rows * 2)[:, None]}, tf.range(rows * 2))
    parts = halves.split(tensors, True)
    assert len(parts) == 2
    joined = tf.nest.map_structure(lambda *parts: tf.concat(parts, 0), *parts)
    np.testing.assert_array_equal(joined[0]["audio"][:, 0], range(rows * 2))
    np.testing.assert_array_equal(joined[1], range(rows * 2))


def test_whole_is_left_whole():
    tensors = tf.range(3)
    assert halves.split(tensors, False) == [tensors]


def model(**settings):
    return config.ModelConfig(vocabulary_size=5, **settings)


@pytest.fixture
def machine(monkeypatch):
    """Sets a machine's cores and GPUs, and whether the compiled kernel is loaded."""

    def is_one(cores=2, gpus=(), is_loaded=False):
        monkeypatch.setattr(halves, "cores", lambda: cores)
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(gpus))
        monkeypatch.setattr(compiled, "is_loaded", lambda: is_loaded)

    return is_one


@pytest.mark.parametrize(
    ("batch_split", "kernel", "replicas", "cores", "reason"),
    [
        ("auto", "packed", 1, 2, None),
        ("auto", "auto", 1, 2, None),
        ("auto", "packed", 1, 1, "one core"),
        ("auto", "keras", 1, 2, "--kernel=keras"),
        ("off", "packed", 1, 2, "--batch_split=off"),
        ("on", "keras", 1, 1, None),
        ("on", "packed", 2, 2, "2 replicas"),
    ],
)
def test_split_is_off_for_a_reason(batch_split, kernel, replicas, cores, reason, machine):
    machine(cores)
    found = halves.reason_against(batch_split, model(kernel=kernel), replicas)
    assert found is None if reason is None else reason in found


@pytest.mark.parametrize(
    ("settings", "is_split"),
    [
        ({}, False),
        ({"kernel": "compiled", "dtype": "bfloat16"}, False),
        ({"kernel": "packed"}, True),
        ({"cell": "lstm"}, False),
        ({"dtype": "float16"}, True),
    ],
)
def test_compiled_kernel_takes_a_batch_as_a_whole(settings, is_split, machine):
    machine(is_loaded=True)
    found = halves.reason_against("auto", model(**settings))
    assert found is None if is_split else "compiled kernel" in found
    assert halves.reason_against("on", model(**settings)) is None


def test_gpu_computes_a_batch_as_a_whole(machine):
    machine(8, ["GPU:0"])
    assert "GPU" in halves.reason_against("auto", model())
