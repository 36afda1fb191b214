"""Changes the rate of sound to the 16 kHz that the features are made of."""

import functools
import math
import numbers

import numpy as np

from amh_tf import errors

SAMPLE_RATE = 16000
# Of sound that is read at all.
RATES = 1000, 768_000
# Half the length of scipy's filter, in samples at the lower of both rates, and its window.
_REACH, _WINDOW = 10, ("kaiser", 5.0)
# Of live sound: its rates, and what they are multiples of, so that no more than a tenth of a second
# waits for the sound that follows.
LIVE_RATES, LIVE_DIVISOR = (8000, 192_000), 100


class Resampler:
    """Changes the rate of sound that comes in pieces, as it would be changed of all of it at once.

    What is near the end of a piece waits for the next one, as the filter reaches beyond it.

    Args:
        rate: Samples a second of what comes.
        least: Samples that are converted at a time, at least.

    Raises:
        InputError: If that is no sample rate.

    Attributes:
        up, down: `down` samples become `up`; 1 and 1 at 16 kHz.
        around: How far the filter reaches, in multiples of `down` samples.

    Example:

    >>> import numpy as np
    >>> resampler = Resampler(48000)
    >>> pieces = [resampler.add(np.zeros(4800, np.float32)) for _ in range(10)]
    >>> sum(map(len, [*pieces, resampler.finish()]))
    16000
    """

    def __init__(self, rate: int, least: int = 0) -> None:
        rate = whole_rate(rate)
        divisor = math.gcd(SAMPLE_RATE, rate)
        self.up, self.down = SAMPLE_RATE // divisor, rate // divisor
        self.around = 0
        if self.up != self.down:
            from scipy import signal  # a second of imports, which sound at 16 kHz need not wait for

            longer = max(self.up, self.down)
            self.around = 1 + -(-_REACH * longer // (self.up * self.down))
            taps = signal.firwin(2 * _REACH * longer + 1, 1 / longer, window=_WINDOW)
            self._filter = functools.partial(
                signal.resample_poly, up=self.up, down=self.down, window=taps.astype(np.float32)
            )
        self._least = max(self.around, -(-least // self.down))
        self._waiting, self._count, self._before = [], 0, 0

    def add(self, samples: np.ndarray) -> np.ndarray:
        """Takes the next samples, `(samples,)` float32; returns what of the sound is final."""
        if self.up == self.down:
            return samples
        self._waiting.append(samples)
        self._count += len(samples)
        whole = self._count // self.down - self._before - self.around
        if whole < self._least:
            return np.zeros(0, np.float32)
        joined = np.concatenate(self._waiting)
        end = self._before + whole
        converted = self._convert(joined[: (end + self.around) * self.down])[: whole * self.up]
        kept = joined[(end - self.around) * self.down :]
        self._waiting, self._count, self._before = [kept], len(kept), self.around
        return converted

    def finish(self) -> np.ndarray:
        """Ends the sound; returns what of it is left."""
        converted = np.zeros(0, np.float32)
        if self._count:
            converted = self._convert(np.concatenate(self._waiting))
        self._waiting, self._count, self._before = [], 0, 0
        return converted

    def _convert(self, samples):
        return self._filter(samples)[self._before * self.up :]


def whole_rate(rate: object) -> int:
    """Returns a sample rate as an integer: some libraries give it as a whole float.

    Raises:
        InputError: If sound has no such rate.
    """
    least, most = RATES
    is_number = isinstance(rate, numbers.Real) and not isinstance(rate, bool)
    if not is_number or not least <= rate <= most or int(rate) != rate:
        raise errors.refusal(
            "`rate` is not a sample rate",
            f"{least:,} to {most:,} samples a second, such as 16000",
            f"rate={rate!r}",
            "Pass it with every array.",
        )
    return int(rate)


def check_live(rate: int) -> None:
    """Refuses rates of which a stream would have to wait too long for the sound that follows.

    Raises:
        InputError: If it is one.
    """
    least, most = LIVE_RATES
    if not least <= rate <= most or rate % LIVE_DIVISOR:
        raise errors.refusal(
            "`sample_rate` cannot be streamed",
            f"{least} to {most} Hz, in steps of {LIVE_DIVISOR}",
            f"sample_rate={rate}",
            "Record at 16000 Hz, or convert the file and predict it as a whole.",
        )
