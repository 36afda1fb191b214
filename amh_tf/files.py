"""Files that are either whole or absent, and files that strangers may have written."""

import contextlib
import errno
import json
import os
from pathlib import Path

import numpy as np

from amh_tf import errors

# Marks names that are still being written; a killed process may leave one behind.
PARTIAL = ".partial."
# A disk that is full, or may not be written to.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
# A manifest of a million shards is smaller.
MAX_JSON_BYTES = 256 << 20


@contextlib.contextmanager
def explaining(path):
    """Says what could not be written when the disk is full or read-only.

    TensorFlow and HDF5 raise their own errors, with the system's words in them.

    Raises:
        OSError: In place of whatever was raised for lack of room; the message names `path`.
    """
    try:
        yield
    except Exception as error:
        reasons = [text for text in map(os.strerror, _NO_ROOM) if text in str(error)]
        if not reasons or "cannot be written" in str(error):
            raise
        raise OSError(
            f"{str(path)!r} cannot be written. Expected a disk with room, and permission to write. "
            f"Received: {reasons[0]}. Earlier content is unchanged. Make room or choose "
            "another folder, and give the same command again."
        ) from error


def user_cache(setting):
    """Returns the folder for what can be made again, in the user's cache.

    Args:
        setting: What sets another folder, for the message.

    Raises:
        ValueError: If the user has no home folder.
    """
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:  # a user without a home, as in containers
        raise errors.refusal(
            "There is no folder for the user's cache",
            "a home folder",
            f"{error} Set another folder with {setting}",
        ) from error
    return Path(base) / "amh_tf"


def sync(path):
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def replacing(path, wait=True):
    """Yields a temporary path that becomes `path` when the block ends without an error.

    Args:
        path: Final path. The temporary name keeps its ending, since Keras and Matplotlib
            choose the format by it.
        wait: Whether to wait until it is on the disk. Without, a power cut may damage the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}{PARTIAL}{path.name}")
    try:
        with explaining(path):
            yield temporary
            if wait:
                sync(temporary)
            os.replace(temporary, path)
            if wait:
                sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Writes a text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


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
    path = Path(path)
    size = path.stat().st_size
    if size > MAX_JSON_BYTES:
        raise _no_json(path, expected, f"{size} bytes, more than {MAX_JSON_BYTES}")
    return parse_json(path.read_bytes(), path, expected)


def parse_json(content, path, expected):
    """Reads the bytes of such a file; `path` is what messages name."""
    try:
        text = content.decode("utf-8")
        fields = json.loads(text)
        if "\\u" in text:  # Halves of characters can be neither printed nor written.
            json.dumps(fields, ensure_ascii=False).encode()
        if isinstance(fields, dict):
            return fields
        received = f"a {type(fields).__name__}"
    except (ValueError, RecursionError) as error:
        received = f"{type(error).__name__}: {error}"
    raise _no_json(path, expected, received)


def _no_json(path, expected, received):
    return errors.refusal(f"{str(path)!r} cannot be read", expected, received)


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
    path = Path(path)
    if not path.is_file():
        raise errors.refusal(f"{str(path)!r} is missing", "a .npy file", "none")
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # a damaged header raises almost anything
        raise errors.refusal(
            f"{str(path)!r} cannot be read",
            "a whole .npy file without Python objects",
            f"{type(error).__name__}: {str(error)[:200]}",
        ) from error
