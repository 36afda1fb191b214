"""The files of a run."""

import json
from pathlib import Path

from amh_tf import config, errors, files, folders, typed
from amh_tf.runs import predictions as prediction_files
from amh_tf.runs import stored_reports

# TensorFlow and Matplotlib are imported where they are used: a run's settings are read without.

SCORED_SPLITS = ("dev", "test")


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
            ValueError: If the folder belongs to a run with other settings, or is not a run's.
        """
        # The configuration first: a process killed in between leaves a folder that goes on.
        if not self.check(run_config):
            files.write_text(self._config, run_config.to_json())
        self.checkpoints.mkdir(exist_ok=True)

    def member(self, seed):
        """Returns the `RunFolder` of one seed's run inside an ensemble's."""
        return RunFolder(self.path / f"seed_{seed}")

    def is_finished(self):
        """Returns whether the run has been trained and scored."""
        if not (self.model.exists() and self.metrics.exists()):
            return False
        scored = self.load_metrics().keys()
        return not scored or set(SCORED_SPLITS) <= scored

    def locked(self):
        """Returns a context that keeps other processes out of the folder.

        Raises:
            ValueError: On entering it, if another process is in there.
        """
        return folders.locked(self.path, "run_dir")

    def check(self, run_config):
        """Checks the configuration against the one that is there.

        Returns:
            Whether there is one.

        Raises:
            ValueError: If the folder belongs to a run with other settings, or is not a run's.
        """
        if self._config.exists():
            different = self.load_config().differences(run_config)
            if different:
                listed = "; ".join(
                    f"{name} was {old!r}, now {new!r}" for name, old, new in different
                )
                raise errors.refusal(
                    f"{str(self.path)!r} belongs to a run with other settings",
                    "the same settings to continue it",
                    listed,
                    "Choose another folder with --run_dir.",
                )
            return True
        if not folders.is_vacant(self.path):
            raise errors.refusal(
                f"{str(self.path)!r} is not the folder of a run",
                "a new folder, an empty one, or one with a config.json",
                "other files",
                "Choose another folder with --run_dir.",
            )
        return False

    def begun_kernel(self):
        """Returns the kernel that the run was begun with, or None where it was not begun."""
        return self.load_config().kernel if self._config.is_file() else None

    def load_config(self):
        """Reads the run's `RunConfig`.

        Raises:
            ValueError: If there is none, or it cannot be read.
        """
        if not self._config.is_file():
            raise errors.refusal(
                f"{str(self.path)!r} is not the folder of a run",
                "a config.json in it",
                "no such file",
                "Train one with `python -m amh_tf.train`, and pass it with --run_dir.",
            )
        fields = files.read_json(self._config, "the settings that `amh_tf.train` writes")
        try:
            return config.RunConfig.from_dict(fields)
        except ValueError as error:
            raise errors.InputError(f"{str(self._config)!r}: {error}") from error

    def save_model(self, model):
        """Writes `model.keras`."""
        with files.replacing(self.model) as temporary:
            model.save(temporary)

    def load_model(self):
        """Reads `model.keras`, which exists once training has ended.

        Returns:
            `keras.Model`.

        Raises:
            ValueError: If there is none yet, or it is damaged or refused.
        """
        from amh_tf import models
        from amh_tf.runs import model_file

        self.check_trained()
        run_config = self.load_config()
        return model_file.load(self.model, lambda: models.build_run(run_config))

    def check_trained(self):
        """Checks that `model.keras` is there.

        Raises:
            ValueError: If it is not.
        """
        if not self.model.is_file():
            raise errors.refusal(
                f"{str(self.path)!r} holds no trained model yet",
                "model.keras",
                "no such file",
                "Run `python -m amh_tf.train` with the same settings to finish the run.",
            )

    def load_metrics(self):
        """Reads `metrics.json`: a dict from split to report; empty if there is none.

        Raises:
            ValueError: If the file is damaged.
        """
        if not self.metrics.is_file():
            return {}
        expected = "the scores that `amh_tf.evaluate` writes"
        reports = files.read_json(self.metrics, expected)
        with typed.refusing(self.metrics, expected, "Delete it and evaluate again."):
            typed.record(reports, stored_reports.BySplit)
        return reports

    def load_predictions(self, classes):
        """Reads `predictions.csv`, the test split's.

        Args:
            classes: Class names.

        Returns:
            List of (id, label, probabilities), label as a class id.

        Raises:
            ValueError: If the file is missing or damaged.
        """
        return prediction_files.read(self.path / "predictions.csv", classes)

    def save_no_results(self):
        """Writes an empty `metrics.json`: the run is finished, and has nothing to be scored on."""
        files.write_text(self.metrics, "{}\n")

    def save_results(self, split, report, predictions, classes, title):
        """Writes one split's scores, predictions and confusion matrix.

        Scores of other splits in `metrics.json` stay. The test split's files have plain
        names; those of another split carry its name.
        """
        from amh_tf.scores import confusion_plot

        suffix = "" if split == "test" else f"_{split}"
        path = self.path / f"predictions{suffix}.csv"
        prediction_files.write(path, predictions.rows(), classes)
        confusion_plot.confusion_matrix(
            report["confusion_matrix"],
            classes,
            title,
            self.path / f"confusion_matrix{suffix}.png",
        )
        merged = {**self.load_metrics(), split: report}
        files.write_text(self.metrics, json.dumps(merged, indent=2) + "\n")
