"""Makes a corpus of clips, and compares it with the published one."""

import collections
import dataclasses

from amh_tf.corpora import clips, label_sets, recording


@dataclasses.dataclass(frozen=True)
class Published:
    """How many utterances a corpus has by its publishers' count.

    Attributes:
        classes: Dict from label to number of utterances.
        speakers: Dict from speaker to number of utterances, or None where it is not known.
        ids: Names of all utterances, or None where they are not known.
    """

    classes: dict
    speakers: dict = dataclasses.field(default_factory=dict)
    ids: frozenset | None = None


def corpus(
    name: str,
    found_files: clips.Clips,
    utterances: list,
    official: Published,
    labels: str,
    notes: tuple = (),
    missing: tuple = (),
    **others,
) -> recording.Corpus:
    """Makes a corpus, and notes how it compares with the published one.

    Args:
        name: What it is called.
        found_files: What `clips.find` found.
        utterances: List of pairs: label, and the dict of the other fields of a `Recording`
            but `group`: each clip is its own group.
        official: `Published`.
        labels: Label set, as `label_sets.parse` takes it.
        notes: More notes.
        missing: Utterances that are missing, where `official` has no ids to tell it by.
        **others: `fold_names`, `published` and `language` of the `Corpus`.

    Returns:
        `recording.Corpus`.

    Raises:
        ValueError: If the label set does not suit.
    """
    label_set = label_sets.parse(labels)
    labelled = [(label, {"group": fields["id"], **fields}) for label, fields in utterances]
    recordings, label_notes = label_sets.choose(labelled, label_set)
    if official.ids is not None:
        missing = tuple(sorted(official.ids - {fields["id"] for _, fields in labelled}))
    compared, whole = _compared(labelled, official)
    differences = (*compared, *_differences(found_files, labelled, official, missing))
    return recording.Corpus(
        name=name,
        synthetic=False,
        classes=label_set.classes,
        recordings=recordings,
        notes=(*whole, *differences, *_copies(found_files), *notes, *label_notes),
        differences=differences,
        missing=missing,
        extra=found_files.extra,
        **others,
    )


def _compared(labelled, published):
    """Lists how the counts differ from the published ones, or else that they do not."""
    total, expected = len(labelled), sum(published.classes.values())
    by_speaker = collections.Counter(fields["speaker"] for _, fields in labelled)
    # Whoever is missing altogether is named in its own note.
    speakers = {name: count for name, count in published.speakers.items() if by_speaker[name]}
    differing = {
        "by class": _differing(
            collections.Counter(label for label, _ in labelled), published.classes
        ),
        "by speaker": _differing(by_speaker, speakers),
    }
    if total == expected and not any(differing.values()):
        return [], [f"{total:,} utterances, in every class as many as published."]
    lines = [f"{total:,} utterances, not the published {expected:,}. Is the release complete?"]
    lines += [
        f"Different {kind}: {', '.join(counts)}." for kind, counts in differing.items() if counts
    ]
    return lines, []


def _differing(counts, published):
    return [
        f"{name} {counts[name]:,} of {expected:,}"
        for name, expected in published.items()
        if expected is not None and counts[name] != expected
    ]


def _copies(found_files):
    if found_files.copies:
        yield f"{found_files.copies:,} files are copies of others, and count once."


def _differences(found_files, labelled, published, missing):
    """Yields what is missing, and what is there beside the corpus."""
    absent = sorted(set(published.speakers) - {fields["speaker"] for _, fields in labelled})
    if absent:
        yield f"{len(absent):,} speakers are missing: {clips.named(absent)}."
    if missing:
        yield f"{len(missing):,} utterances are missing: {clips.named(missing)}."
    if found_files.extra:
        listed = clips.named(found_files.extra)
        yield f"{len(found_files.extra):,} files are not of the corpus: {listed}."
    for kind in ("audio", "video"):
        without = [fields["id"] for _, fields in labelled if not fields.get(kind)]
        if 0 < len(without) < len(labelled):
            listed = clips.named(without)
            yield f"{len(without):,} of {len(labelled):,} utterances have no {kind}: {listed}."
