"""All that a run must remember to go on exactly where it stopped."""

import glob
import hashlib
import json
import math
import os
import pathlib

import tensorflow as tf

from amh_tf import files

# Of each checkpoint, the SHA-256 of its files, by name.
DIGESTS = "digests.json"


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
    best weights so far, and the loop's counters: leave one out and the run goes on, but not
    to the same end.

    Args:
        folder: Where the checkpoints lie; the newest is kept.
        model: `keras.Model`.
        optimizer: Its optimizer, built.

    Raises:
        ValueError: If the folder's list of checkpoints names files elsewhere.
    """

    def __init__(self, folder, model, optimizer):
        self._folder = folder
        self._check_list()
        self._weights = [weight.value for weight in model.weights]
        self._best = [tf.Variable(weight, trainable=False) for weight in self._weights]
        self._counters = _Counters()
        self._noted = {}
        state = [variable.value for variable in (*model.variables, *optimizer.variables)]
        checkpoint = tf.train.Checkpoint(state=state, best=self._best, counters=self._counters)
        self._manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=1)

    def keep_best(self):
        """Remembers the present weights as the best."""
        for best, weight in zip(self._best, self._weights):
            best.assign(weight)

    def exchange_best(self):
        """Swaps the model's weights with the best ones; a second call swaps them back."""
        for best, weight in zip(self._best, self._weights):
            held = tf.identity(best)
            best.assign(weight)
            weight.assign(held)

    def save(self, counters):
        """Writes a checkpoint with a dict of JSON values."""
        self._counters.values = counters
        # Called when the files are written, before TensorFlow's list names them and it deletes
        # the checkpoint before: whenever the process is killed, the one in the list is whole.
        options = tf.train.CheckpointOptions(experimental_write_callbacks=[self._note_digests])
        self._manager.save(options=options)

    def restore(self):
        """Restores the newest checkpoint.

        Returns:
            The dict that was saved with it, or None if there is no checkpoint.

        Raises:
            ValueError: If the checkpoint is damaged or of another model.
        """
        newest = self._manager.latest_checkpoint
        if newest is None and self._none_was_ended():
            return None
        try:
            if newest is None:
                raise FileNotFoundError("the file 'checkpoint', which names the newest")
            self._check_digests(pathlib.Path(newest).name)
            self._check_sizes(newest)
            self._manager.checkpoint.restore(newest).assert_consumed()
        except Exception as error:  # a damaged file raises almost anything
            raise ValueError(
                f"The checkpoint in {str(self._folder)!r} cannot be restored. Expected the one "
                f"that this run wrote. Received: {type(error).__name__}: {error}. Delete the "
                "run's folder to start again."
            ) from error
        return self._counters.values

    def _check_list(self):
        """TensorFlow deletes what the list names once it has saved again."""
        state = tf.train.get_checkpoint_state(str(self._folder))
        named = [*state.all_model_checkpoint_paths, state.model_checkpoint_path] if state else []
        folder = self._folder.resolve()
        for path in map(pathlib.Path, named):
            if path.parent.resolve() != folder or not path.name.startswith("ckpt-"):
                raise ValueError(
                    f"{str(self._folder / 'checkpoint')!r} cannot be used. Expected checkpoints "
                    f"of its own folder. Received: {str(path)!r}. Delete the run's folder to "
                    "start again."
                )

    def _note_digests(self, prefix):
        newest = pathlib.Path(prefix).name
        before = pathlib.Path(self._manager.latest_checkpoint or "").name
        for path in self._files(newest):
            files.sync(path)
        files.sync(self._folder)
        self._noted = {name: noted for name, noted in self._noted.items() if name == before}
        self._noted[newest] = self._digests(newest)
        files.sweep(self._folder)
        files.write_text(self._folder / DIGESTS, json.dumps(self._noted, indent=1) + "\n")

    def _files(self, name):
        return sorted(self._folder.glob(f"{glob.escape(name)}.*"))

    def _digests(self, name):
        digests = {}
        for path in self._files(name):
            with open(path, "rb") as file:
                digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
        return digests

    def _check_digests(self, name):
        """A damaged length can end the process in TensorFlow, which checks only what it reads."""
        expected = "the SHA-256 that were noted with the checkpoint"
        noted = files.read_json(self._folder / DIGESTS, expected)
        if not noted.get(name) or noted[name] != self._digests(name):
            raise ValueError(f"files of {name} that have not the SHA-256 in {DIGESTS!r}")
        self._noted = noted

    @staticmethod
    def _check_sizes(newest):
        """A stranger's checkpoint may declare more than it holds; every element takes a byte."""
        shapes = tf.train.load_checkpoint(newest).get_variable_to_shape_map()
        declared = sum(math.prod(shape) for shape in shapes.values())
        held = sum(os.path.getsize(path) for path in glob.glob(glob.escape(newest) + ".data-*"))
        if declared > held:
            raise ValueError(f"{declared} elements in {held} bytes")

    def _none_was_ended(self):
        """Tells whether there is nothing but, at most, what a killed first save left behind.

        TensorFlow names the newest checkpoint in a file of its own once that is whole.
        """
        return all(
            path.name.startswith(("ckpt-1.", "ckpt-1_temp")) for path in self._folder.glob("ckpt-*")
        )
