"""Builds the wheel and uses it outside the checkout:

python -m tools.check_wheel

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
# setuptools leaves its traces in a copy; what must not get into the wheel is copied too.
COPIED = ("amh_tf", "tests", "tools", "export", "setup.cfg", "pyproject.toml", "README.md")
COPIED += ("LICENSE",)
IMPORT = "import amh_tf, sys; sys.exit(not amh_tf.__file__.startswith(sys.prefix))"


def _run(*command, cwd):
    print("+", *command, flush=True)
    # The checkout must not be what is imported.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([*map(str, command)], cwd=cwd, env=environment, check=True)


def _check_contents(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    strange = [name for name in names if not name.startswith(("amh_tf/", "amh_tf-"))]
    files = [path for path in (ROOT / "amh_tf").rglob("*") if path.is_file()]
    files = [path for path in files if path.parent.name != "__pycache__"]
    missing = {str(path.relative_to(ROOT)) for path in files} - set(names)
    if strange or missing:
        sys.exit(
            "error: the wheel is not the package. Expected amh_tf alone and whole. "
            f"Received: besides {strange}, without {sorted(missing)}."
        )


def main():
    """Runs the check."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "source").mkdir()
        for path in (ROOT / name for name in COPIED):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, folder / "source" / path.name)
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", folder]
        _run(*build, folder / "source", cwd=folder)
        (wheel,) = folder.glob("*.whl")
        _check_contents(wheel)
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        install = ["-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt"]
        _run(python, *install, wheel, cwd=folder)
        _run(python, "-c", IMPORT, cwd=folder)
        _run(python.with_name("amh"), "--version", cwd=folder)
        train = ["-m", "amh_tf.train", "--hops=7", "--max_steps=2"]
        _run(python, *train, f"--cache_dir={folder}/cache", f"--run_dir={folder}/run", cwd=folder)
    print("The wheel holds the package alone, installs, imports and trains.")


if __name__ == "__main__":
    main()
