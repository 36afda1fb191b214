"""What is audited: the utterances of a data folder, or of a file of splits."""

import dataclasses
import hashlib

import numpy as np

from amh_tf import errors, feature_kinds, schema
from amh_tf.auditing import duplicates
from amh_tf.data import framing, layout, records, utterances
from amh_tf.storage import cache, faults


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Splits to audit.

    Attributes:
        name, description: For the report.
        names: A name for each fold.
        splits: `(utterances, folds)` array of "train", "dev", "test" and "".
    """

    name: str
    description: str
    names: tuple
    splits: np.ndarray


@dataclasses.dataclass(frozen=True)
class Subject:
    """Utterances to audit, and what is known of them.

    Attributes:
        name: What the data set is called.
        ids: Tuple of names.
        labels, speakers, sentences: Tuple of a text for each, "" where it is not known.
        protocols: Tuple of `Protocol`.
        sounds: `duplicates.Sounds` of all, or None where there are no recordings.
    """

    name: str
    ids: tuple
    labels: tuple
    speakers: tuple
    sentences: tuple
    protocols: tuple
    sounds: duplicates.Sounds | None


def of_folder(manifest, advance=lambda: None):
    """Reads the utterances of a data folder and its protocols.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        advance: Function that is called after each utterance.

    Returns:
        `Subject`.

    Raises:
        ValueError: If the folder is damaged, or of a version that did not write who speaks.
    """
    rows = utterances.read(manifest)
    try:
        cache.fetch(manifest, manifest.shards)
    except faults.Fault as fault:
        raise fault.as_error(cache.REMEDY) from fault
    recordings = {}
    # Copies that were changed are found by the level and the shape of MFCC.
    has_mfcc = feature_kinds.record(manifest.features, "audio")["kind"] == feature_kinds.MFCC
    for shard in manifest.shards:
        for name, digest, frames in _recordings(manifest, shard):
            recordings[name] = digest, frames if has_mfcc else None
            advance()
    sounds = duplicates.Sounds()
    for row in rows:
        if row.id not in recordings:
            path = manifest.path(manifest.utterances_file)
            raise faults.Fault(path, f"no shard holds {row.id!r}").as_error()
        sounds.add(*recordings.pop(row.id))
    protocols = []
    for name, protocol in manifest.protocols.items():
        columns = []
        for fold in protocol["folds"]:
            split_of = {part: split for split in schema.SPLITS for part in fold[split]}
            columns.append([split_of.get(row.part, "") for row in rows])
        names = tuple(fold["name"] for fold in protocol["folds"])
        splits = np.array(columns, object).T
        protocols.append(Protocol(name, protocol["description"], names, splits))
    return Subject(
        name=manifest.name,
        ids=tuple(row.id for row in rows),
        labels=tuple(row.label for row in rows),
        speakers=tuple(row.speaker for row in rows),
        sentences=tuple(row.sentence for row in rows),
        protocols=tuple(protocols),
        sounds=sounds,
    )


def _recordings(manifest, shard):
    """Yields id, digest and frames of each record, with no more than one in memory."""
    path = manifest.path(shard.file)
    try:
        with open(path, "rb", buffering=0) as file:
            for record, offset, length in framing.walk(file, path):
                payload = framing.read_payload(file, path, record, offset, length)
                fields = layout.read_fields(file, path, record, offset, length)

                def stored(name, fields=fields, payload=payload):
                    start, size = fields[name]
                    return payload[start : start + size]

                # The sound, or else the picture, tells a recording.
                digest = next(
                    (duplicates.digest(c) for m in ("audio", "video") if (c := stored(m))), None
                )
                widths, content = manifest.widths, stored("audio")
                dtype = records.dtype_of("audio", widths, manifest.feature_dtype).newbyteorder("<")
                width = widths["audio"]
                if len(content) % (width * dtype.itemsize):
                    problem = "its audio is not as long as its width"
                    raise faults.Fault(path, problem, record, offset)
                frames = np.frombuffer(content, dtype).reshape(-1, width).astype(np.float32)
                if not np.isfinite(frames).all():
                    raise faults.Fault(path, "audio is not finite", record, offset)
                yield stored("id").decode(), digest, frames if len(frames) else None
    except UnicodeDecodeError as error:
        raise faults.Fault(path, "an id is not UTF-8").as_error() from error
    except faults.Fault as error:
        raise error.as_error() from error


def of_splits(splits, name, load=None, advance=lambda: None):
    """Takes splits of others with what their file says of the utterances.

    Args:
        splits: `amh_tf.auditing.split_files.Splits`.
        name: What to call them.
        load: Function from the path of a recording to its `(time, width)` frames; used where the
            file names recordings.
        advance: Function that is called after each utterance.

    Returns:
        `Subject`.

    Raises:
        ValueError: If a recording cannot be read.
    """
    nothing = ("",) * len(splits.ids)
    sounds = None
    if "audio" in splits.columns:
        sounds = duplicates.Sounds()
        for path in splits.columns["audio"]:
            sounds.add(*_recording(path, load))
            advance()
    columns = {
        field: splits.columns.get(field, nothing) for field in ("label", "speaker", "sentence")
    }
    return Subject(
        name=name,
        ids=splits.ids,
        labels=columns["label"],
        speakers=columns["speaker"],
        sentences=columns["sentence"],
        protocols=(Protocol("splits", f"as {name} has them", splits.names, splits.splits),),
        sounds=sounds,
    )


def _recording(path, load):
    if not path:
        return None, None
    frames = load(path)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest(), frames


def with_splits(subject, splits, name):
    """Puts splits of others in place of a data folder's own.

    What the file says of a speaker, label or sentence goes before what the data folder says.

    Args:
        subject: `Subject` of the data folder.
        splits: `amh_tf.auditing.split_files.Splits`, whose ids are the data folder's.
        name: What to call them.

    Returns:
        `Subject`.

    Raises:
        ValueError: If they name ids that the data folder does not hold.
    """
    places = {utterance: place for place, utterance in enumerate(subject.ids)}
    strange = [utterance for utterance in splits.ids if utterance not in places]
    if strange:
        raise errors.refusal(
            f"{name!r} names utterances that the {subject.name} does not hold",
            f"ids such as {subject.ids[0]!r}",
            f"{len(strange):,} others, the first {', '.join(map(repr, strange[:3]))}",
            "Set others with --splits or --data_dir.",
        )
    order = [places[utterance] for utterance in splits.ids]
    placed = np.full((len(subject.ids), len(splits.names)), "", object)
    placed[order] = splits.splits
    columns = {}
    for column, field in (("label", "labels"), ("speaker", "speakers"), ("sentence", "sentences")):
        values = list(getattr(subject, field))
        for place, value in zip(order, splits.columns.get(column, ())):
            values[place] = value or values[place]
        columns[field] = tuple(values)
    protocol = Protocol("splits", f"as {name} has them", splits.names, placed)
    return dataclasses.replace(subject, protocols=(protocol,), **columns)
