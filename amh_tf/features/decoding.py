"""Reads the sound of a recording, whatever its format, rate and channels, at 16 kHz."""

import math

import numpy as np

from amh_tf.features import media, samples, sound_readers

SAMPLE_RATE = 16000
_RATES = (1000, 768_000)
# More than this is not an utterance but a mistake, and takes too much memory.
MAX_SECONDS = 3600
# Times in a corpus are rounded: a span may end this much after the file does.
_SPAN_LENIENCE = 0.05
# Half the length of scipy's filter, in samples at the lower of both rates, and its window.
_FILTER_REACH, _FILTER_WINDOW = 10, ("kaiser", 5.0)
# Samples that are converted at a time, at least.
_CONVERTED = 1 << 20


def load_audio(path, start=None, end=None, notes=None):
    """Reads a file's sound, or a span of it.

    16-bit PCM WAV is read exactly; other WAV, FLAC and Ogg files by libsndfile; the sound of
    anything else, films included, by FFmpeg's libraries. Time is that of the whole file: where
    a film's sound begins after its picture, silence comes first. A span holds exactly what that
    part of the whole file, at 16 kHz, holds.

    Args:
        path: The file, or `samples.Samples`.
        start, end: The span in seconds; None for the file's own start or end.
        notes: Set to which those of `media.LATE` and `media.UNDECLARED` are added that the file
            deserves, or None.

    Returns:
        `(samples,)` float32 at 16 kHz, the mean of the channels.

    Raises:
        BadRecording: If the file is damaged in any way that can be told, or has no sound, or
            the span is not in it; the message names the file.
        ImportError: If the extra `media` is needed and not installed.
    """
    if not isinstance(path, samples.Samples):
        media.check_file(path)
    media.check_span(path, start, end)
    if end is not None and end - (start or 0) > MAX_SECONDS:
        raise _too_long(path, f"a span of {end - (start or 0):.0f} s")
    with sound_readers.open_sound(path) as sound:
        if not _RATES[0] <= sound.rate <= _RATES[1]:
            expected = f"{_RATES[0]} to {_RATES[1]} samples a second"
            raise media.bad(path, "has an impossible rate", expected, sound.rate)
        waveform = _read(path, sound, start, end)
        if notes is not None:
            notes.update(sound.notes)
    return waveform


def _read(path, sound, start, end):
    """Reads a span at 16 kHz, with as much around it as the filter reaches."""
    divisor = math.gcd(SAMPLE_RATE, sound.rate)
    up, down = SAMPLE_RATE // divisor, sound.rate // divisor
    first = round((start or 0) * SAMPLE_RATE)
    last = first + MAX_SECONDS * SAMPLE_RATE + 1 if end is None else round(end * SAMPLE_RATE)
    # `down` samples of the file become `up` samples, so that whole blocks stay aligned.
    around = 0 if up == down else 1 + -(-_FILTER_REACH * max(up, down) // (up * down))
    first_block = max(first // up - around, 0)
    last_block = -(-last // up) + around
    blocks = sound.blocks(first_block * down, last_block * down)
    if up != down:
        blocks = _converted(blocks, up, down, around)
    samples = _joined(path, blocks, first - first_block * up, last - first_block * up)
    missing = (last - first - len(samples)) / SAMPLE_RATE
    if end is None and not missing:
        raise _too_long(path, f"more than {MAX_SECONDS} s")
    if not len(samples) or (end is not None and missing > _SPAN_LENIENCE):
        received = f"a span of {start} to {end} s"
        if len(samples):
            received += f" where the sound ends at {(first + len(samples)) / SAMPLE_RATE:.3f} s"
        raise media.bad(path, "does not hold the span", "a span within its sound", received)
    return samples


def _converted(blocks, up, down, around):
    """Changes the rate of blocks of samples, as it would be changed of all of them at once.

    Args:
        blocks: Blocks of `(samples,)` float32.
        up, down: `down` samples become `up`.
        around: How far the filter reaches, in multiples of `down` samples.
    """
    from scipy import signal  # a second of imports, which sound at 16 kHz need not wait for

    longer = max(up, down)
    taps = signal.firwin(2 * _FILTER_REACH * longer + 1, 1 / longer, window=_FILTER_WINDOW)
    taps = taps.astype(np.float32)
    size = max(around, -(-_CONVERTED // down))
    waiting, num_samples, before = [], 0, 0
    for block in blocks:
        waiting.append(block)
        num_samples += len(block)
        while num_samples >= (before + size + around) * down:
            samples = np.concatenate(waiting)
            whole = samples[: (before + size + around) * down]
            yield signal.resample_poly(whole, up, down, window=taps)[before * up :][: size * up]
            waiting = [samples[(before + size - around) * down :]]
            num_samples, before = len(waiting[0]), around
    if num_samples:
        yield signal.resample_poly(np.concatenate(waiting), up, down, window=taps)[before * up :]


def _joined(path, blocks, first, last):
    """Joins what is between two places, `(samples,)` float32, without a second copy of it."""
    joined, position = np.zeros(0, np.float32), 0
    for block in blocks:
        if not np.isfinite(block).all():
            expected = "finite samples"
            raise media.bad(path, "holds samples that are not numbers", expected, "NaN or inf")
        part = block[max(first - position, 0) : max(last - position, 0)]
        position += len(block)
        joined.resize(len(joined) + len(part), refcheck=False)
        joined[len(joined) - len(part) :] = part
    return joined


def _too_long(path, received):
    expected = f"at most {MAX_SECONDS} s; give the utterance's start and end"
    return media.bad(path, "holds too much for an utterance", expected, received)
