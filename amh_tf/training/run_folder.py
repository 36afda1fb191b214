"""The files of a run."""

import csv
import io
import json
from pathlib import Path

import keras

from amh_tf import config, figures, files


class RunFolder:
    """A run's folder: configuration, model, checkpoints, scores, predictions, pictures.

    Args:
        path: The folder; it need not exist yet.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.logs = self.path / "logs"
        self.model = self.path / "model.keras"
        self.metrics = self.path / "metrics.json"
        self._config = self.path / "config.json"

    def start(self, run_config):
        """Writes the configuration, or checks it against the one that is there.

        Raises:
            ValueError: If the folder belongs to a run with other settings, or is no run's.
        """
        if self._config.exists():
            different = self.load_config().differences(run_config)
            if different:
                listed = "; ".join(
                    f"{name} was {old!r}, now {new!r}" for name, old, new in different
                )
                raise ValueError(
                    f"{str(self.path)!r} belongs to a run with other settings. Expected the "
                    f"same settings to continue it. Received: {listed}. Choose another "
                    "folder with --run_dir."
                )
            return
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise ValueError(
                f"{str(self.path)!r} is not the folder of a run. Expected a new folder, an "
                "empty one, or one with a config.json. Received: other files. Choose another "
                "folder with --run_dir."
            )
        files.write_text(self._config, run_config.to_json())

    def load_config(self):
        """Reads the run's `RunConfig`.

        Raises:
            ValueError: If there is none, or it cannot be read.
        """
        if not self._config.is_file():
            raise ValueError(
                f"{str(self.path)!r} is not the folder of a run. Expected a config.json in "
                "it. Received: no such file. Train one with `python -m amh_tf.train`, and "
                "pass it with --run_dir."
            )
        return config.RunConfig.from_json(self._config.read_text(encoding="utf-8"))

    def save_model(self, model):
        """Writes `model.keras`."""
        with files.replacing(self.model) as temporary:
            model.save(temporary)

    def load_model(self):
        """Reads `model.keras`.

        Raises:
            ValueError: If there is none yet, or it is damaged.
        """
        if not self.model.is_file():
            raise ValueError(
                f"{str(self.path)!r} holds no trained model yet. Expected model.keras. "
                "Received: no such file. Run `python -m amh_tf.train` with the same settings "
                "to finish the run."
            )
        try:
            return keras.saving.load_model(self.model, compile=False)
        except Exception as error:  # zip, JSON and HDF5 each raise their own
            raise ValueError(
                f"{str(self.model)!r} cannot be read. Expected a model that this version "
                f"wrote. Received: {type(error).__name__}: {error}."
            ) from error

    def load_metrics(self):
        """Reads `metrics.json`: a dict from split to report; empty if there is none."""
        if not self.metrics.is_file():
            return {}
        return json.loads(self.metrics.read_text(encoding="utf-8"))

    def save_results(self, split, report, predictions, classes, title):
        """Writes one split's scores, predictions and confusion matrix.

        Scores of other splits in `metrics.json` stay. The test split's files have plain
        names; those of another split carry its name.
        """
        suffix = "" if split == "test" else f"_{split}"
        files.write_text(
            self.path / f"predictions{suffix}.csv", _predictions_csv(predictions, classes)
        )
        figures.confusion_matrix(
            report["confusion_matrix"],
            classes,
            title,
            self.path / f"confusion_matrix{suffix}.png",
        )
        merged = {**self.load_metrics(), split: report}
        files.write_text(self.metrics, json.dumps(merged, indent=2) + "\n")


def _predictions_csv(predictions, classes):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "label", "prediction", *classes])
    rows = zip(predictions.ids, predictions.labels, predictions.probabilities)
    for name, label, row in rows:
        writer.writerow(
            [name, classes[label], classes[row.argmax()], *(f"{value:.6g}" for value in row)]
        )
    return text.getvalue()
