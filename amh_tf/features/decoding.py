"""Reads the sound of a recording, whatever its format, rate and channels, at 16 kHz."""

import numpy as np

from amh_tf.features import media, resampling, samples, sound_readers

SAMPLE_RATE = resampling.SAMPLE_RATE
_RATES = (1000, 768_000)
# More than this is not an utterance but a mistake, and takes too much memory.
MAX_SECONDS = 3600
# Times in a corpus are rounded: a span may end this much after the file does.
_SPAN_LENIENCE = 0.05
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
    resampler = resampling.Resampler(sound.rate, _CONVERTED)
    up, down, around = resampler.up, resampler.down, resampler.around
    first = round((start or 0) * SAMPLE_RATE)
    last = first + MAX_SECONDS * SAMPLE_RATE + 1 if end is None else round(end * SAMPLE_RATE)
    # `down` samples of the file become `up` samples, so that whole blocks stay aligned.
    first_block = max(first // up - around, 0)
    last_block = -(-last // up) + around
    blocks = _converted(sound.blocks(first_block * down, last_block * down), resampler)
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


def _converted(blocks, resampler):
    for block in blocks:
        yield resampler.add(block)
    yield resampler.finish()


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
