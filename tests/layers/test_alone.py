"""Layers and models are a library of their own: they know no command and no run."""

import ast
import re

import pytest

from tests.commands import ROOT

# What layers may import of the package, beside one another.
BELOW = {"errors", "files"}
LAYERS = sorted((ROOT / "amh_tf" / "layers").rglob("*.py"))
MODELS = sorted((ROOT / "amh_tf" / "models").glob("*.py"))
# The compiler's own options.
OPTIONS = {"--version"}


def imported(path):
    """The package's modules that a file imports, such as "errors" and "layers.draws"."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "amh_tf":
            inner = node.module.split(".")[1:]
            yield from (".".join([*inner, name.name]) for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (
                name.name.removeprefix("amh_tf.")
                for name in node.names
                if name.name.startswith("amh_tf.")
            )


def test_layers_import_nothing_of_the_application():
    modules = {name for path in LAYERS for name in imported(path)}
    assert "errors" in modules  # or nothing was read
    assert {name for name in modules if not name.startswith("layers.")} <= BELOW


@pytest.mark.parametrize("path", [*LAYERS, *MODELS], ids=lambda path: path.stem)
def test_texts_name_no_flag(path):
    texts = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    flags = {flag for text in texts for flag in re.findall(r"--[a-z_]+", text)}
    assert flags <= OPTIONS
