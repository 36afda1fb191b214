"""Writes a data folder: shards, vocabulary, word vectors, folds, and the manifest last."""

import collections
import contextlib
import dataclasses
import errno
import hashlib
import json

import numpy as np

from amh_tf import checking, errors, feature_kinds, files, folders, schema
from amh_tf.data import (
    dev_part,
    folds,
    integrity,
    manifest,
    moments,
    part_writer,
    protocol_folds,
    records,
    utterances,
)
from amh_tf.features import text

VOCABULARY_FILE = "vocabulary.txt"
EMBEDDING_FILE = "embedding.npy"
WORD_COUNTS_FILE = "word_counts.npy"
MOMENTS_FILE = "moments.npy"
# Changes when the same source gives other files: part of the fingerprint.
LAYOUT = 3


def write(
    source,
    folder,
    records_per_shard=256,
    protocols=None,
    num_folds=protocol_folds.NUM_FOLDS,
    fold_seed=0,
    feature_dtype="float32",
    progress=None,
    extra_files=None,
    dev_speakers=dev_part.SPEAKERS,
    fold_repeats=1,
):
    """Writes a data folder.

    The folder appears whole or not at all. A folder that already holds this very data set
    with these folds is left as it is, but for what the source now says of its features.

    Args:
        source: `amh_tf.corpora.source.Source`.
        folder: Output folder; new, empty, or holding the same data set.
        records_per_shard: Utterances per shard.
        protocols: Names of the protocols to compute folds for, or None for the folds that the
            source publishes, and where it has none, what `folds.possible` names.
        num_folds, fold_seed: Number and seed of the folds that are drawn.
        feature_dtype: How audio, video, and text that is vectors are stored: "float32", or
            "float16" in half the bytes.
        progress: Context manager factory as `amh_tf.progress.bar`, or None.
        extra_files: Dict from the name of a further file to its text, or None.
        dev_speakers: Speakers that are taken out of a training part that has no dev part.
        fold_repeats: How often random folds and folds of speakers are drawn.

    Returns:
        `amh_tf.data.manifest.Manifest`.

    Raises:
        ValueError: If the folder holds another data set or any other files, or the protocols
            do not suit the source, or the source's features are not as it describes them.
    """
    _check_names(source)
    _check_text(source)
    options = protocol_folds.Options(num_folds, fold_seed, dev_speakers, fold_repeats)
    computed = protocol_folds.make(
        source.index, source.classes, protocols, options, source.fold_names, source.published
    )
    described = f"layout {LAYOUT} {source.fingerprint} {protocols} {options}"
    if feature_dtype != "float32":
        described += f" {feature_dtype}"
    fingerprint = hashlib.sha256(described.encode()).hexdigest()
    folder = files.Path(folder)
    if (folder / manifest.FILE_NAME).exists():
        folders.sweep_unfinished(folder)
        return _existing(folder, fingerprint, source.features)
    total = len(source.index)
    bar = progress(total, "writing", "utterances") if progress else contextlib.nullcontext()
    try:
        with bar as display, folders.new_folder(folder) as temporary:
            advance = display.advance if display else (lambda: None)
            parts, gathered = _write_parts(
                source, temporary, computed, records_per_shard, feature_dtype, advance
            )
            new_manifest = _describe(source, folder, fingerprint, computed, parts, feature_dtype)
            for name, content in (extra_files or {}).items():
                (temporary / name).write_text(content, encoding="utf-8")
            _write_tables(source, temporary, parts, new_manifest, computed, gathered)
    except OSError as error:
        # Another process may have written the same set meanwhile.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return _existing(folder, fingerprint, source.features)
    return manifest.load(folder)


