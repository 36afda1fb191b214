"""Checks a whole data set, every byte of it."""

import numpy as np

from amh_tf import schema
from amh_tf.data import integrity, moments, record_checks, utterances
from amh_tf.data import manifest as manifests
from amh_tf.storage import faults


def verify(folder, advance=None):
    """Lists everything that is wrong with a data folder.

    Args:
        folder: Data folder that `amh_tf.prepare` wrote.
        advance: Function that is called after each file, or None.

    Yields:
        `amh_tf.storage.faults.Fault`, each as soon as it is found.

    Raises:
        ValueError: If there is no manifest, or it cannot be read: then nothing else can be.
    """
    manifest = manifests.load(folder)
    done = advance or (lambda: None)
    findings = record_checks.Findings(manifest.vocabulary_size)
    broken = set()
    for shard in manifest.shards:
        for fault in integrity.shard_faults(manifest, shard, findings):
            broken.add(shard.part)
            yield fault
        done()
    reported = set()
    for look in (
        lambda: _vocabulary_faults(manifest),
        lambda: _embedding_faults(manifest),
        lambda: _word_count_faults(manifest, findings, broken),
        # What is known of utterances is compared with what the shards hold.
        lambda: () if broken else _table_faults(manifest),
    ):
        for fault in look():
            reported.add(fault.path)
            yield fault
        done()
    for fault in integrity.table_faults(manifest):
        if fault.path not in reported:  # or else what is wrong with it is known
            yield fault
    done()


def num_files(folder):
    """Returns how often `verify` will call its `advance`."""
    return len(manifests.load(folder).shards) + 5


def _table_faults(manifest):
    """Checks what is known of utterances and speakers; earlier versions wrote none of it."""
    if manifest.utterances_file is None or manifest.moments_file is None:
        return
    for file, read in (
        (manifest.utterances_file, lambda: utterances.read(manifest)),
        (manifest.moments_file, lambda: moments.of_cells(manifest, "video")),
    ):
        try:
            read()
        except ValueError as error:
            yield faults.Fault(manifest.path(file), str(error))
            return  # the second is read by the first


def _vocabulary_faults(manifest):
    path = manifest.path(manifest.vocabulary_file)
    try:
        words = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except OSError as error:
        yield faults.Fault(path, f"it cannot be read ({error.strerror or error})")
        return
    except UnicodeDecodeError as error:
        yield faults.Fault(path, f"it is not UTF-8 ({error.reason} at byte {error.start})")
        return
    if len(words) != manifest.vocabulary_size:
        yield faults.Fault(path, f"{len(words)} words, not {manifest.vocabulary_size}")
    first_lines = {}
    for number, word in enumerate(words, start=1):
        if word in first_lines:
            yield faults.Fault(path, f"line {number}: {word!r} is in line {first_lines[word]}, too")
        first_lines.setdefault(word, number)


def _embedding_faults(manifest):
    if manifest.embedding_file is None:
        return
    path = manifest.path(manifest.embedding_file)
    try:
        vectors = manifest.embedding()
    except ValueError as error:
        yield faults.Fault(path, str(error))
        return
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        yield faults.Fault(path, f"row {int(bad.argmax())} is not finite")


def _word_count_faults(manifest, findings, broken):
    if manifest.word_counts_file is None:
        return
    path = manifest.path(manifest.word_counts_file)
    try:
        counts = manifest.word_counts()
    except ValueError as error:
        yield faults.Fault(path, str(error))
        return
    for part, stored in zip(manifest.parts, counts):
        actual = findings.word_counts[part]
        wrong = stored != actual
        if part not in broken and wrong.any():
            word = int(wrong.argmax())
            yield faults.Fault(
                path, f"{part} uses word {word} {actual[word]} times, not {stored[word]}"
            )


def summary(manifest):
    """Returns a line that tells what a whole data set holds."""
    counts = np.sum([shard.label_counts for shard in manifest.shards], axis=0)
    labels = ", ".join(f"{name} {count:,}" for name, count in zip(manifest.classes, counts))
    protocols = ", ".join(manifest.protocols)
    modalities = ", ".join(schema.MODALITIES)
    return (
        f"{manifest.name}: {sum(counts):,} utterances ({labels}) of {modalities} in "
        f"{len(manifest.shards)} shards; protocols: {protocols}"
    )
