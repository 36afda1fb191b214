"""Executes docs/tutorial.ipynb anew, and keeps its outputs in it:

python -m tools.execute_tutorial
"""

import argparse
from pathlib import Path

import nbclient
import nbformat

from amh_tf import files

TUTORIAL = Path(__file__).resolve().parent.parent / "docs" / "tutorial.ipynb"
SECONDS = 600  # that a cell may take


def execute(path=TUTORIAL):
    """Runs a notebook in its folder, in a kernel of its own.

    Args:
        path: The notebook.

    Returns:
        It, with the outputs of this time.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    notebook.metadata["language_info"] = {"name": "python"}  # and nothing of this machine
    return notebook


def main():
    """Writes the notebook."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    files.write_text(TUTORIAL, nbformat.writes(execute()) + "\n")


if __name__ == "__main__":
    main()