def _check_names(source):
    """Refuses names that no file, table or page could hold, from any source."""
    for what, names in (
        ("name", [source.name]),
        ("class", source.classes),
        ("fold", source.fold_names),
        ("id", (entry.id for entry in source.index)),
    ):
        for name in names:
            if not checking.is_name(name):
                raise errors.refusal(
                    f"The {what} {name!r:.100} cannot be used",
                    checking.NAME,
                    f"{len(name)} characters, or some that cannot be shown",
                    "Give it another name.",
                )
    if len(source.classes) > checking.MAX_CLASSES:
        raise errors.refusal(
            f"{source.name!r} has too many classes",
            f"{checking.MAX_CLASSES} at most",
            len(source.classes),
            "Join some with --labels.",
        )


def _check_text(source):
    """Refuses words of a text that is vectors: they would look as if the model knew them."""
    if records.are_vectors("text", source.widths) and (
        tuple(source.vocabulary) != schema.RESERVED_WORDS or source.embedding is not None
    ):
        raise errors.refusal(
            f"The text of {source.name!r} cannot be both word ids and vectors",
            f"the vocabulary {schema.RESERVED_WORDS} and no embedding, or no width of text",
            f"{len(source.vocabulary)} words, widths={source.widths}",
        )


def _write_parts(source, folder, protocols, records_per_shard, feature_dtype, advance):
    names, _ = protocol_folds.parts(protocols)
    counts = collections.Counter(names)
    parts = {
        name: part_writer.PartWriter(folder, name, count, records_per_shard, source, feature_dtype)
        for name, count in counts.items()
    }
    gathered = moments.Gatherer(source.widths)
    for entry, name, utterance in zip(source.index, names, source.utterances(), strict=True):
        if (entry.id, entry.label) != (utterance.id, utterance.label):
            raise errors.refusal(
                f"The {source.name} does not match its index",
                f"utterance {entry.id!r}",
                f"{utterance.id!r}",
            )
        parts[name].add(utterance)
        gathered.add((name, entry.speaker), utterance)
        advance()
    for part in parts.values():
        part.finish_shard()
    return parts, gathered.table()


def _describe(source, folder, fingerprint, protocols, parts, feature_dtype):
    """Makes the manifest."""
    masked = not records.are_vectors("text", source.widths) and any(
        not protocol_folds.keeps_vocabulary([protocol.name], protocol.names)
        for protocol in protocols
    )
    names, chosen = protocol_folds.parts(protocols)
    speakers = collections.defaultdict(set)
    for entry, name in zip(source.index, names):
        speakers[name].add(entry.speaker)
    described = {}
    for protocol, of_folds in zip(protocols, chosen):
        stored = []
        for name, splits in zip(protocol.names, of_folds):
            warnings = _warnings(splits, parts, speakers, source.classes, source.vocabulary)
            stored.append({"name": name, "warnings": warnings, **splits})
        described[protocol.name] = {"description": protocol.description, "folds": stored}
    vectors = source.embedding
    return manifest.Manifest(
        folder=folder,
        name=source.name,
        synthetic=source.synthetic,
        classes=tuple(source.classes),
        widths=dict(source.widths),
        transcripts=source.transcripts,
        fingerprint=fingerprint,
        vocabulary_file=VOCABULARY_FILE,
        vocabulary_size=len(source.vocabulary),
        word_counts_file=WORD_COUNTS_FILE if masked else None,
        embedding_file=None if vectors is None else EMBEDDING_FILE,
        embedding_width=schema.EMBEDDING_WIDTH if vectors is None else vectors.shape[1],
        shards=tuple(shard for part in parts.values() for shard in part.shards),
        protocols=described,
        feature_dtype=feature_dtype,
        features=feature_kinds.complete(source.features),
        utterances_file=utterances.FILE_NAME,
        moments_file=MOMENTS_FILE,
    )


