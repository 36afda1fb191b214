"""What engines of other libraries have in common.

They need neither TensorFlow nor Keras, so each library can be in an environment of its own.
"""

import time
from pathlib import Path

import numpy as np

from tools.speed import network

TRIALS = 3  # of a variant before the fastest is chosen; one alone may meet other work
HOPELESS = 10  # seconds a batch: not tried again


class Peer:
    """AMH-7 in another library, on batches in memory: reading is not in its times.

    Subclasses have `VARIANTS`, from the words for a way to compute to what it is called with, and
    `_convert`, `_train`, `_predict` and `_set`.

    Args:
        folder: What `data.write_batches` has written.
        pilot: Whether to try all variants and keep the fastest, or to take the first.
    """

    VARIANTS: dict

    def __init__(self, folder=None, pilot=True):
        self._folder = folder
        self._variants = dict(list(self.VARIANTS.items())[: None if pilot else 1])
        self._chosen, self._notes = {}, {}

    def _read(self, order):
        """Reads the batches of a pass into memory: list of inputs and labels."""
        batches = []
        for path in sorted(Path(self._folder, order).iterdir()):
            with np.load(path) as arrays:
                inputs = dict(arrays)
            batches.append(self._convert(inputs, inputs.pop("labels")))
        return batches

    def _time(self, compute, batches, order, epochs=1):
        """Returns the seconds of `compute(batches, variant)`; the first time, tries variants."""
        if order not in self._chosen:
            trials = {name: self._try(compute, batches[:1], name) for name in self._variants}
            best = min(trials, key=trials.get)
            self._chosen[order] = self._variants[best]
            if len(trials) > 1:
                seconds = ", ".join(f"{name} {value:.2f}" for name, value in trials.items())
                self._notes[f"{order}, seconds a batch in the trial"] = seconds
        return compute(batches * epochs, self._chosen[order])

    def _try(self, compute, batch, name):
        """Returns the least seconds of a variant, or of its first try where it is hopeless."""
        variant = self._variants[name]
        compute(batch, variant)  # builds what is built once
        trials = []
        while len(trials) < TRIALS and (not trials or min(trials) < HOPELESS):
            trials.append(compute(batch, variant))
        return min(trials)

    def _infer(self, batches, variant):
        start = time.perf_counter()
        for inputs, _ in batches:
            self._predict(inputs, variant)
        return time.perf_counter() - start

    def notes(self):
        """Returns the trials of the variants."""
        return self._notes

    def train(self, bucketed, epochs=1):
        """Trains some epochs; returns their seconds."""
        order = "bucketed" if bucketed else "random"
        return self._time(self._train, self._read(order), order, epochs)

    def infer(self):
        """Computes probabilities for all utterances; returns the seconds."""
        return self._time(self._infer, self._read("in_order"), "in_order")

    def set_weights(self, path):
        """Takes the parameters of `network.parameters`, in their order; returns their number."""
        with np.load(path) as arrays:
            values = dict(zip(network.parameters(), arrays.values(), strict=True))
        return self._set(values)

    def probabilities(self):
        """Returns the probabilities of the first batch, a list of lists."""
        inputs, _ = self._read("in_order")[0]
        return self._predict(inputs, next(iter(self._variants.values()))).tolist()
