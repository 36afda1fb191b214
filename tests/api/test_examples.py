"""Examples in docstrings of the library do what they show."""

import doctest
import importlib

import pytest

from amh_tf import layers
from tests.commands import ROOT

LAYERS = {value.__module__ for value in vars(layers).values() if isinstance(value, type)}
MODULES = (
    *("amh_tf.api.training", "amh_tf.api.preparing", "amh_tf.api.run", "amh_tf.prediction.clip"),
    *("amh_tf.errors", "amh_tf.layers.kernels.choice", "amh_tf.models.registry"),
    *sorted(LAYERS),
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_do_what_they_show(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    module = importlib.import_module(name)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testmod(module, optionflags=options)
    assert tried and not failed
