"""The tutorial runs as it stands, and shows nothing of the machine that it ran on."""

import base64
import re

import nbclient
import nbformat
import pytest

from tests.commands import ROOT

pytestmark = pytest.mark.slow

TUTORIAL = ROOT / "docs" / "tutorial.ipynb"


def outputs(notebook):
    """Lists the outputs of every cell of code."""
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def kinds(notebook):
    """Returns what each cell of code shows: kinds of output, and of data in it."""
    return [
        [(output.output_type, *sorted(output.get("data", {}))) for output in shown]
        for shown in outputs(notebook)
    ]


def texts(notebook):
    """Returns all that cells print or show as text."""
    shown = [output for cell in outputs(notebook) for output in cell]
    data = [output.get("data", {}).values() for output in shown]
    return [output.get("text", "") for output in shown] + [text for one in data for text in one]


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(TUTORIAL, as_version=4)


def test_stored_outputs_are_whole_and_name_no_machine(stored):
    nbformat.validate(stored)
    assert all(cell.execution_count for cell in stored.cells if cell.cell_type == "code")
    pictures = [output.data["image/png"] for cell in outputs(stored) for output in cell
                if "image/png" in output.get("data", {})]  # fmt: skip
    assert len(pictures) == 2
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    readable = [text for text in texts(stored) if text not in pictures]
    assert not any(re.search(r"(?<![<\w])/\w+/\w+|error|warning", text, re.I) for text in readable)
    assert TUTORIAL.stat().st_size < 500_000
    said = "".join(cell.source for cell in stored.cells if cell.cell_type == "markdown")
    assert said.count("synthetic") >= 2 and "must not be used to judge" in said


def test_tutorial_runs(stored, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the kernel is a process of its own
    executed = nbformat.read(TUTORIAL, as_version=4)
    client = nbclient.NotebookClient(executed, timeout=600, kernel_name="python3")
    client.execute(cwd=TUTORIAL.parent)
    assert kinds(executed) == kinds(stored)
    scores = re.findall(
        r"(\w+_accuracy): ([\d.]+) \[([\d.]+), ([\d.]+)\]", "".join(texts(executed))
    )
    assert [name for name, *_ in scores] == ["weighted_accuracy", "unweighted_accuracy"]
    assert float(scores[1][2]) > 1 / 7, scores  # it has learnt
