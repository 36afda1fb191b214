"""`predictions.csv`, of a run and of a cross-validation.

Columns: id, label, prediction, and a probability for each class. That of a cross-validation has the
fold before the id, and the speaker after it where anybody is known.
"""

import csv
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from amh_tf import errors, escaping, files
from amh_tf.runs import stored_crossval

_REMEDY = "Evaluate the run again."


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What a model said of each utterance.

    Attributes:
        ids: List of utterance ids.
        labels: Class ids, `(utterances,)`.
        probabilities: `(utterances, classes)` float32.
    """

    ids: list
    labels: np.ndarray
    probabilities: np.ndarray

    def rows(self) -> Iterator[tuple]:
        """Yields (id, label, probabilities) of each utterance."""
        yield from zip(self.ids, self.labels, self.probabilities)


def write(
    path: Path,
    rows: Iterable[tuple],
    classes: Sequence[str],
    folds: Sequence[int] | None = None,
    speakers: Sequence[str] | None = None,
) -> None:
    """Writes a predictions file.

    Args:
        path: The CSV file.
        rows: (id, label, probabilities) of each utterance, label as a class id.
        classes: Class names.
        folds: The fold of each row, of a cross-validation.
        speakers: The speaker of each row; none are written if all are unknown.
    """
    speakers = speakers if speakers and any(speakers) else None
    with (
        files.replacing(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(map(escaping.cell, _header(classes, folds is not None, bool(speakers))))
        for index, (name, label, probabilities) in enumerate(rows):
            names = [name, *([speakers[index]] if speakers else [])]
            names += [classes[label], classes[int(np.argmax(probabilities))]]
            fold = [] if folds is None else [folds[index]]
            shares = (f"{value:.6g}" for value in probabilities)
            writer.writerow([*fold, *map(escaping.cell, names), *shares])


def _header(classes, fold, speaker):
    names = [*(["fold"] if fold else []), "id", *(["speaker"] if speaker else [])]
    return [*names, "label", "prediction", *classes]


def read(path: Path, classes: Sequence[str]) -> list[tuple]:
    """Reads the predictions of a run.

    Returns:
        List of (id, label, probabilities), label as a class id.

    Raises:
        InputError: If the file is missing or damaged; the message names it and the line.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    return [
        (row["id"], numbers[row["label"]], row["probabilities"])
        for _, row in _rows(path, classes, False, _REMEDY)
    ]


def read_folds(path: Path, classes: Sequence[str], folds: Iterable[int]) -> tuple[dict, dict]:
    """Reads the predictions of a cross-validation.

    Args:
        path: The CSV file.
        classes: Class names.
        folds: Numbers of the scored folds.

    Returns:
        Dict from (fold, id) to (label, prediction), both class names, and dict from (fold, id)
        to the speaker, without the utterances whose speaker is unknown.

    Raises:
        InputError: If the file is missing or damaged; the message names it and the line.
    """
    numbers = {str(fold): fold for fold in folds}
    predictions, speakers = {}, {}
    for refuse, row in _rows(path, classes, True, stored_crossval.REMEDY):
        if row["fold"] not in numbers:
            refuse("a fold that crossval.json scores", repr(row["fold"]))
        key = numbers[row["fold"]], row["id"]
        if key in predictions:
            refuse("each utterance once in a fold", f"{row['id']!r} again")
        predictions[key] = row["label"], row["prediction"]
        if row.get("speaker"):
            speakers[key] = row["speaker"]
    return predictions, speakers


def _rows(path, classes, fold, remedy):
    """Yields each row as a dict by column, with a function that refuses it."""
    headers = [_header(classes, fold, False), *([_header(classes, fold, True)] if fold else [])]
    line = 1

    def refuse(expected, received):
        raise errors.refusal(
            f"{str(path)!r} cannot be used, line {line}", expected, f"{str(received)[:200]}", remedy
        )

    if not path.is_file():
        raise errors.refusal(
            f"{str(path)!r} is missing", "a table of predictions", "no such file", remedy
        )
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = list(map(escaping.from_cell, next(reader, [])))
            if header not in headers:
                refuse(f"the columns {', '.join(headers[0])}", ", ".join(header) or "none")
            names = header[: -len(classes)]
            for values in reader:
                line = reader.line_num
                if len(values) != len(header):
                    refuse(f"{len(header)} values", len(values))
                row = dict(zip(names, map(escaping.from_cell, values)))
                for name in ("label", "prediction"):
                    if row[name] not in classes:
                        refuse(f"one of the classes {', '.join(classes)}", repr(row[name]))
                try:
                    row["probabilities"] = [float(value) for value in values[len(names) :]]
                except ValueError as error:
                    refuse("a number for each class", error)
                yield refuse, row
        except (csv.Error, UnicodeDecodeError) as error:
            line = reader.line_num + 1
            refuse("CSV text", f"{type(error).__name__}: {error}")


def check_agreement(path, predictions, confusion, classes):
    """Checks that predictions give a confusion matrix.

    Args:
        path: The CSV file, for the message.
        predictions: The first of what `read_folds` gave.
        confusion: Counts of shape `(classes, classes)`, true class in rows.
        classes: Class names.

    Raises:
        ValueError: If they give another, or there is no utterance.
    """
    index = {name: number for number, name in enumerate(classes)}
    counts = np.zeros_like(confusion)
    for label, prediction in predictions.values():
        counts[index[label], index[prediction]] += 1
    if not confusion.any() or (counts != confusion).any():
        raise errors.refusal(
            f"{str(path)!r} and the crossval.json beside it do not match",
            "the same utterances in both",
            f"{len(predictions)} utterances here and {confusion.sum()} there, or other answers",
            stored_crossval.REMEDY,
        )
