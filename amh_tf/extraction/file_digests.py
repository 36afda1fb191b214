"""SHA-256 of a corpus' files; those of files that have not changed since are remembered."""

import contextlib
import hashlib
import json
import os
import time

from amh_tf import files

# A file that was written to less than so many nanoseconds before it was read may change again
# without another time stamp.
_SETTLED = 2_000_000_000
_MOST_SETS = 50


@contextlib.contextmanager
def remembered(name: str):
    """Yields a function from a file's path to what tells its content from another's.

    A file counts as unchanged while its size, its number on the disk and its times are the same:
    the time of the last change of its entry cannot be set back as that of its content can. What
    is remembered is in the user's cache; where that cannot be read or written, all is read.

    Args:
        name: What the files are remembered under, or "" to remember nothing.
    """
    path = _path(name)
    stored = _load(path)
    current: dict[str, list] = {}

    def digest(file) -> str:
        file = str(file)
        try:
            if file not in current:
                current[file] = _look_at(file, stored.get(file))
            return current[file][-1]
        except (OSError, ValueError) as error:  # reading it will tell what is wrong
            return type(error).__name__

    try:
        yield digest
    finally:
        if path and current != stored:
            settled = {file: entry for file, entry in current.items() if entry[0]}
            with contextlib.suppress(OSError, ValueError):
                files.write_text(path, json.dumps(settled))
                _forget_old(path.parent)


def _path(name):
    if not name:
        return None
    try:
        cache = files.user_cache("XDG_CACHE_HOME")
    except ValueError:  # a user without a home
        return None
    return cache / "digests" / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _load(path):
    try:
        stored = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return stored if isinstance(stored, dict) else {}


def _forget_old(folder):
    for path in sorted(folder.glob("*.json"), key=os.path.getmtime)[:-_MOST_SETS]:
        path.unlink(missing_ok=True)


def _look_at(path, stored):
    """Returns what a file is remembered by, falsy if it may not be, and its digest."""
    with open(path, "rb") as file:
        before = os.fstat(file.fileno())
        stamp = [
            before.st_size,
            before.st_dev,
            before.st_ino,
            before.st_mtime_ns,
            before.st_ctime_ns,
        ]
        if isinstance(stored, list) and len(stored) == 2 and stored[0] == stamp:
            return stored
        read_at = time.time_ns()
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    changed_at = max(before.st_mtime_ns, before.st_ctime_ns)
    return [stamp if changed_at < read_at - _SETTLED else None, digest]
