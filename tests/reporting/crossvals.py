"""Cross-validations for tests, written as `amh_tf.crossval` writes them."""

import csv
import json

import numpy as np

from amh_tf import schema
from amh_tf.scores import metrics

CLASSES = ("ang", "hap", "sad")


def answers(seed=0, utterances=60, folds=10, classes=CLASSES, accuracy=0.6, labels_seed=0):
    """Draws rows of (fold, id, label id, prediction id)."""
    labels = np.random.default_rng(labels_seed).integers(0, len(classes), utterances)
    rng = np.random.default_rng(seed)
    guesses = rng.integers(0, len(classes), utterances)
    predictions = np.where(rng.random(utterances) < accuracy, labels, guesses)
    numbers = range(utterances)
    return [(i % folds, f"utt_{i:04d}", int(labels[i]), int(predictions[i])) for i in numbers]


def write(folder, rows=None, classes=CLASSES, num_folds=10, speakers=None, **changes):
    """Writes `crossval.json` and `predictions.csv`; returns the former's fields.

    Args:
        folder: Folder to make.
        rows: What `answers` gives.
        classes: Class names.
        num_folds: Folds that exist.
        speakers: The speaker of each row, or None as in files of former versions.
        changes: Fields to set otherwise.
    """
    rows = answers(classes=classes) if rows is None else rows
    done = sorted({row[0] for row in rows})
    folds = []
    for fold in done:
        labels, predictions = zip(*((row[2], row[3]) for row in rows if row[0] == fold))
        scores = metrics.scores(metrics.confusion_matrix(labels, predictions, len(classes)))
        scores = {name: float(value) for name, value in scores.items()}
        folds.append({"fold": fold, "utterances": len(labels), "scores": scores})
    table = np.array([[fold["scores"][name] for name in schema.SCORES] for fold in folds])
    deviations = table.std(axis=0, ddof=1) if len(done) > 1 else [None] * len(schema.SCORES)
    probabilities = np.eye(len(classes))[[row[3] for row in rows]]
    fields = {
        "title": "AMH-7 (A+T+V)",
        "model": "amh",
        "num_hops": 7,
        "modalities": ["audio", "text", "video"],
        "transcripts": "reference",
        "data": "IEMOCAP",
        "synthetic": False,
        "protocol": "random",
        "protocol_description": "Ten folds drawn at random, seed 1.",
        "num_folds": num_folds,
        "warnings": [],
        "classes": list(classes),
        "folds": folds,
        "mean": dict(zip(schema.SCORES, table.mean(axis=0).tolist())),
        "standard_deviation": dict(zip(schema.SCORES, map(_plain, deviations))),
        "pooled": metrics.report(
            [row[2] for row in rows], probabilities, classes, speakers=speakers
        ),
        **changes,
    }
    folder.mkdir(parents=True)
    (folder / "crossval.json").write_text(json.dumps(fields), encoding="utf-8")
    with (folder / "predictions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        told = [[]] * len(rows) if speakers is None else [[speaker] for speaker in speakers]
        column = [] if speakers is None else ["speaker"]
        writer.writerow(["fold", "id", *column, "label", "prediction", *classes])
        for (fold, utterance, label, prediction), row, speaker in zip(rows, probabilities, told):
            answer = [classes[label], classes[prediction], *row]
            writer.writerow([fold, utterance, *speaker, *answer])
    return fields


def _plain(value):
    return None if value is None else float(value)
