"""MELD as released: one CSV file of labels per split, one clip per utterance.

    train_sent_emo.csv    train_splits/dia0_utt0.mp4
    dev_sent_emo.csv      dev_splits_complete/dia0_utt0.mp4
    test_sent_emo.csv     output_repeated_splits_test/dia0_utt0.mp4

The archives inside the release unpack into a folder per split; both ways are found. Dialogs
and utterances are numbered anew in each split. The times in the CSV files are those of the
television episode: their difference is how long the clip should be. Two clips of the test split are
minutes long by these very times, which are wrong.
"""

import collections
import re
from pathlib import Path

from amh_tf import checking, errors
from amh_tf.corpora import clips as clip_files
from amh_tf.corpora import label_sets, recording, text_files, timestamps

# For each split, where its clips are, and how many utterances the CSV file should list.
CLIPS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
COUNTS = {"train": 9989, "dev": 1109, "test": 2610}

_COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
# Nobody speaks for longer at a time.
LONGEST_SECONDS = 60.0

_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)


def _find(folder, split, name):
    """Returns where a file or folder of a split is, or where it should."""
    inner = folder / split / name
    return inner if inner.exists() else folder / name


def _number(path, line, row, column):
    text = row[column]
    if not _NUMBER.fullmatch(text):
        raise text_files.error(path, line, f"{column} is wrong", "a whole number", text)
    return int(text)


def _seconds(row):
    """Returns how long an utterance lasts by its times, or None where they do not say."""
    start, end = (timestamps.clock(row.get(name, "")) for name in ("StartTime", "EndTime"))
    return end - start if None not in (start, end) and end > start else None


def _utterances(path, split, clips, unique_ids, encoding, notes):
    """Yields label and fields of each utterance of a split."""
    for line, row in text_files.rows(path, encoding, _COLUMNS, _COLUMNS, notes):
        dialog = _number(path, line, row, "Dialogue_ID")
        utterance = _number(path, line, row, "Utterance_ID")
        label = row["Emotion"]
        if not checking.is_name(label):
            raise text_files.error(path, line, "the emotion is wrong", checking.NAME, label)
        name = f"{split}_dia{dialog}_utt{utterance}"
        unique_ids.add(path, line, name)
        clip = str(clips / f"dia{dialog}_utt{utterance}.mp4")
        fields = {
            "id": name,
            "group": f"{split}_dia{dialog}",
            "splits": (split,),
            "speaker": text_files.clean(row["Speaker"]),
            "audio": clip,
            "video": clip,
            "transcript": text_files.clean(row["Utterance"]),
            "seconds": _seconds(row),
        }
        yield label, fields


def _differences(counts):
    """Lists how the splits differ from the published ones."""
    differing = [
        f"{split} {counts[split]:,} of {expected:,}"
        for split, expected in COUNTS.items()
        if counts[split] != expected
    ]
    if not differing:
        return []
    return [f"The splits are not as published: {', '.join(differing)}. Is the release complete?"]


def _clip_notes(labelled, folders):
    """Says which clips are not there, not in the tables, or too long by the tables' times.

    Returns:
        List of notes, and list of clips that no table names. A folder without any clip is not
        looked at: words can be used without them.
    """
    named_clips = {fields["video"] for _, fields in labelled}
    present = [
        path for folder in folders for path in clip_files.walk(folder, clip_files.FILM_ENDINGS)
    ]
    extra = sorted(str(path) for path in present if str(path) not in named_clips)
    missing = sorted(named_clips - set(map(str, present))) if present else []
    too_long = [
        f"{fields['id']} ({fields['seconds']:.0f} s)"
        for _, fields in labelled
        if (fields["seconds"] or 0) > LONGEST_SECONDS
    ]
    notes = []
    for names, problem in (
        (missing, "clips are missing"),
        (extra, "clips are in no table"),
        (too_long, f"clips last more than {LONGEST_SECONDS:.0f} s by the tables' times"),
    ):
        if names:
            notes.append(f"{len(names):,} {problem}: {clip_files.named(names)}.")
    return notes, extra


def read(folder, labels="meld", encoding=None):
    """Reads MELD's labels and words; no clip is opened.

    Args:
        folder: The release: the folder that holds the CSV files or the splits' folders.
        labels: Label set, as `label_sets.parse` takes it.
        encoding: Encoding of the CSV files, as for `text_files.lines`.

    Returns:
        `amh_tf.corpora.recording.Corpus`, in the order of split and CSV file.

    Raises:
        ValueError: If a CSV file is missing, one of its lines cannot be read, or an utterance
            appears twice. The message names file and line.
    """
    folder = Path(folder)
    label_set = label_sets.parse(labels)
    unique_ids, labelled, folders, read_notes = text_files.Seen(), [], [], []
    for split, clips in CLIPS.items():
        path = _find(folder, split, f"{split}_sent_emo.csv")
        if not path.is_file():
            raise errors.refusal(
                f"{str(folder)!r} does not hold MELD",
                f"{path.name} in it",
                "no such file",
                "Set it with --source_dir.",
            )
        folders.append(_find(folder, split, clips))
        labelled += _utterances(path, split, folders[-1], unique_ids, encoding, read_notes)
    labelled = _together(labelled)
    recordings, notes = label_sets.choose(labelled, label_set)
    counts = collections.Counter(fields["splits"][0] for _, fields in labelled)
    differences, (of_clips, extra) = _differences(counts), _clip_notes(labelled, folders)
    whole = f"{sum(counts.values()):,} utterances, in every split as many as published."
    return recording.Corpus(
        name="MELD",
        synthetic=False,
        classes=label_set.classes,
        recordings=recordings,
        notes=(*(differences or [whole]), *read_notes, *of_clips, *notes),
        differences=tuple(differences),
        extra=tuple(extra),
        language="en",
    )


def _together(labelled):
    """Puts the utterances of a group next to each other, groups in the order they begin."""
    groups = collections.defaultdict(list)
    for label, fields in labelled:
        groups[fields["group"]].append((label, fields))
    return [utterance for group in groups.values() for utterance in group]
