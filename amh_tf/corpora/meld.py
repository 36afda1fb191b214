"""MELD as released: one CSV file of labels per split, one clip per utterance.

    train_sent_emo.csv    train_splits/dia0_utt0.mp4
    dev_sent_emo.csv      dev_splits_complete/dia0_utt0.mp4
    test_sent_emo.csv     output_repeated_splits_test/dia0_utt0.mp4

The archives inside the release unpack into a folder per split; both ways are found. Dialogs
and utterances are numbered anew in each split. The times in the CSV files are those of the
television episode, not of the clip, and are not read.
"""

import collections
import re
from pathlib import Path

from amh_tf.corpora import label_sets, recording, text_files

# For each split, where its clips lie, and how many utterances the CSV file should list.
CLIPS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
COUNTS = {"train": 9989, "dev": 1109, "test": 2610}

_COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)


def _find(folder, split, name):
    """Returns where a file or folder of a split lies, or where it should."""
    inner = folder / split / name
    return inner if inner.exists() else folder / name


def _number(path, line, row, column):
    text = row[column]
    if not _NUMBER.fullmatch(text):
        raise text_files.error(path, line, f"{column} is wrong", "a whole number", text)
    return int(text)


def _utterances(path, split, clips, seen, encoding, notes):
    """Yields label and fields of each utterance of a split."""
    for line, row in text_files.rows(path, encoding, _COLUMNS, _COLUMNS, notes):
        dialog = _number(path, line, row, "Dialogue_ID")
        utterance = _number(path, line, row, "Utterance_ID")
        label = row["Emotion"]
        if not label or not label.isprintable():
            raise text_files.error(path, line, "the emotion is wrong", "a name", label)
        name = f"{split}_dia{dialog}_utt{utterance}"
        seen.add(path, line, name)
        clip = str(clips / f"dia{dialog}_utt{utterance}.mp4")
        fields = {
            "id": name,
            "group": f"{split}_dia{dialog}",
            "splits": (split,),
            "speaker": text_files.clean(row["Speaker"]),
            "audio": clip,
            "video": clip,
            "transcript": text_files.clean(row["Utterance"]),
        }
        yield label, fields


def _count_note(counts):
    if counts == COUNTS:
        return f"{sum(counts.values()):,} utterances, in every split as many as published."
    differing = [
        f"{split} {counts[split]:,} of {wanted:,}"
        for split, wanted in COUNTS.items()
        if counts[split] != wanted
    ]
    return f"The splits are not as published: {', '.join(differing)}. Is the release whole?"


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
            stands twice. The message names file and line.
    """
    folder = Path(folder)
    label_set = label_sets.parse(labels)
    seen, found, read_notes = text_files.Seen(), [], []
    for split, clips in CLIPS.items():
        path = _find(folder, split, f"{split}_sent_emo.csv")
        if not path.is_file():
            raise ValueError(
                f"{str(folder)!r} does not hold MELD. Expected {path.name} in it. Received: no "
                "such file. Set it with --source_dir."
            )
        clips = _find(folder, split, clips)
        found += _utterances(path, split, clips, seen, encoding, read_notes)
    found = _together(found)
    kept, notes = label_sets.choose(found, label_set)
    counts = collections.Counter(fields["splits"][0] for _, fields in found)
    return recording.Corpus(
        name="MELD",
        synthetic=False,
        classes=label_set.classes,
        recordings=kept,
        notes=(_count_note(counts), *read_notes, *notes),
    )


def _together(found):
    """Puts the utterances of a group next to each other, groups in the order they begin."""
    groups = collections.defaultdict(list)
    for label, fields in found:
        groups[fields["group"]].append((label, fields))
    return [utterance for group in groups.values() for utterance in group]
