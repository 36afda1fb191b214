"""The `predictions.csv` of a cross-validation."""

import csv

import numpy as np

from amh_tf import errors, escaping
from amh_tf.runs import checks


def read(path, classes, folds):
    """Reads the predictions of a cross-validation.

    Args:
        path: The CSV file: fold, id, speaker, label, prediction, a probability for each class;
            the speaker is left out where nobody knows, and in files of former versions.
        classes: Class names.
        folds: Numbers of the scored folds.

    Returns:
        Dict from (fold, id) to (label, prediction), both class names, and dict from (fold, id)
        to the speaker, without the utterances whose speaker is unknown.

    Raises:
        ValueError: If the file is missing or damaged; the message names it and the line.
    """
    header = ["fold", "id", "label", "prediction", *classes]
    with_speaker = [*header[:2], "speaker", *header[2:]]
    if not path.is_file():
        raise errors.InputError(
            f"{str(path)!r} is missing. Expected the predictions beside crossval.json. "
            f"Received: no such file. {checks.REMEDY}"
        )

    def refuse(line, expected, received):
        raise errors.InputError(
            f"{str(path)!r} cannot be used, line {line}. Expected {expected}. "
            f"Received: {str(received)[:200]}. {checks.REMEDY}"
        )

    known_folds = {str(fold): fold for fold in folds}
    predictions, speakers = {}, {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            first = list(map(escaping.from_cell, next(reader, [])))
            if first not in (header, with_speaker):
                refuse(1, f"the columns {', '.join(header)}", ", ".join(first) or "none")
            for row in reader:
                line = reader.line_num
                if len(row) != len(first):
                    refuse(line, f"{len(first)} values", len(row))
                row = list(map(escaping.from_cell, row))
                speaker = row.pop(2) if first == with_speaker else ""
                fold, utterance, label, prediction = row[:4]
                if fold not in known_folds:
                    refuse(line, "a fold that crossval.json scores", repr(fold))
                for name in (label, prediction):
                    if name not in classes:
                        refuse(line, f"one of the classes {', '.join(classes)}", repr(name))
                key = (known_folds[fold], utterance)
                if key in predictions:
                    refuse(line, "each utterance once in a fold", f"{utterance!r} again")
                predictions[key] = (label, prediction)
                if speaker:
                    speakers[key] = speaker
        except (csv.Error, UnicodeDecodeError) as error:
            refuse(reader.line_num + 1, "CSV text", f"{type(error).__name__}: {error}")
    return predictions, speakers


def check_agreement(path, predictions, confusion, classes):
    """Checks that predictions give a confusion matrix.

    Args:
        path: The CSV file, for the message.
        predictions: The first of what `read` gave.
        confusion: Counts of shape `(classes, classes)`, true class in rows.
        classes: Class names.

    Raises:
        ValueError: If they give another, or there is no utterance.
    """
    index = {name: number for number, name in enumerate(classes)}
    counted = np.zeros_like(confusion)
    for label, prediction in predictions.values():
        counted[index[label], index[prediction]] += 1
    if not confusion.any() or (counted != confusion).any():
        raise errors.InputError(
            f"{str(path)!r} and the crossval.json beside it do not belong together. Expected the "
            f"same utterances in both. Received: {len(predictions)} utterances here and "
            f"{confusion.sum()} there, or other answers. {checks.REMEDY}"
        )
