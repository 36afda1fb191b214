"""Features of sound that comes in pieces."""

import functools

import numpy as np
import tensorflow as tf

from amh_tf import schema
from amh_tf.features import audio


class SoundStream:
    """Makes the features that `heard.features` makes of the whole, as far as the sound has come.

    The derivatives of a step look at the 4 frames that follow it, 40 ms, so the last 4 steps
    change with the sound that comes next: `add` gives those that do not, and `rest` the others, as
    they are if the sound ends here.

    Args:
        most: Steps that are kept. What comes after them is not heard.
        use_energy: As for `audio.mfcc_with_deltas`.

    Attributes:
        is_cut: Whether sound came that was not heard.
    """

    def __init__(self, most: int, use_energy: bool = False) -> None:
        self._most, self._use_energy = most, use_energy
        # Memory that is not written to is not taken either.
        self._samples = np.zeros(audio.num_samples(most + audio.REACH), np.float32)
        self.reset()

    def reset(self) -> None:
        """Begins with new sound."""
        self._count = self._final = 0
        self._rest = None  # what `rest` gives, where it was made already
        self.is_cut = False

    @property
    def waveform(self) -> np.ndarray:
        """What was heard, `(samples,)` float32; a view, until the next `reset`."""
        return self._samples[: self._count]

    @property
    def num_steps(self) -> int:
        """How many steps the sound so far has, at most as many as are kept."""
        return min(audio.num_frames(self._count), self._most)

    def add(self, samples: np.ndarray) -> np.ndarray:
        """Takes the next samples.

        Args:
            samples: `(samples,)` float32 in +-1 at 16 kHz; any number of them.

        Returns:
            The next steps that are final, `(time, 120)` float32.
        """
        room = len(self._samples) - self._count
        self.is_cut |= len(samples) > room
        samples = samples[:room]
        self._samples[self._count : self._count + len(samples)] = samples
        self._count += len(samples)
        final = min(audio.num_frames(self._count) - audio.REACH, self._most)
        if final <= self._final:
            self._rest = None
            return np.zeros((0, schema.AUDIO_WIDTH), np.float32)
        steps, new = self._steps(), final - self._final
        self._rest, self._final = steps[new:], final
        return steps[:new]

    def rest(self) -> np.ndarray:
        """Returns the steps after those that `add` gave, if the sound ends here."""
        if self._rest is None:
            self._rest = self._steps()
        return self._rest

    def _steps(self):
        """Makes the features of what was heard, from the first step that is not final."""
        count = self.num_steps - self._final
        if count <= 0:
            return np.zeros((0, schema.AUDIO_WIDTH), np.float32)
        begin = max(self._final - audio.REACH, 0)  # where its derivatives begin
        near = self._samples[begin * audio.FRAME_STEP : self._count]
        return _traced(self._use_energy)(near).numpy()[self._final - begin :][:count]


@functools.cache
def _traced(use_energy):
    # One operation at a time, a tenth of a second of sound would take four times as long.
    return tf.function(
        lambda waveform: audio.mfcc_with_deltas(waveform, use_energy),
        input_signature=[tf.TensorSpec([None], tf.float32)],
    )
