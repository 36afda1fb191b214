"""Data sets of object stores, fetched into a folder of this machine: once, whole, as declared.

Each version of a data set has its own folder, named by the SHA-256 of its manifest, and what
stands in it under its own name has been checked. It is then read as any other data folder.

One process at a time fetches, or makes room, under a lock of the whole cache. Whoever reads a data
set holds a shared lock of its folder until the process ends, and no folder is removed that is held.
"""

import contextlib
import dataclasses
import hashlib
import os
import re
import threading
from pathlib import Path

from amh_tf import files, progress
from amh_tf.storage import cache_folders, faults, stores

DEFAULT_GIGABYTES = 100.0
# Vocabulary, word vectors and so on, whose sizes a manifest does not say.
MAX_TABLE_BYTES = 4 << 30
REMEDY = "Copy the data set to the store again."
_AT_ONCE = 4
_LONGEST_NAME = 200  # in bytes: what is half fetched has some more


@dataclasses.dataclass(frozen=True)
class Cache:
    """Where fetched data sets are.

    Attributes:
        folder: The cache folder; None for the user's.
        gigabytes: What all of them together may take, in units of 10^9 bytes.
    """

    folder: str | None = None
    gigabytes: float = DEFAULT_GIGABYTES

    @property
    def root(self):
        """The folder that holds a folder for each data set."""
        base = Path(self.folder) if self.folder else files.user_cache("--cache_dir")
        return base.resolve() / "fetched"


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where the files of a data set come from.

    Attributes:
        url: The data set's folder in the store.
        cache: `Cache` that they go to.
    """

    url: str
    cache: Cache


@dataclasses.dataclass(frozen=True)
class _File:
    """A file to fetch; what a manifest does not say of it is None."""

    name: str
    sha256: str | None
    bytes: int | None = None


_chosen = Cache()


def use(folder=None, gigabytes=DEFAULT_GIGABYTES):
    """Sets where this process keeps the data sets that it fetches, as `Cache` has it."""
    global _chosen
    _chosen = Cache(folder, gigabytes)


def find(url, content):
    """Returns where a data set goes.

    Args:
        url: The data set's folder in the store.
        content: Bytes of its manifest.

    Returns:
        Path of its folder in the cache, and its `Origin`.
    """
    name = re.sub(r"[^A-Za-z0-9]+", "-", url.rpartition("/")[2])[:40]
    key = hashlib.sha256(url.encode() + b"\n" + content).hexdigest()[:32]
    return _chosen.root / f"{name}-{key}", Origin(url, _chosen)


def admit(manifest, name, content):
    """Makes a data set's folder, with its manifest and all files but the shards.

    Files of which the manifest gives no SHA-256, as those of earlier versions, are fetched anew.

    Args:
        manifest: `amh_tf.data.manifest.Manifest` that has an origin.
        name, content: Name of its manifest, and the bytes.

    Raises:
        faults.Fault: If a file is missing, or not as it was written.
        ValueError: If the cache cannot be used, or has no room.
        OSError: If the store does not answer, or refuses.
    """
    tables_named = [manifest.vocabulary_file, manifest.embedding_file, manifest.word_counts_file]
    tables_named += [manifest.utterances_file, manifest.moments_file]
    names = dict.fromkeys([*filter(None, tables_named), *(manifest.digests or {})])
    digests = manifest.digests or {}
    tables = [_File(other, digests.get(other)) for other in names]
    own = _File(name, hashlib.sha256(content).hexdigest(), len(content))
    # What the cache keeps beside them must not be taken for one of them.
    for other in (*names, *(shard.file for shard in manifest.shards)):
        if other.startswith(".") or other == name or len(other.encode()) > _LONGEST_NAME:
            raise faults.Fault(manifest.origin.url, f"a file named {other!r}")
    cache_folders.hold(manifest.folder)
    if _missing(manifest.folder, [own]):
        path = manifest.folder / own.name
        with cache_folders.alone(manifest.folder.parent), files.replacing(path) as temporary:
            temporary.write_bytes(content)
    _fetch(manifest, tables)


def fetch(manifest, shards):
    """Fetches shards that are not in the cache yet; does nothing for a folder of this machine.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        shards: Some of its shards.

    Raises:
        faults.Fault, ValueError, OSError: As `admit` does.
    """
    if manifest.origin is not None:
        _fetch(manifest, [_File(shard.file, shard.sha256, shard.bytes) for shard in shards])


def _partial(folder, file):
    return folder / f".{file.name}{files.PARTIAL}"


def _missing(folder, expected):
    def is_there(file):
        size = cache_folders.size_of(folder / file.name)
        return size is not None and file.sha256 is not None and file.bytes in (None, size)

    return [file for file in expected if not is_there(file)]


def _fetch(manifest, expected):
    folder, origin = manifest.folder, manifest.origin
    cache_folders.hold(folder)
    if not _missing(folder, expected):
        return
    client = stores.connect(origin.url)
    with cache_folders.alone(folder.parent):
        missing = _missing(folder, expected)  # or another process has fetched them meanwhile
        total = sum(file.bytes or 0 for file in missing)
        partial = sum(cache_folders.size_of(_partial(folder, file)) or 0 for file in missing)
        room = cache_folders.Room(origin.cache)
        room.take(max(0, total - partial))
        with contextlib.ExitStack() as stack:
            advance = None
            if total:
                title = f"fetching {origin.url}"
                advance = stack.enter_context(progress.bar(total / 1e6, title, "MB")).advance
            stop = threading.Event()
            work = [
                _Fetching(client, origin.url, folder, file, room, advance or (lambda _: None), stop)
                for file in missing
            ]
            stores.run([fetching.run for fetching in work], _AT_ONCE, stop)
        files.sync(folder)


@dataclasses.dataclass(frozen=True)
class _Fetching:
    """One file on its way."""

    client: object
    url: str
    folder: Path
    file: _File
    room: cache_folders.Room
    advance: object
    stop: threading.Event

    def run(self):
        path, partial = self.folder / self.file.name, _partial(self.folder, self.file)
        if (cache_folders.size_of(partial) or 0) > (self.file.bytes or 0):
            partial.unlink()  # nothing to go on with
        with files.explaining(path):
            try:
                start, digest = self._receive(partial)
                if digest != self.file.sha256 and start:
                    # The power may have gone before what was left of it was on the disk.
                    partial.unlink()
                    _, digest = self._receive(partial)
                if self.file.sha256 not in (None, digest):
                    raise self._fault(faults.OTHER_CONTENT)
            except faults.Fault:
                partial.unlink(missing_ok=True)
                raise
            os.replace(partial, path)

    def _fault(self, problem):
        return faults.Fault(f"{self.url}/{self.file.name}", problem)

    def _receive(self, partial):
        """Fetches what is left of the file; returns where that began, and the file's SHA-256."""
        digest = hashlib.sha256()
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(partial, flags, 0o600), "r+b") as content:
            while piece := content.read(stores.PIECE_BYTES):
                digest.update(piece)
            start = content.tell()
            self.advance(start / 1e6)
            if start != self.file.bytes:
                try:
                    size, pieces = self.client.open(self.file.name, start)
                except FileNotFoundError as error:
                    raise self._fault(f"no such file: {error}") from error
                self._check_size(size)
                for piece in pieces:
                    if self.stop.is_set():
                        raise InterruptedError(f"{self.file.name!r} was not fetched to its end")
                    content.write(piece)
                    digest.update(piece)
                    self.advance(len(piece) / 1e6)
                if content.tell() != size:
                    raise self._fault(f"the store gave {content.tell()} bytes of {size}")
            content.flush()
            os.fsync(content.fileno())
        return start, digest.hexdigest()

    def _check_size(self, size):
        if self.file.bytes is None:
            if size > MAX_TABLE_BYTES:
                raise self._fault(f"{size:,} bytes, more than {MAX_TABLE_BYTES:,}")
            self.room.take(size)
        elif size != self.file.bytes:
            raise self._fault(f"{size} bytes, not {self.file.bytes}")
