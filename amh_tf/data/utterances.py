"""What is known of every utterance of a data folder: `utterances.csv`, one a line."""

import csv
import dataclasses
import io

from amh_tf import errors

FILE_NAME = "utterances.csv"
MAX_BYTES = 1 << 30
_MAX_CELL = 1 << 20


@dataclasses.dataclass(frozen=True)
class Utterance:
    """One line.

    Attributes:
        id, speaker, sex, session, sentence: As in `corpora.source.Entry`.
        part: The part of the data folder that holds it.
        label: Name of its class.
    """

    id: str
    part: str
    label: str
    speaker: str
    sex: str
    session: str
    sentence: str


COLUMNS = tuple(field.name for field in dataclasses.fields(Utterance))


def text(index, parts, classes) -> str:
    """Returns the text of the file.

    Args:
        index: Sequence of `amh_tf.corpora.source.Entry`.
        parts: Name of the part of each.
        classes: Class names.
    """
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry, part in zip(index, parts, strict=True):
        label = classes[entry.label]
        about = (entry.speaker, entry.sex, entry.session, entry.sentence)
        writer.writerow([entry.id, part, label, *about])
    return output.getvalue()


def read(manifest) -> list:
    """Reads the utterances of a data folder, in the order of its source.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.

    Returns:
        List of `Utterance`.

    Raises:
        ValueError: If the data set is of a version that did not write them, or the file is
            damaged or does not fit the manifest.
    """
    if manifest.utterances_file is None:
        raise errors.refusal(
            f"{str(manifest.location)!r} does not say who speaks",
            "a data folder of this version",
            "one of an earlier version",
            "Prepare it again.",
        )
    path = manifest.path(manifest.utterances_file)
    try:
        rows = _parse(path.read_bytes())
        _check(rows, manifest)
    except (OSError, ValueError, csv.Error) as error:
        raise errors.refusal(
            f"{str(path)!r} cannot be read",
            "what is known of every utterance",
            error,
            "Prepare the data set again.",
        ) from error
    return rows


def _parse(content):
    if len(content) > MAX_BYTES:
        raise errors.InputError(f"{len(content):,} bytes")
    previous = csv.field_size_limit(_MAX_CELL)
    try:
        header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
    finally:
        csv.field_size_limit(previous)
    if tuple(header) != COLUMNS:
        raise errors.InputError(f"the columns {','.join(header)[:200]}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(COLUMNS):
            raise errors.InputError(f"{len(row)} of {len(COLUMNS)} columns in row {number}")
    return [Utterance(*row) for row in rows]


def _check(rows, manifest):
    remaining = {}
    for shard in manifest.shards:
        counts = remaining.setdefault(shard.part, dict.fromkeys(manifest.classes, 0))
        for name, count in zip(manifest.classes, shard.label_counts):
            counts[name] += count
    for row in rows:
        if row.part not in remaining or row.label not in remaining[row.part]:
            raise errors.InputError(f"an unknown part or class of {row.id!r:.100}")
        remaining[row.part][row.label] -= 1
    off = [part for part, counts in remaining.items() if any(counts.values())]
    if off:
        raise errors.InputError(f"other utterances than the shards of {off[0]!r:.100} hold")
    if len({row.id for row in rows}) != len(rows):
        raise errors.InputError("an id twice")


def cells(rows) -> list:
    """Lists the distinct (part, speaker) in the order in which they first come."""
    return list(dict.fromkeys((row.part, row.speaker) for row in rows))


def about(manifest, ids) -> dict:
    """Looks up who says what, as `metrics.report` takes it.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        ids: Ids of utterances of the data folder.

    Returns:
        Dict of `speakers`, `sexes` and `sentences`, each a list as long as `ids` with "" where
        the source does not say; empty for a data folder of an earlier version.

    Raises:
        ValueError: If the file is damaged or lacks an id.
    """
    if manifest.utterances_file is None:
        return {}
    by_id = {row.id: row for row in read(manifest)}
    lacking = [name for name in ids if name not in by_id]
    if lacking:
        raise errors.refusal(
            f"{str(manifest.path(manifest.utterances_file))!r} lacks utterances",
            "every id of the shards",
            f"none called {lacking[0]!r:.100}",
            "Prepare the data set again.",
        )
    rows = [by_id[name] for name in ids]
    return {
        "speakers": [row.speaker for row in rows],
        "sexes": [row.sex for row in rows],
        "sentences": [row.sentence for row in rows],
    }
