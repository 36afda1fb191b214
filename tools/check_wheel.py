"""Builds the wheel and uses it outside the checkout:

python tools/check_wheel.py

Checks that it holds the package alone, installs it in a fresh environment under the
constraints, imports it, and trains two steps.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _run(*command, cwd):
    print("+", *command, flush=True)
    # The checkout must not be what is imported.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([*map(str, command)], cwd=cwd, env=environment, check=True)


def _build(folder):
    source = Path(folder) / "source"  # setuptools leaves its traces there, not in the checkout
    shutil.copytree(ROOT / "amh_tf", source / "amh_tf")
    for name in ("tests", "tools", "export"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, source, cwd=folder)
    (wheel,) = Path(folder).glob("*.whl")
    return wheel


def _check_contents(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    strange = [name for name in names if not name.startswith(("amh_tf/", "amh_tf-"))]
    missing = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "amh_tf").rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
        if str(path.relative_to(ROOT)) not in names
    ]
    if strange or missing:
        sys.exit(
            "error: the wheel is not the package. Expected amh_tf alone and whole. "
            f"Received: besides {strange}, without {missing}."
        )


def main():
    """Runs the check."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = _build(folder)
        _check_contents(wheel)
        venv.create(Path(folder) / "env", with_pip=True)
        python = Path(folder) / "env" / "bin" / "python"
        constraints = ROOT / "constraints.txt"
        _run(python, "-m", "pip", "install", "-q", "-c", constraints, wheel, cwd=folder)
        found = "import amh_tf, sys; sys.exit(not amh_tf.__file__.startswith(sys.prefix))"
        _run(python, "-c", found, cwd=folder)
        _run(python.with_name("amh"), "--version", cwd=folder)
        train = ["-m", "amh_tf.train", "--hops=7", "--max_steps=2"]
        _run(python, *train, f"--cache_dir={folder}/cache", f"--run_dir={folder}/run", cwd=folder)
    print("The wheel holds the package alone, installs, imports and trains.")


if __name__ == "__main__":
    main()
