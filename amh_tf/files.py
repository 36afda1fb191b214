"""Files that are either whole or absent: temporary name, fsync, rename."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


def _sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path that becomes `path` when the block ends without an error.

    Args:
        path: Final path. The temporary name keeps its ending, since Keras and Matplotlib
            choose the format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.partial.{path.name}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Writes a text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def new_folder(path):
    """Yields a temporary folder that becomes `path` when the block ends without an error.

    Raises:
        ValueError: If `path` is a file, or a folder that holds anything.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(
            "The output folder is not empty. Expected a new or an empty folder. "
            f"Received: {str(path)!r}. Choose another with --output_dir."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.partial.", dir=path.parent))
    try:
        temporary.chmod(0o777 & ~_umask())  # mkdtemp is private; a data set is shared
        yield temporary
        for file in temporary.iterdir():
            _sync(file)
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
