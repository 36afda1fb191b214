"""Examples in docstrings of the library do what they show."""

import doctest
import importlib

import pytest

from tests.commands import ROOT

MODULES = ("api.training", "api.preparing", "api.run", "prediction.clip")


@pytest.mark.parametrize("name", MODULES)
def test_examples_do_what_they_show(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    module = importlib.import_module(f"amh_tf.{name}")
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testmod(module, optionflags=options)
    assert tried and not failed
