"""Whether shards are what the manifest says: quickly before every pass, or byte by byte."""

import collections
import contextlib
import hashlib

from amh_tf.data import framing, index, layout, record_checks
from amh_tf.storage import cache, faults

# Shards that were checked, by path: what the file system said of them then, and their entries.
_checked = {}


def check_shard(manifest, shard, verify="sizes"):
    """Checks a shard before it is read.

    Its size, its frames, its number of records, their labels and lengths are compared with the
    manifest, its content too where `verify` is "full", or where the file has changed since it was
    checked first. A file that has not changed is not walked through again.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        shard: One of its shards.
        verify: One of `LEVELS`.

    Returns:
        The entries of the shard's records, as `index.Builder` makes them.

    Raises:
        ValueError: If the shard is not as it was written; the message names the file, and
            the record and its offset where one is damaged.
    """
    path = manifest.path(shard.file)
    state = _state(path)
    before, entries = _checked.get((path, shard), (None, None))
    try:
        if state is None or before != state:
            entries = _check_frames(manifest, shard, path)
        if verify == "full" or before not in (None, state):
            _check_content(shard, path)
    except faults.Fault as fault:
        raise fault.as_error() from fault
    except OSError as error:
        raise faults.Fault(
            path, f"it cannot be read ({error.strerror or error})"
        ).as_error() from error
    _checked[path, shard] = state, entries
    return entries


def _state(path):
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _check_frames(manifest, shard, path):
    """Walks through the frames of a shard.

    Returns:
        The entries of its records.
    """
    if not path.is_file():
        raise faults.Fault(path, f"no such file, expected {shard.bytes} bytes")
    size = path.stat().st_size
    counts = collections.Counter()
    builder = index.Builder(manifest, path)
    with open(path, "rb", buffering=0) as file:
        for record, offset, length in framing.walk(file, path):
            if size == shard.bytes:  # or else only the record is looked for that was cut
                fields = _read_fields(file, path, record, offset, length)
                label = fields["label"]
                if not 0 <= label < len(manifest.classes):
                    problem = f"label {label} of {len(manifest.classes)} classes"
                    raise faults.Fault(path, problem, record, offset - framing.HEADER_BYTES)
                counts[label] += 1
                builder.add(record, offset, length, fields)
    if size != shard.bytes:
        raise faults.Fault(path, f"{size} bytes, not {shard.bytes} with {shard.records} records")
    for problem in _count_problems(manifest, shard, counts):
        raise faults.Fault(path, problem)
    return builder.build()


def _read_fields(file, path, record, offset, length):
    try:
        return layout.read_fields(file, path, record, offset, length)
    except faults.Fault:
        # A wrong checksum says more, and that nobody forged anything.
        framing.read_payload(file, path, record, offset, length)
        raise


def _count_problems(manifest, shard, counts):
    total = sum(counts.values())
    if total != shard.records:
        yield f"{total} records, not {shard.records}"
    label_counts = [counts.get(label, 0) for label in range(len(manifest.classes))]
    if total == shard.records and label_counts != list(shard.label_counts):
        yield (
            f"the manifest says {list(shard.label_counts)} records of the classes, the file holds "
            f"{dict(sorted(counts.items()))}"
        )


def _check_content(shard, path):
    if digest(path) != shard.sha256:
        with open(path, "rb", buffering=0) as file:
            _check_bytes(file, path)
        raise faults.Fault(path, faults.OTHER_CONTENT)


def digest(path):
    """Returns the SHA-256 of a file."""
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def table_faults(manifest):
    """Compares every file of a data folder but its shards with what was written.

    Data folders of earlier versions say nothing of it.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.

    Yields:
        `amh_tf.storage.faults.Fault`.
    """
    for name, expected in (manifest.digests or {}).items():
        path = manifest.path(name)
        try:
            if digest(path) != expected:
                yield faults.Fault(path, faults.OTHER_CONTENT)
        except OSError as error:
            yield faults.Fault(path, f"it cannot be read ({error.strerror or error})")


def check_tables(manifest):
    """Raises the first of `table_faults`.

    Raises:
        ValueError: If there is one.
    """
    for fault in table_faults(manifest):
        raise fault.as_error()


def _check_bytes(file, path):
    for record, offset, length in framing.walk(file, path):
        framing.read_payload(file, path, record, offset, length)


@contextlib.contextmanager
def naming_damage(fold, splits):
    """Turns an error from reading damaged shards into one that names file, record and offset.

    Args:
        fold: `amh_tf.data.folds.Fold` that is read.
        splits: Its splits that may be read in the block.

    Raises:
        ValueError: For the first damaged shard, if there is any; else what was raised.
    """
    try:
        yield
    except record_checks.UNREADABLE as error:
        shards = [shard for split in splits for shard in fold.select(split)]
        # Most damage is of the bytes, and found quickly.
        for shard in shards:
            path = fold.manifest.path(shard.file)
            try:
                with open(path, "rb", buffering=0) as file:
                    _check_bytes(file, path)
            except faults.Fault as fault:
                raise fault.as_error() from error
            except OSError as reason:
                fault = faults.Fault(path, f"it cannot be read ({reason.strerror or reason})")
                raise fault.as_error() from error
        for shard in shards:
            for fault in shard_faults(fold.manifest, shard):
                raise fault.as_error() from error
        raise


def shard_faults(manifest, shard, findings=None):
    """Reads a shard whole and lists what is wrong with it.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        shard: One of its shards.
        findings: `record_checks.Findings` to add to, or None to look for damage of the bytes and
            of single records alone.

    Yields:
        `faults.Fault`, each as soon as it is found.
    """
    path = manifest.path(shard.file)
    findings = findings or record_checks.Findings(manifest.vocabulary_size)
    try:
        cache.fetch(manifest, [shard])
    except faults.Fault as fault:
        yield fault
        return
    try:
        with open(path, "rb", buffering=0) as file:
            size = path.stat().st_size
            if size != shard.bytes:
                yield faults.Fault(path, f"{size} bytes, not {shard.bytes}")
            yield from _record_faults(manifest, shard, path, file, findings)
            if digest(path) != shard.sha256:
                yield faults.Fault(path, faults.OTHER_CONTENT)
    except OSError as error:
        yield faults.Fault(path, f"it cannot be read ({error.strerror or error})")


def _record_faults(manifest, shard, path, file, findings):
    counts, unreadable = collections.Counter(), 0
    try:
        for record, offset, length in framing.walk(file, path):
            start = offset - framing.HEADER_BYTES
            try:
                payload = framing.read_payload(file, path, record, offset, length)
                layout.read_fields(file, path, record, offset, length)
            except faults.Fault as fault:
                yield fault
                unreadable += 1
                continue
            label, problems = record_checks.examine(
                payload, manifest, shard, (path, record), findings
            )
            if label is None:
                unreadable += 1
            else:
                counts[label] += 1
            for problem in problems:
                yield faults.Fault(path, problem, record, start)
    except faults.Fault as fault:  # nothing behind it can be found
        yield fault
        return
    if not unreadable:
        for problem in _count_problems(manifest, shard, counts):
            yield faults.Fault(path, problem)
