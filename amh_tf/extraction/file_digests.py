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
    is remembered lies in the user's cache; where that cannot be read or written, all is read.

    Args:
        name: What the files are remembered under, or "" to remember nothing.
    """
    path = _path(name)
    known = _load(path)
    found: dict[str, list] = {}

    def digest(file) -> str:
        file = str(file)
        try:
            if file not in found:
                found[file] = _look_at(file, known.get(file))
            return found[file][-1]
        except (OSError, ValueError) as error:  # reading it will tell what is wrong
            return type(error).__name__

    try:
        yield digest
    finally:
        if path and found != known:
            settled = {file: entry for file, entry in found.items() if entry[0]}
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
        known = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _forget_old(folder):
    for path in sorted(folder.glob("*.json"), key=os.path.getmtime)[:-_MOST_SETS]:
        path.unlink(missing_ok=True)


def _look_at(path, known):
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
        if isinstance(known, list) and len(known) == 2 and known[0] == stamp:
            return known
        read_at = time.time_ns()
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    changed_at = max(before.st_mtime_ns, before.st_ctime_ns)
    return [stamp if changed_at < read_at - _SETTLED else None, digest]
