"""Files that are either whole or absent, and files that strangers may have written."""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from amh_tf import errors

# Marks names that are still being written; a killed process may leave one behind.
PARTIAL = ".partial."
# What nobody has written to for so long is not being written any more.
OLD_SECONDS = 2 * 24 * 3600
# Held by the process that works in a folder. The kernel lets go of it when the process ends,
# however it ends; the empty file stays.
LOCK_FILE = ".lock"
# What file systems say that cannot lock.
NO_LOCKS = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.EBADF, errno.EINVAL)
# A disk that is full, or may not be written to.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
# A manifest of a million shards is smaller.
MAX_JSON_BYTES = 256 << 20


@contextlib.contextmanager
def explaining(path):
    """Says what could not be written when the disk is full or read-only.

    TensorFlow and HDF5 raise errors of their own, with the system's words in them.

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
            f"{str(path)!r} cannot be written. Expected a disk with room, and leave to write. "
            f"Received: {reasons[0]}. What stood there before is as it was. Make room or choose "
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
        raise errors.InputError(
            f"There is no folder for the user's cache. Expected a home folder. Received: {error} "
            f"Set another folder with {setting}."
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


def is_vacant(path):
    """Tells whether nothing stands at a path but, at most, an empty folder."""
    path = Path(path)
    if not path.exists():
        return not path.is_symlink()
    return path.is_dir() and all(
        PARTIAL in entry.name or entry.name == LOCK_FILE for entry in path.iterdir()
    )


def _try_lock(descriptor):
    """Locks an open file or folder; tells whether nobody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sweep(folder):
    """Removes what killed processes have left of files; nobody else may be writing there."""
    for left in Path(folder).glob(f".*{PARTIAL}*"):
        if left.is_file():
            left.unlink()


@contextlib.contextmanager
def locked(folder, flag):
    """Keeps other processes that ask for the same folder out, and sweeps up after killed ones.

    Where the file system cannot lock, nobody is kept out.

    Args:
        folder: The folder; it is made if need be.
        flag: The flag that names it, for the message.

    Raises:
        ValueError: If another process holds the folder; the message names it.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = open(folder / LOCK_FILE, "a")  # noqa: SIM115  (closed below)
    except OSError as error:
        raise errors.InputError(
            f"{str(folder)!r} cannot be written to. Expected a folder, or leave to make it. "
            f"Received: {error.strerror or error}. Choose another folder with --{flag}."
        ) from error
    with opened as file:
        try:
            free = _try_lock(file.fileno())
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        else:
            if not free:
                raise errors.InputError(
                    f"{str(folder)!r} is in use. Expected no other process to be at work in it. "
                    "Received: one that holds its lock. Wait until it has ended, or choose "
                    f"another folder with --{flag}."
                )
            sweep(folder)
        yield


def sweep_unfinished(path):
    """Removes what killed processes have left of a new folder; living ones hold theirs.

    What they have left of other folders beside it is removed, too, once it is days old: nobody may
    ever give that command again.

    Args:
        path: Where the folder is to stand, or stands.
    """
    path = Path(path).resolve()
    with contextlib.suppress(OSError):
        for left in list(path.parent.iterdir()):
            name, mark, _ = left.name.partition(PARTIAL)
            if mark and name.startswith(".") and not left.is_symlink():
                with contextlib.suppress(OSError):
                    _sweep_folder(left, is_own=name == f".{path.name}")


def _sweep_folder(left, is_own):
    descriptor = os.open(left, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            if not _try_lock(descriptor):
                return
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            is_own = False  # who holds it cannot be told
        if is_own or time.time() - _last_change(left) > OLD_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    finally:
        os.close(descriptor)


def _last_change(folder):
    return max(entry.stat().st_mtime for entry in (folder, *folder.iterdir()))


def _hold_new_folder(path):
    """Makes a folder beside `path` that no sweep takes away; returns it and what holds it."""
    while True:
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}{PARTIAL}", dir=path.parent))
        descriptor = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY)
        with contextlib.suppress(OSError):
            _try_lock(descriptor)
        if temporary.exists():  # or another process has swept it up before it was held
            return temporary, descriptor
        os.close(descriptor)


@contextlib.contextmanager
def new_folder(path):
    """Yields a temporary folder that becomes `path` when the block ends without an error.

    Raises:
        ValueError: If `path` holds anything, or is a folder that cannot be replaced, such
            as a mount point.
    """
    path = Path(path).resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            path.rmdir()  # tells at once, not after an hour's work, what cannot be replaced
            path.mkdir()
        elif path.exists():
            raise NotADirectoryError("a file")
        sweep_unfinished(path)
        temporary, descriptor = _hold_new_folder(path)
    except OSError as error:
        raise errors.InputError(
            f"{str(path)!r} cannot be written to. Expected a new folder, or an empty one. "
            f"Received: {error.strerror or error}. Choose another folder with --output_dir, or "
            "with --cache_dir."
        ) from error
    try:
        temporary.chmod(0o777 & ~_umask())  # mkdtemp is private; a data set is shared
        with explaining(path):
            yield temporary
            for held in (*temporary.rglob("*"), temporary):
                sync(held)  # files, and the names in folders
            os.replace(temporary, path)
            sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(descriptor)


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
    return errors.InputError(
        f"{str(path)!r} cannot be read. Expected {expected}. Received: {received}."
    )


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
        raise errors.InputError(f"{str(path)!r} is missing. Expected a .npy file. Received: none.")
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # a damaged header raises almost anything
        raise errors.InputError(
            f"{str(path)!r} cannot be read. Expected a whole .npy file without Python "
            f"objects. Received: {type(error).__name__}: {str(error)[:200]}."
        ) from error
