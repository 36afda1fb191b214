"""Splits of others: a CSV or JSON Lines file that says which utterance is in which split.

| Column | Holds |
|---|---|
| `id` | name of the utterance; required |
| `split` | train, dev (or val, valid, validation), test, or empty where it is left out |
| `fold` | without `split`, the fold that tests on the utterance: all others are trained on; beside `split`, the fold that the line is about, so that an id has one line for each fold |
| `label`, `speaker`, `sentence` | what is known of it |
| `audio` | its recording, relative to the file's folder |
"""  # noqa: E501  (a table cannot be wrapped)

import dataclasses
import json
from pathlib import Path

import numpy as np

from amh_tf import errors
from amh_tf.corpora import table, text_files

COLUMNS = ("label", "speaker", "sentence", "audio")
_NAMES = {
    **{name: name for name in ("train", "dev", "test", "")},
    **dict.fromkeys(("val", "valid", "validation"), "dev"),
}
_REQUIRED = ("id", ("split", "fold"))


@dataclasses.dataclass(frozen=True)
class Splits:
    """What such a file holds.

    Attributes:
        ids: The utterances in the order of the file.
        columns: Dict from a name in `COLUMNS` that the file has to one text for each id.
        names: A name for each fold.
        splits: `(utterances, folds)` array of "train", "dev", "test" and "".
    """

    ids: tuple
    columns: dict
    names: tuple
    splits: np.ndarray


def read(path, encoding=None):
    """Reads a file of splits.

    Args:
        path: The file. JSON Lines by its ending, one of `table.JSON_ENDINGS`, or else CSV.
        encoding: The file's encoding, as for `text_files.lines`.

    Returns:
        `Splits`.

    Raises:
        ValueError: If it cannot be read, lacks a column, names a split that is not known, or an
            id appears twice in a fold. The message names file and line.
    """
    path = Path(path)
    rows = _json_rows if path.suffix.lower() in table.JSON_ENDINGS else text_files.rows
    by_id, assigned, columns = {}, {}, set()
    for number, row in rows(path, encoding, ("id", "split", "fold", *COLUMNS), _REQUIRED):
        text_files.check_id(path, number, row["id"])
        split = _NAMES.get(row.get("split", "").strip().lower())
        if split is None:
            expected = f"one of {', '.join(filter(None, _NAMES))}, or nothing"
            raise text_files.error(path, number, "split is not known", expected, row["split"])
        fold = text_files.clean(row.get("fold", ""))
        if "split" not in row and not fold:
            raise text_files.error(path, number, "the fold is missing", "its name", row)
        of_fold = assigned.setdefault(fold, {})
        if row["id"] in of_fold or ("split" not in row and row["id"] in by_id):
            expected = "each id once in a fold"
            raise text_files.error(path, number, "the id appears twice", expected, row["id"])
        # Without a split, the line says that the fold tests on it.
        of_fold[row["id"]] = split if "split" in row else "test"
        about = by_id.setdefault(row["id"], {})
        for name in COLUMNS:
            text = row.get(name, "").strip()
            if text:
                about.setdefault(name, text if name == "audio" else text_files.clean(text))
        columns.update(row)
    if not by_id:
        raise errors.refusal(
            f"{str(path)!r} holds no split",
            "a line for each utterance",
            "none",
            "Set it with --splits.",
        )
    return _gather(path, by_id, assigned, columns)


def _gather(path, by_id, assigned, columns):
    ids = tuple(by_id)
    names = sorted(assigned, key=lambda name: (len(name), name) if name.isdecimal() else (99, name))
    outside = "" if "split" in columns else "train"
    cells = [[assigned[name].get(utterance, outside) for name in names] for utterance in ids]
    values = {
        name: tuple(by_id[utterance].get(name, "") for utterance in ids)
        for name in COLUMNS
        if name in columns
    }
    if "audio" in values:
        values["audio"] = tuple(
            str(path.parent / utterance) if utterance else "" for utterance in values["audio"]
        )
    titles = tuple(f"fold {name}" if name.isdecimal() else name or "split" for name in names)
    return Splits(ids, values, titles, np.array(cells, object))


def _json_rows(path, encoding, columns, required):
    """Yields the line number and the fields, as texts, of each line of a JSON Lines file."""
    for number, text in text_files.lines(path, encoding=encoding):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            expected, received = "a JSON object", f"{type(error).__name__}: {error}"
            raise text_files.error(path, number, "the line is bad", expected, received) from None
        if not isinstance(row, dict) or not all(
            value is None or (isinstance(value, str | int) and not isinstance(value, bool))
            for value in row.values()
        ):
            expected = "a JSON object of texts and whole numbers"
            raise text_files.error(path, number, "the line is bad", expected, row)
        names = text_files.without_capitals(list(row), columns)
        text_files.check_columns(path, number, names, required)
        row = dict(zip(names, row.values()))
        yield number, {name: "" if value is None else str(value) for name, value in row.items()}
