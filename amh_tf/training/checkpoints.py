"""All that a run must remember to continue exactly where it stopped.

TensorFlow's own list of checkpoints is not used: it is not waited for, so that a power cut can
lose it, and TensorFlow deletes whatever it names.
"""

import glob
import hashlib
import json
import math
import os
import re

import tensorflow as tf

from amh_tf import errors, files, folders

# Names the newest checkpoint, and the SHA-256 of its files.
NEWEST_FILE = "newest.json"
_NAME = re.compile(r"ckpt-(\d{1,18})")


class _Counters(tf.train.experimental.PythonState):
    """Plain numbers, kept in the checkpoint beside the tensors."""

    def __init__(self):
        self.values = {}

    def serialize(self):
        return json.dumps(self.values)

    def deserialize(self, string_value):
        self.values = json.loads(string_value)


class Checkpoints:
    """Saves and restores a training run.

    A checkpoint holds the model's weights, the state of its dropout seeds, the optimizer, the
    best weights so far, and the loop's counters: leave one out and the run continues, but not
    to the same end.

    Args:
        folder: Where the checkpoints are; the newest is kept.
        model: `keras.Model`.
        optimizer: Its optimizer, built.
        averages: Whether an average of weights is kept, too.
    """

    def __init__(self, folder, model, optimizer, averages=False):
        self._folder = folder
        self._number = 0
        self._weights = [weight.value for weight in model.weights]
        self._best = [tf.Variable(weight, trainable=False) for weight in self._weights]
        self._average = [
            tf.Variable(weight, trainable=False) for weight in self._weights if averages
        ]
        self._counters = _Counters()
        state = [variable.value for variable in (*model.variables, *optimizer.variables)]
        extra = {"average": self._average} if averages else {}
        self._checkpoint = tf.train.Checkpoint(
            state=state, best=self._best, counters=self._counters, **extra
        )

    def keep_best(self):
        """Remembers the present weights as the best."""
        for best, weight in zip(self._best, self._weights):
            best.assign(weight)

    def average_in(self, number):
        """Takes the present weights into the average, as the `number`th, from 1."""
        for average, weight in zip(self._average, self._weights):
            average.assign_add((weight - average) / number)

    def exchange_average(self):
        """Swaps the model's weights with their average; a second call swaps them back."""
        self._exchange(self._average)

    def exchange_best(self):
        """Swaps the model's weights with the best ones; a second call swaps them back."""
        self._exchange(self._best)

    def _exchange(self, others):
        for other, weight in zip(others, self._weights):
            previous = tf.identity(other)
            other.assign(weight)
            weight.assign(previous)

    def save(self, counters):
        """Writes a checkpoint with a dict of JSON values.

        The one before is deleted once this one is on the disk: whenever the process is killed,
        a whole one is named.
        """
        self._counters.values = counters
        folders.sweep(self._folder)
        name = f"ckpt-{self._number + 1}"
        self._checkpoint.write(str(self._folder / name))
        for path in self._files(name):
            files.sync(path)
        files.sync(self._folder)
        newest = {"checkpoint": name, "sha256": self._digests(name)}
        files.write_text(self._folder / NEWEST_FILE, json.dumps(newest, indent=1) + "\n")
        self._number += 1
        for path in self._folder.glob("ckpt-*.*"):
            if path.stem != name:
                path.unlink()

    def restore(self):
        """Restores the newest checkpoint.

        Returns:
            The dict that was saved with it, or None if there is no checkpoint.

        Raises:
            ValueError: If the checkpoint is damaged or of another model.
        """
        path = self._folder / NEWEST_FILE
        if not path.is_file() and self._none_was_ended():
            return None
        try:
            newest = files.read_json(path, "the name of the newest checkpoint")
            self._number = self._check(newest.get("checkpoint"), newest.get("sha256"))
            prefix = str(self._folder / newest["checkpoint"])
            self._check_sizes(prefix)
            self._checkpoint.read(prefix).assert_consumed()
        except Exception as error:  # a damaged file raises almost anything
            raise errors.refusal(
                f"The checkpoint in {str(self._folder)!r} cannot be restored",
                "the one that this run wrote",
                f"{type(error).__name__}: {error}",
                "Delete the run's folder to start again.",
            ) from error
        return self._counters.values

    def _files(self, name):
        return sorted(self._folder.glob(f"{name}.*"))

    def _digests(self, name):
        digests = {}
        for path in self._files(name):
            with open(path, "rb") as file:
                digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
        return digests

    def _check(self, name, noted):
        """Keeps other bytes from TensorFlow, where a damaged length can end the process.

        Returns:
            The checkpoint's number.
        """
        match = _NAME.fullmatch(name) if isinstance(name, str) else None
        if not match:
            raise errors.InputError(f"the name {name!r:.50} in {NEWEST_FILE!r}")
        if not noted or noted != self._digests(name):
            raise errors.InputError(f"files of {name} that have not the SHA-256 in {NEWEST_FILE!r}")
        return int(match[1])

    @staticmethod
    def _check_sizes(prefix):
        """A stranger's checkpoint may declare more than it holds; every element takes a byte."""
        shapes = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
        declared = sum(math.prod(shape) for shape in shapes.values())
        num_bytes = sum(
            os.path.getsize(path) for path in glob.glob(glob.escape(prefix) + ".data-*")
        )
        if declared > num_bytes:
            raise errors.InputError(f"{declared} elements in {num_bytes} bytes")

    def _none_was_ended(self):
        """Returns whether there is nothing but, at most, what a killed first save left behind."""
        return all(
            path.name.startswith(("ckpt-1.", "ckpt-1_temp")) for path in self._folder.glob("ckpt-*")
        )
