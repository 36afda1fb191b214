"""Vectors of sound: so many a second, of what a model hears and no more."""

import fractions
import math

import numpy as np

from amh_tf.features.pretrained import batches, choice, encoder, network


class SoundEncoder(encoder.Encoder):
    """Turns waveforms into vectors.

    Args:
        sound: Network, `hugging_face.Sound` or `onnx_file.Sound`.
        chosen: `choice.Choice`.
        digests: As for `Encoder`.

    Raises:
        InputError: If more steps a second are asked for than the network gives, or it gives other
            steps than it says.
    """

    def __init__(self, sound, chosen, digests):
        asked = chosen.steps_per_second
        if asked is None:
            self._rate = min(sound.rate, fractions.Fraction(str(choice.STEPS_PER_SECOND)))
        else:
            self._rate = fractions.Fraction(str(asked))
        if self._rate > sound.rate:
            raise network.unsuitable(
                sound.name,
                sound.flag,
                f"at most the {float(sound.rate):g} steps a second that it gives",
                f"audio_steps_per_second={asked:g}",
                "Set it with --audio_steps_per_second.",
            )
        super().__init__(sound, chosen, digests, self._rate)
        self._probe()

    def _probe(self):
        """Finds out before hours of work whether the steps are those that are expected."""
        for seconds in (1, 2):
            samples = seconds * network.SAMPLE_RATE
            noise = np.random.default_rng(seconds).normal(0, 0.01, samples).astype(np.float32)
            steps = len(self._network([noise])[0])
            own = self._network.steps(samples)
            expected = round(seconds * self._network.rate) if own is None else own
            if abs(steps - expected) > (own is None):
                raise network.unsuitable(
                    self._network.name,
                    self._network.flag,
                    f"{expected} steps of {seconds} s of sound",
                    steps,
                    "Correct `steps_per_second`, or choose another encoder.",
                )

    def __call__(self, waveforms, most):
        """Encodes waveforms.

        Args:
            waveforms: List of `(samples,)` float32 at 16 kHz.
            most: Steps that are kept of each.

        Yields:
            The place of each in the list, and its vectors, `(time, width)` float32, batch by batch.
        """
        heard = [self._heard(waveform, most) for waveform in waveforms]
        lengths = [len(waveform) for waveform in heard]
        for batch in batches.by_length(lengths, self._batch, self._network.pads):
            for place, steps in zip(batch, self._run([heard[place] for place in batch])):
                yield place, average(steps, self._network.rate, self._rate)[:most]

    def _heard(self, waveform, most):
        """Returns the part of a waveform that the kept steps are made of."""
        samples = math.ceil(most / self._rate * network.SAMPLE_RATE) + self._network.field
        waveform = np.asarray(waveform[:samples], np.float32)
        return np.pad(waveform, (0, max(0, self._network.field - len(waveform))))


def average(steps, rate, wanted):
    """Averages steps to fewer a second.

    Step k of `rate` begins at k / `rate` s, and belongs to the step of `wanted` in which that is.

    Args:
        steps: `(time, width)`.
        rate, wanted: Steps a second before and after, fractions; `wanted` is no larger.

    Returns:
        `(time, width)` float32.
    """
    if wanted == rate or not len(steps):
        return steps
    share = wanted / rate
    groups = np.arange(len(steps)) * share.numerator // share.denominator
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    counts = np.diff(starts, append=len(steps))
    return (np.add.reduceat(steps, starts, axis=0) / counts[:, None]).astype(np.float32)
