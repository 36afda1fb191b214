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
            self._chosen[order] = self._fastest(compute, batches[:1], order)
        return compute(batches * epochs, self._chosen[order])

    def _fastest(self, compute, batch, order):
        """Returns the fastest variant of some tries, if there are several; notes the seconds."""
        if len(self._variants) == 1:
            return next(iter(self._variants.values()))
        trials = {}
        for name, variant in self._variants.items():
            compute(batch, variant)  # builds what is built once
            trials[name] = compute(batch, variant)
            if trials[name] < HOPELESS:
                again = (compute(batch, variant) for _ in range(TRIALS - 1))
                trials[name] = min(trials[name], *again)
        seconds = ", ".join(f"{name} {value:.2f}" for name, value in trials.items())
        self._notes[f"{order}, seconds a batch in the trial"] = seconds
        return self._variants[min(trials, key=trials.get)]

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
