"""Sound that is in memory already, read as a file of it would be."""

import numpy as np

from amh_tf import errors
from amh_tf.features import ffmpeg_sound, media, resampling

# Floats are in +-1; codecs and resampling reach a little beyond.
LARGEST_SAMPLE = 2.0
_MAX_CHANNELS = 64


class Samples:
    """Samples of an array, in place of the path of a file.

    Args:
        array: `(samples,)` or `(samples, channels)`: floats in +-1, or 16- or 32-bit integers.
        rate: Samples a second.

    Attributes:
        rate: As given.
        notes: None, as of a file of which there is nothing to say.

    Raises:
        InputError: If the array is not sound.
    """

    def __init__(self, array, rate: int):
        self.rate, self.notes = resampling.whole_rate(rate), ()
        self._mono = _mono(_checked(array))

    def __repr__(self):
        return "the array"

    def blocks(self, first, last):
        """Yields blocks of `(samples,)` float32; see `sound_readers`."""
        last = min(last, len(self._mono))
        for position in range(first, last, media.BLOCK):
            yield self._mono[position : min(position + media.BLOCK, last)]


def as_array(values):
    """Returns an array of values; of objects where rows have different lengths."""
    try:
        return np.asarray(values)
    except ValueError:
        return np.asarray(values, object)


def _checked(values):
    array = as_array(values)
    whole = array.dtype in (np.int16, np.int32)
    problem = None
    if not whole and array.dtype.kind != "f":
        problem = f"the dtype {array.dtype}"
    elif array.ndim not in (1, 2) or not array.size or array.shape[1:] > (_MAX_CHANNELS,):
        problem = f"the shape {array.shape}"
    elif not whole and np.nanmax(np.abs(array)) > LARGEST_SAMPLE:
        problem = f"floats up to {np.nanmax(np.abs(array)):.6g}"
    if problem:
        raise errors.refusal(
            "The array is not sound",
            f"shape (samples,) or (samples, channels), with at most {_MAX_CHANNELS} channels, of "
            "floats in +-1 or of 16- or 32-bit integers",
            problem,
        )
    return array


def _mono(array):
    """Averages the channels, as the readers of files do."""
    if array.dtype.kind == "f":
        return ffmpeg_sound.mono(np.atleast_2d(array.astype(np.float32).T))
    scale = -float(np.iinfo(array.dtype).min)
    mean = array.reshape(len(array), -1).mean(axis=1) if array.ndim == 2 else array
    return (mean / scale).astype(np.float32)
