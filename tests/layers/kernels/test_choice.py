"""Which kernel is chosen, for layers and for runs."""

import pytest
import tensorflow as tf

from amh_tf import config
from amh_tf.layers.kernels import choice, compiled


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine without GPU; a function adds one."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])

    def add_gpu():
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])

    return add_gpu


def test_settings_offer_the_kernels_that_layers_know():
    assert config.KERNELS == choice.KERNELS


@pytest.mark.parametrize(
    ("kernel", "dtype", "has_compiled", "expected"),
    [
        ("auto", "float32", True, "compiled"),
        ("auto", "bfloat16", True, "compiled"),
        ("auto", "float16", True, "packed"),
        ("auto", "float32", False, "packed"),
        ("compiled", "float32", False, "compiled"),
        ("compiled", "float16", True, "packed"),
        ("packed", "float32", True, "packed"),
        ("keras", "float16", True, "keras"),
    ],
)
def test_choice(kernel, dtype, has_compiled, expected):
    assert choice.choose(kernel, dtype, has_compiled) == expected


@pytest.mark.parametrize(
    ("kernel", "expected"), [("auto", "keras"), ("compiled", "compiled"), ("packed", "packed")]
)
def test_gpu_is_left_to_keras_unless_another_kernel_is_asked_for(kernel, expected, machine):
    machine()
    assert choice.choose(kernel, "float32", has_compiled=True) == expected


def test_compiled_operations_are_preferred_inside_the_block_alone(monkeypatch):
    settings = ("auto", "float32")
    monkeypatch.setattr(compiled, "is_loaded", lambda: True)
    assert (choice.of_process(*settings), choice.of_call(*settings)) == ("compiled", "packed")
    with choice.preferred():
        assert choice.of_call(*settings) == "compiled"
        assert choice.is_fused("bfloat16") and not choice.is_fused(tf.float16)
    assert choice.of_call(*settings) == "packed"
    assert not choice.is_fused("float32")


def test_nothing_is_preferred_where_nothing_is_loaded(monkeypatch):
    monkeypatch.setattr(compiled, "is_loaded", lambda: False)
    with choice.preferred():
        assert choice.of_call("auto", "float32") == "packed"
        assert not choice.is_fused("float32")