def _warnings(splits, parts, speakers, classes, vocabulary):
    """Says what makes a fold's test easier than it looks, or its scores less certain."""
    chosen = {split: [parts[name] for name in names] for split, names in splits.items()}
    warnings = []
    speakers_by_split = {
        split: set().union(*(speakers[name] for name in names)) - {""}
        for split, names in splits.items()
    }
    shared = speakers_by_split["test"] & speakers_by_split["train"]
    if shared:
        warnings.append(
            f"{len(shared)} of {len(speakers_by_split['test'])} test speakers also speak in train"
        )
    train_texts = {digest for part in chosen["train"] for digest in part.texts}
    texts = [digest for part in chosen["test"] for digest in part.texts]
    repeated = sum(digest in train_texts for digest in texts)
    if repeated:
        warnings.append(f"{repeated} of {len(texts)} test texts are also, word for word, in train")
    warnings += _unknown_clauses(chosen["train"], chosen["test"], vocabulary)
    for split in ("dev", "test"):
        shards = [shard.label_counts for part in chosen[split] for shard in part.shards]
        counts = np.sum(shards, axis=0) if shards else np.ones(len(classes))
        absent = [name for name, count in zip(classes, counts) if not count]
        if absent:
            warnings.append(f"no {', '.join(absent)} in {split}")
    return warnings


def _unknown_clauses(train, test, vocabulary):
    """Yields a sentence where most test words are unknown because nothing cuts them apart."""
    train_counts, test_counts = (
        sum((part.word_counts for part in parts), np.zeros(len(vocabulary), int))
        for parts in (train, test)
    )
    train_counts[schema.UNKNOWN_ID] = 0  # the words of none, if the vocabulary is that of train
    unknown, total = int(test_counts[train_counts == 0].sum()), int(test_counts.sum())
    if 2 * unknown <= total:
        return
    numbers = np.flatnonzero(train_counts)
    if 2 * sum(text.is_clause(vocabulary[number]) for number in numbers) <= len(numbers):
        return
    yield (
        f"{unknown:,} of {total:,} test words are not in train: nothing cuts the clauses of "
        "a script without spaces into words (prepare with --unspaced_scripts=characters, or cut "
        "the transcripts with a segmenter)"
    )


def _write_tables(source, folder, parts, new_manifest, protocols, gathered):
    vocabulary = "\n".join(source.vocabulary) + "\n"
    (folder / VOCABULARY_FILE).write_text(vocabulary, encoding="utf-8")
    if source.embedding is not None:
        np.save(folder / EMBEDDING_FILE, source.embedding)
    if new_manifest.word_counts_file is not None:
        counts = [parts[name].word_counts for name in new_manifest.parts]
        np.save(folder / WORD_COUNTS_FILE, np.stack(counts))
    table = utterances.text(source.index, protocol_folds.parts(protocols)[0], source.classes)
    (folder / utterances.FILE_NAME).write_text(table, encoding="utf-8", newline="")
    np.save(folder / MOMENTS_FILE, gathered)
    shards = {shard.file for shard in new_manifest.shards}
    others = [path for path in sorted(folder.iterdir()) if path.name not in shards]
    digests = {path.name: integrity.digest(path) for path in others}
    new_manifest = dataclasses.replace(new_manifest, digests=digests)
    (folder / manifest.FILE_NAME).write_text(new_manifest.to_json(), encoding="utf-8")


def _existing(folder, fingerprint, features):
    """Checks a data set that is there already, and notes what is now said of its features."""
    present = manifest.load(folder)
    if present.fingerprint != fingerprint:
        raise errors.refusal(
            f"{str(folder)!r} already holds another data set, or other folds",
            "a new folder",
            f"one with the {present.name}",
            "Choose another folder.",
        )
    for split in schema.SPLITS:
        if folds.choose(present).count(split):
            folds.choose(present).check_split(split)
    present.embedding()
    # What was said before and is not said otherwise now stays.
    features_now = json.loads(json.dumps({**(present.features or {}), **(features or {})}))
    if features and features_now != present.features:
        described = dataclasses.replace(present, features=feature_kinds.complete(features_now))
        files.write_text(folder / manifest.FILE_NAME, described.to_json())
        present = manifest.load(folder)
    return present
