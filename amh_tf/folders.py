"""Folders that appear whole or not at all, and the process that works in one."""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from amh_tf import errors, files

# What nobody has written to for so long is not being written any more.
OLD_SECONDS = 2 * 24 * 3600
# Held by the process that works in a folder. The kernel lets go of it when the process ends,
# however it ends; the empty file stays.
LOCK_FILE = ".lock"
# What file systems say that cannot lock.
NO_LOCKS = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.EBADF, errno.EINVAL)


def is_vacant(path):
    """Returns whether nothing is at a path but, at most, an empty folder."""
    path = Path(path)
    if not path.exists():
        return not path.is_symlink()
    return path.is_dir() and all(
        files.PARTIAL in entry.name or entry.name == LOCK_FILE for entry in path.iterdir()
    )


def _try_lock(descriptor):
    """Locks an open file or folder; returns whether no other process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sweep(folder):
    """Removes what killed processes have left of files; no other process may be writing there."""
    for path in Path(folder).glob(f".*{files.PARTIAL}*"):
        if path.is_file():
            path.unlink()


@contextlib.contextmanager
def locked(folder, flag):
    """Keeps other processes that ask for the same folder out, and sweeps up after killed ones.

    Where the file system cannot lock, no process is kept out.

    Args:
        folder: The folder; it is made if need be.
        flag: The flag that names it, for the message.

    Raises:
        ValueError: If another process holds the folder; the message names it.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / LOCK_FILE, "a")  # noqa: SIM115  (closed below)
    except OSError as error:
        raise errors.refusal(
            f"{str(folder)!r} cannot be written to",
            "a folder, or permission to create it",
            error.strerror or error,
            f"Choose another folder with --{flag}.",
        ) from error
    with lock as file:
        try:
            free = _try_lock(file.fileno())
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        else:
            if not free:
                raise errors.refusal(
                    f"{str(folder)!r} is in use",
                    "no other process working in it",
                    "one that holds its lock",
                    f"Wait until it has ended, or choose another folder with --{flag}.",
                )
            sweep(folder)
        yield


def sweep_unfinished(path):
    """Removes what killed processes have left of a new folder; living ones hold theirs.

    What they have left of other folders beside it is removed, too, once it is days old: nobody may
    ever give that command again.

    Args:
        path: Where the folder is, or is to be.
    """
    path = Path(path).resolve()
    with contextlib.suppress(OSError):
        for leftover in list(path.parent.iterdir()):
            name, mark, _ = leftover.name.partition(files.PARTIAL)
            if mark and name.startswith(".") and not leftover.is_symlink():
                with contextlib.suppress(OSError):
                    _sweep_folder(leftover, is_own=name == f".{path.name}")


def _sweep_folder(path, is_own):
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            if not _try_lock(descriptor):
                return
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            is_own = False  # who holds it cannot be told
        if is_own or time.time() - _last_change(path) > OLD_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)


def _last_change(folder):
    return max(entry.stat().st_mtime for entry in (folder, *folder.iterdir()))


def _hold_new_folder(path):
    """Makes a folder beside `path` that no sweep takes away; returns it and what holds it."""
    while True:
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}{files.PARTIAL}", dir=path.parent))
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
        raise errors.refusal(
            f"{str(path)!r} cannot be written to",
            "a new folder, or an empty one",
            error.strerror or error,
            "Choose another folder with --output_dir, or with --cache_dir.",
        ) from error
    try:
        temporary.chmod(0o777 & ~_umask())  # mkdtemp is private; a data set is shared
        with files.explaining(path):
            yield temporary
            for entry in (*temporary.rglob("*"), temporary):
                files.sync(entry)  # files, and the names in folders
            os.replace(temporary, path)
            files.sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(descriptor)


@contextlib.contextmanager
def replaced(path):
    """Yields a temporary folder that replaces `path`, if no error is raised."""
    path = Path(path).resolve()
    mark = f"{os.getpid()}{files.PARTIAL}"
    new, old = (path.with_name(f".{mark}{state}") for state in ("new", "old"))
    try:
        with new_folder(new) as temporary:
            yield temporary
        if path.exists():
            os.replace(path, old)
        os.replace(new, path)
    finally:
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
