"""The `predictions.csv` of a cross-validation."""

import csv

import numpy as np

from amh_tf.reporting import checks


def read(path, classes, folds):
    """Reads the predictions of a cross-validation.

    Args:
        path: The CSV file: fold, id, label, prediction, a probability for each class.
        classes: Class names.
        folds: Numbers of the scored folds.

    Returns:
        Dict from (fold, id) to (label, prediction), both class names.

    Raises:
        ValueError: If the file is missing or damaged; the message names it and the line.
    """
    header = ["fold", "id", "label", "prediction", *classes]
    if not path.is_file():
        raise ValueError(
            f"{str(path)!r} is missing. Expected the predictions beside crossval.json. "
            f"Received: no such file. {checks.REMEDY}"
        )

    def refuse(line, expected, received):
        raise ValueError(
            f"{str(path)!r} cannot be used, line {line}. Expected {expected}. "
            f"Received: {str(received)[:200]}. {checks.REMEDY}"
        )

    known_folds = {str(fold): fold for fold in folds}
    predictions = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            first = next(reader, [])
            if first != header:
                refuse(1, f"the columns {', '.join(header)}", ", ".join(first) or "none")
            for row in reader:
                line = reader.line_num
                if len(row) != len(header):
                    refuse(line, f"{len(header)} values", len(row))
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
        except (csv.Error, UnicodeDecodeError) as error:
            refuse(reader.line_num + 1, "CSV text", f"{type(error).__name__}: {error}")
    return predictions


def check_agreement(path, predictions, confusion, classes):
    """Checks that predictions give a confusion matrix.

    Args:
        path: The CSV file, for the message.
        predictions: What `read` gave.
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
        raise ValueError(
            f"{str(path)!r} and the crossval.json beside it do not belong together. Expected the "
            f"same utterances in both. Received: {len(predictions)} utterances here and "
            f"{confusion.sum()} there, or other answers. {checks.REMEDY}"
        )
