"""The folders of the cache: whose they are, who reads them, and what room there is."""

import contextlib
import fcntl
import os
import shutil
import stat
import threading

from amh_tf import errors, folders, progress

_descriptors = {}  # descriptor of each data set's folder that this process reads
_holding = threading.Lock()


def release():
    """Lets the data sets be removed that this process has read so far."""
    with _holding:
        while _descriptors:
            os.close(_descriptors.popitem()[1])


def size_of(path):
    """Returns the size of what is a file itself, no link; None if it is anything else."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


class Room:
    """What is left of a cache; data sets not being read make room, the longest unused first."""

    def __init__(self, cache):
        self._root, self._limit = cache.root, int(cache.gigabytes * 1e9)
        self._sets = sorted(_sets(self._root), reverse=True)
        self._used = sum(size for *_, size in self._sets)
        self._taking = threading.Lock()

    def take(self, num_bytes):
        """Makes sure that so many bytes more can be written.

        Raises:
            ValueError: If they cannot.
        """
        with self._taking:
            self._take(num_bytes)

    def _take(self, num_bytes):
        while not self._fits(num_bytes) and self._sets:
            _, folder, size = self._sets.pop()
            if _remove(folder):
                self._used -= size
        if not self._fits(num_bytes):
            free = shutil.disk_usage(self._root).free
            raise errors.refusal(
                f"The cache {str(self._root)!r} has no room",
                f"{num_bytes / 1000000000.0:,.3g} GB for what is to be fetched",
                f"{free / 1000000000.0:,.3g} GB free on the disk, a limit of "
                f"{self._limit / 1000000000.0:,.3g} GB, of which data sets in use take "
                f"{self._used / 1000000000.0:,.3g}",
                "Set --cache_gigabytes, or another disk with --cache_dir.",
            )
        self._used += num_bytes

    def _fits(self, num_bytes):
        free = shutil.disk_usage(self._root).free
        return self._used + num_bytes <= self._limit and num_bytes <= free


def _sets(root):
    """Yields when each data set was used last, its folder and its size."""
    for folder in root.iterdir():
        if folder.is_dir() and not folder.is_symlink():
            size = sum(size_of(path) or 0 for path in folder.iterdir())
            yield folder.stat().st_mtime_ns, folder, size


def _remove(folder):
    """Removes a data set that no process holds; returns whether it did."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except OSError:  # held, or of a file system that cannot tell
        return False
    finally:
        os.close(descriptor)
    return True


def hold(folder):
    """Keeps a data set from being removed while this process lives, and marks it as used."""
    with _holding, _explaining(folder):
        while not _is_held(folder):
            for path in (folder.parent, folder):
                _make_own(path)
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            except OSError as error:
                if error.errno not in folders.NO_LOCKS:
                    raise
            _descriptors[folder] = descriptor
        os.utime(folder)


def _is_held(folder):
    """Returns whether the folder that is held is the one that is there."""
    descriptor = _descriptors.get(folder)
    if descriptor is None:
        return False
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), os.lstat(folder)):
            return True
    os.close(_descriptors.pop(folder))
    return False


def _make_own(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    others = stat.S_IWGRP | stat.S_IWOTH
    if (
        not stat.S_ISDIR(status.st_mode)
        or status.st_uid != os.geteuid()
        or stat.S_IMODE(status.st_mode) & others
    ):
        raise PermissionError(0, "one that another user has made, or may write to")


@contextlib.contextmanager
def alone(root):
    """Keeps other processes from fetching and removing meanwhile."""
    with _explaining(root):
        lock = open(root / folders.LOCK_FILE, "a")  # noqa: SIM115  (closed below)
    with lock:
        with _explaining(root):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.console.print(f"Another process is fetching into {root}; waiting for it.")
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _explaining(path):
    try:
        yield
    except OSError as error:
        raise errors.refusal(
            f"The cache {str(path)!r} cannot be used",
            "a folder of your own on a disk that can lock files",
            error.strerror or error,
            "Set another with --cache_dir.",
        ) from error
