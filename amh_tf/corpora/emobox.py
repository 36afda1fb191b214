"""The folds that EmoBox publishes for 32 corpora, as JSON Lines; the sound is the user's own.

    data/CORPUS/label_map.json                         label -> class
    data/CORPUS/fold_1/CORPUS_train_fold_1.jsonl       also valid and test
    downloads/CORPUS/...                               the sound, as the lines name it

A line has `key`, `wav` and `emo`, and `start_time` and `end_time` where the file holds more than
the utterance. Speakers and words are not among them.
"""

import os
from pathlib import Path

from amh_tf import errors, files
from amh_tf.corpora import clips, emobox_folds, label_sets, recording

UNMAPPED = " (not in label_map.json)"


def _classes(folder):
    """Returns the function from an utterance's label to its class in the label map."""
    path = folder / "label_map.json"
    if not path.is_file():
        return str
    labels = files.read_json(path, "EmoBox's map from label to class")
    if not all(isinstance(name, str) for name in labels.values()):
        raise errors.refusal(
            f"{str(path)!r} does not map labels to classes", "names", f"{str(labels)[:200]}"
        )
    return lambda label: labels.get(label, label + UNMAPPED)


def _resolve(audio_dir, parts, corpus):
    """Returns the path of the sound, or None where there is no such file."""
    inner = parts[2:] if parts[:2] == ("downloads", corpus) else ()
    for choice in filter(None, (parts, inner)):
        path = audio_dir.joinpath(*choice)
        if os.path.isfile(path):  # a name that no file can have is no error
            return path
    return None


def read(
    folder: str | Path, audio_dir: str | Path | None = None, labels: str | None = None
) -> recording.Corpus:
    """Reads one corpus with its published folds; no sound is opened.

    Args:
        folder: The corpus' folder in EmoBox, such as `EmoBox/data/emodb`.
        audio_dir: Where the sound is: the folder around `downloads/CORPUS`, or `CORPUS` itself.
            Defaults to the checkout that `folder` is in.
        labels: Label set over the classes of EmoBox's label map, as `label_sets.parse` takes it.
            Defaults to all of them, sorted.

    Returns:
        `amh_tf.corpora.recording.Corpus`, in the order of the keys.

    Raises:
        ValueError: If there are no folds, a line cannot be read, lines contradict each other, or
            no sound is there. The message names file and line.
    """
    folder = Path(folder)
    audio_dir = Path(audio_dir) if audio_dir else folder.resolve().parent.parent
    folds = emobox_folds.folders(folder)
    utterances, unread = emobox_folds.Utterances(len(folds)), []
    for fold, (_, fold_folder) in enumerate(folds):
        paths, others = emobox_folds.split_files(fold_folder)
        unread += [f"{fold_folder.name}/{name}" for name in others]
        for split, path in paths.items():
            utterances.add(path, fold, split)
    classes, labelled, missing = _classes(folder), [], []
    corpus = folder.resolve().name
    for key, ((label, parts, span), splits) in sorted(utterances.by_key.items()):
        path = _resolve(audio_dir, parts, corpus)
        if path is None:
            missing.append("/".join(parts))
            continue
        fields = {"id": key, "group": key, "splits": tuple(splits), "audio": str(path)}
        fields |= {"audio_start": span[0], "audio_end": span[1]}
        labelled.append((classes(label), fields))
    if not labelled:
        raise errors.refusal(
            f"None of the {len(missing):,} sound files of {corpus} is there",
            f"them in {str(audio_dir)!r}",
            f"no file for {clips.named(missing)}",
            "Set the folder with --audio_dir.",
        )
    if labels:
        label_set = label_sets.parse(labels)
    else:
        label_set = label_sets.of_all(x for x, _ in labelled if not x.endswith(UNMAPPED))
    recordings, label_notes = label_sets.choose(labelled, label_set)
    notes = [f"{len(labelled):,} of {len(utterances.by_key):,} utterances listed are there."]
    differences = []
    if missing:
        differences = [f"{len(missing):,} sound files are missing: {clips.named(missing)}."]
    if unread:
        notes.append(f"{len(unread):,} files of folds are not read: {clips.named(unread)}.")
    return recording.Corpus(
        name=f"{corpus} (EmoBox's folds)",
        synthetic=False,
        classes=label_set.classes,
        recordings=recordings,
        notes=(notes[0], *differences, *notes[1:], *label_notes),
        differences=tuple(differences),
        missing=tuple(missing),
        fold_names=tuple(name for name, _ in folds),
        published=f"{len(folds)} folds of EmoBox (Ma et al., 2024)",
    )
