"""What the package refuses is told from faults of the program by its type."""

import ast

import pytest

from amh_tf import errors
from amh_tf.runs import model_file
from amh_tf.storage import faults
from tests.commands import ROOT

SOURCES = [*ROOT.glob("amh_tf/**/*.py"), *ROOT.glob("tools/**/*.py"), *ROOT.glob("export/*.py")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_raises_a_bare_value_error(path):
    """Which a command would take for a fault."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "ValueError" or path.name == "client.py", node.lineno


def test_refusals_are_value_errors():
    for kind in (errors.InputError, faults.Fault, model_file.Refused):
        assert issubclass(kind, ValueError) and issubclass(kind, errors.InputError)
