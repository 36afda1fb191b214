"""Files that are either whole or absent, and files that strangers may have written."""

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from amh_tf import locations

# Marks names that are still being written; a killed process may leave one behind.
PARTIAL = ".partial."


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
    temporary = path.with_name(f".{os.getpid()}{PARTIAL}{path.name}")
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


def is_vacant(path):
    """Tells whether nothing stands at a path but, at most, an empty folder."""
    path = Path(path)
    if not path.exists():
        return not path.is_symlink()
    return path.is_dir() and all(PARTIAL in entry.name for entry in path.iterdir())


@contextlib.contextmanager
def new_folder(path):
    """Yields a temporary folder that becomes `path` when the block ends without an error.

    Raises:
        ValueError: If `path` holds anything, or is a folder that cannot be replaced, such
            as a mount point.
    """
    path = Path(path).resolve()
    try:
        if path.is_dir():
            path.rmdir()  # tells at once, not after an hour's work, what cannot be replaced
            path.mkdir()
        elif path.exists():
            raise NotADirectoryError("a file")
    except OSError as error:
        raise ValueError(
            f"{str(path)!r} cannot be written to. Expected a new folder, or an empty one. "
            f"Received: {error.strerror or error}. Choose another folder."
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}{PARTIAL}", dir=path.parent))
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


def read_json(path, expected):
    """Reads a JSON file that holds an object.

    Args:
        path: The file.
        expected: What it should hold, for the message.

    Returns:
        The object, as a dict.

    Raises:
        ValueError: If the file is not such JSON; the message names it.
    """
    try:
        fields = json.loads(locations.at(path).read_text(encoding="utf-8"))
        if isinstance(fields, dict):
            return fields
        received = f"a {type(fields).__name__}"
    except (ValueError, RecursionError) as error:
        received = f"{type(error).__name__}: {error}"
    raise ValueError(f"{str(path)!r} cannot be read. Expected {expected}. Received: {received}.")


def map_array(path):
    """Maps the array of a `.npy` file into memory, executing nothing.

    The declared size is checked against the file's before anything is allocated.

    Args:
        path: The file.

    Returns:
        Read-only `numpy.memmap`.

    Raises:
        ValueError: If there is no such file, or it is not a whole array of plain numbers;
            the message names it.
    """
    path = locations.at(path)
    if not path.is_file():
        raise ValueError(f"{str(path)!r} is missing. Expected a .npy file. Received: none.")
    try:
        # The mapped file stays, though a local copy's name goes.
        with locations.local(path) as mapped:
            return np.lib.format.open_memmap(mapped, mode="r")
    except Exception as error:  # a damaged header raises almost anything
        raise ValueError(
            f"{str(path)!r} cannot be read. Expected a whole .npy file without Python "
            f"objects. Received: {type(error).__name__}: {str(error)[:200]}."
        ) from error
