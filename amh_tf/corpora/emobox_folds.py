"""The lines of EmoBox's folds: which utterance is of which split in which fold."""

import math
import re
from pathlib import Path, PurePosixPath

from amh_tf import checking, errors
from amh_tf.corpora import clips, json_lines, text_files

SPLITS = {"train": "train", "valid": "dev", "test": "test"}
MAX_FOLDS = 100

_FOLD = re.compile(r"fold_([0-9]{1,4})", re.ASCII)


def folders(folder: Path) -> list:
    """Lists name and folder of each fold, in the order of their numbers.

    Args:
        folder: The corpus' folder.

    Raises:
        ValueError: If there are none, or far too many.
    """
    matches = [(_FOLD.fullmatch(path.name), path) for path in folder.glob("fold_*")]
    folds = sorted((int(match[1]), path) for match, path in matches if match and path.is_dir())
    if not 1 <= len(folds) <= MAX_FOLDS:
        raise errors.refusal(
            f"{str(folder)!r} does not hold the folds of a corpus",
            f"1 to {MAX_FOLDS} folders fold_1, fold_2 and so on in it, as in EmoBox's data/emodb",
            len(folds),
            "Set it with --source_dir.",
        )
    return [(f"fold {number}", path) for number, path in folds]


def split_files(folder: Path) -> tuple:
    """Returns the dict from split to file of a fold, and the list of files that are not read.

    Args:
        folder: The fold's folder.

    Raises:
        ValueError: If train or test is missing.
    """
    paths, unread = {}, []
    for path in sorted(folder.glob("*.jsonl")):
        # Some corpora also have files of an older name, or of further test sets.
        match = re.fullmatch(rf"(?:.*_)?(train|valid|test)(?:_{folder.name})?", path.stem)
        if path.name.startswith(".") or (match and SPLITS[match[1]] in paths) or not match:
            unread += [] if path.name.startswith(".") else [path.name]
        else:
            paths[SPLITS[match[1]]] = path
    if "train" not in paths or "test" not in paths:
        raise errors.refusal(
            f"{str(folder)!r} does not hold a fold",
            f"files whose names end in _train_{folder.name}.jsonl and _test_{folder.name}.jsonl, "
            "and maybe _valid_",
            clips.named(path.name for path in paths.values()) or "neither",
            "Set it with --source_dir.",
        )
    return paths, unread


def _span(path, number, row):
    """Returns start and end in seconds, or two Nones."""
    texts = row.get("start_time", ""), row.get("end_time", "")
    if not any(texts):
        return None, None
    try:
        start, end = map(float, texts)
    except ValueError:
        start, end = math.nan, math.nan
    if not 0 <= start < end < math.inf:
        expected = "seconds from 0 on, the end after the start"
        raise text_files.error(path, number, "the times are wrong", expected, texts)
    return start, end


def _parts(path, number, row):
    """Returns the parts of an utterance's file name, which must not lead elsewhere."""
    wav = PurePosixPath(row["wav"])
    if not wav.parts or wav.is_absolute() or ".." in wav.parts or "\0" in row["wav"]:
        expected = "a file below the folder of the sound"
        raise text_files.error(path, number, "wav is wrong", expected, row["wav"])
    return wav.parts


class Utterances:
    """What the folds say of each utterance.

    Args:
        num_folds: Number of folds.

    Attributes:
        by_key: Dict from key to what its lines say (label, parts of the file's path, span) and the
            list of its splits, one for each fold.
    """

    def __init__(self, num_folds):
        self.by_key = {}
        self._num_folds = num_folds

    def add(self, path, fold, split):
        """Reads one file of one fold.

        Args:
            path: The file.
            fold: The fold's place in the order.
            split: "train", "dev" or "test".

        Raises:
            ValueError: If a line cannot be read, or contradicts another one.
        """
        for number, row in json_lines.rows(path):
            missing = [name for name in ("key", "wav", "emo") if not row.get(name)]
            if missing:
                expected = "key, wav and emo"
                raise text_files.error(path, number, "a name is missing", expected, list(row))
            text_files.check_id(path, number, row["key"])
            if not checking.is_name(row["emo"]):
                raise text_files.error(
                    path, number, "emo cannot be shown", checking.NAME, row["emo"]
                )
            facts = row["emo"], _parts(path, number, row), _span(path, number, row)
            earlier, splits = self.by_key.setdefault(row["key"], (facts, [""] * self._num_folds))
            if earlier != facts:
                expected = f"what other lines say of {row['key']!r}: {earlier}"
                raise text_files.error(path, number, "the lines differ", expected, facts)
            if splits[fold] not in ("", split):
                expected = f"an utterance outside the {splits[fold]} split of this fold"
                raise text_files.error(path, number, "the key appears twice", expected, row["key"])
            splits[fold] = split
