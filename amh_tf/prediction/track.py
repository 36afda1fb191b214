"""One modality of a stream: what was encoded of it, kept for the hops."""

import numpy as np


class Track:
    """Encodes the steps of a modality as they come, and keeps the states.

    Args:
        model: `stepwise.StepwiseModel`.
        modality: "audio", "text" or "video".
        most: Steps that may come.
        stride: How many of them the model averages into one.

    Attributes:
        count: Steps that have come.
        statistics: What the modality is standardized by, as for `StepwiseModel.read`.
    """

    def __init__(self, model, modality, most, stride=1):
        self._model, self._modality, self._stride = model, modality, stride
        self._states = model.no_states(modality, -(-most // stride))
        self.statistics = {}
        self.reset()

    def reset(self):
        """Begins anew."""
        self.count = self._encoded = 0
        self._waiting = None  # steps of a group that is not whole yet
        self._state = self._model.start(self._modality)

    def add(self, steps):
        """Takes the next steps, `(time, width)` float32, or `(time,)` int32 of words."""
        self.count += len(steps)
        steps = self._with_waiting(steps)
        whole = len(steps) // self._stride * self._stride
        if whole:
            states, self._state = self._read(steps[:whole])
            self._encoded += self._put(states)
        self._waiting = steps[whole:]

    def states(self, rest=None):
        """Returns each member's states, `(time, units)`; views, until the next call.

        Args:
            rest: The last steps, as they are if the modality ends with them, or None. They are
                not kept.
        """
        end = self._encoded
        last = self._waiting if rest is None else self._with_waiting(rest)
        if last is not None and len(last):
            end += self._put(self._read(last)[0])
        return [of_member[:end] for of_member in self._states]

    def _with_waiting(self, steps):
        return steps if self._waiting is None else np.concatenate([self._waiting, steps])

    def _read(self, steps):
        return self._model.read(self._modality, steps, self._state, self.statistics)

    def _put(self, states):
        """Writes states behind those that are final; returns how many."""
        count = len(states[0])
        for kept, new in zip(self._states, states):
            kept[self._encoded : self._encoded + count] = new
        return count
