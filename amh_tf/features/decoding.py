"""Reads the sound of a recording, whatever its format, rate and channels, at 16 kHz."""

import collections
import contextlib

import numpy as np

from amh_tf.corpora import recording
from amh_tf.features import media, resampling, samples, sound_readers, wav

SAMPLE_RATE = resampling.SAMPLE_RATE
# More than this is not an utterance but a mistake, and takes too much memory.
MAX_SECONDS = 3600
# More than this is not a recording: what is read piece by piece may be long.
MAX_STREAM_SECONDS = 48 * 3600
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
    with _opened(path) as sound:
        waveform = _read(path, sound, start, end)
        if notes is not None:
            notes.update(sound.notes)
    return waveform


def stream(path, notes=None):
    """Reads a file's sound from its beginning to its end, however long it is.

    Args:
        path, notes: As for `load_audio`.

    Yields:
        Blocks of `(samples,)` float32 at 16 kHz, as `load_audio` would read all of them.

    Raises:
        BadRecording: As for `load_audio`.
        ImportError: If the extra `media` is needed and not installed.
    """
    if not isinstance(path, samples.Samples):
        media.check_file(path)
    with _opened(path) as sound:
        if notes is not None:
            notes.update(sound.notes)
        position, most = 0, MAX_STREAM_SECONDS * SAMPLE_RATE
        for block in _at_our_rate(sound, 0, most + 1)[0]:
            _check_finite(path, block)
            position += len(block)
            if position > most:
                expected = f"at most {MAX_STREAM_SECONDS // 3600} hours"
                raise media.bad(path, "is too long", expected, "more")
            yield block
        if not position:
            raise media.bad(path, "holds no sound", "at least one sample", "none")


def spans_of(path, spans, notes=None):
    """Reads a file's sound once and gives many spans of it, as `load_audio` gives one.

    Args:
        path, notes: As for `load_audio`.
        spans: List of (start, end) in seconds, in any order; they may overlap.

    Yields:
        For each span, as soon as it is complete: its index in `spans`, and `(samples,)` float32 at
        16 kHz; where the file does not hold the span, a `BadRecording` in their place.

    Raises:
        BadRecording: As for `load_audio`, if the file is damaged; also after some spans.
        ImportError: If the extra `media` is needed and not installed.
    """
    waiting = collections.deque()
    for index in sorted(range(len(spans)), key=lambda index: spans[index][0]):
        start, end = spans[index]
        try:
            media.check_span(path, start, end)
            if end - start > MAX_SECONDS:
                raise _too_long(path, f"a span of {end - start:.0f} s")
        except recording.BadRecording as problem:
            yield index, problem
        else:
            waiting.append((index, round(start * SAMPLE_RATE), round(end * SAMPLE_RATE), []))
    open_spans, position = [], 0
    for block in stream(path, notes) if waiting else ():
        before, position = position, position + len(block)
        while waiting and waiting[0][1] < position:
            open_spans.append(waiting.popleft())
        for _, first, last, parts in open_spans:
            parts.append(block[max(first - before, 0) : max(last - before, 0)].copy())
        done = [span for span in open_spans if span[2] <= position]
        open_spans = [span for span in open_spans if span[2] > position]
        for index, *_, parts in done:
            yield index, np.concatenate(parts)
        if not (waiting or open_spans):
            return
    for index, first, last, parts in [*open_spans, *waiting]:
        joined = np.concatenate([*parts, np.zeros(0, np.float32)])
        try:
            _check_whole(path, joined, first, last, spans[index])
        except recording.BadRecording as problem:
            yield index, problem
        else:
            yield index, joined


def seconds(path):
    """Returns about how long a file is, by what it says itself; 0 where it does not say.

    For what is shown while a file is read: nothing is checked.
    """
    try:
        with open(path, "rb") as file:
            is_wav = wav.is_wav(file.read(32))
        if is_wav:
            header = wav.read_header(path)
            return header.frames / header.rate
        with media.container(path, None) as (container, _):
            return (container.duration or 0) / 1e6  # microseconds
    except (recording.BadRecording, ImportError, OSError):
        return 0.0


@contextlib.contextmanager
def _opened(path):
    """Opens a file's sound, whose rate is possible."""
    with sound_readers.open_sound(path) as sound:
        least, most = resampling.RATES
        if not least <= sound.rate <= most:
            expected = f"{least} to {most} samples a second"
            raise media.bad(path, "has an impossible rate", expected, sound.rate)
        yield sound


def _at_our_rate(sound, first, last):
    """Returns blocks at 16 kHz of samples from one to another of the file at 16 kHz.

    Args:
        sound: A reader.
        first, last: Samples at 16 kHz.

    Returns:
        Iterator of `(samples,)` float32, with as much around them as the filter reaches; and the
        number of the first sample of these.
    """
    resampler = resampling.Resampler(sound.rate, _CONVERTED)
    up, down, around = resampler.up, resampler.down, resampler.around
    # `down` samples of the file become `up` samples, so that whole blocks stay aligned.
    first_block = max(first // up - around, 0)
    last_block = -(-last // up) + around
    blocks = _converted(sound.blocks(first_block * down, last_block * down), resampler)
    return blocks, first_block * up


def _read(path, sound, start, end):
    """Reads a span at 16 kHz."""
    first = round((start or 0) * SAMPLE_RATE)
    last = first + MAX_SECONDS * SAMPLE_RATE + 1 if end is None else round(end * SAMPLE_RATE)
    blocks, before = _at_our_rate(sound, first, last)
    joined = _joined(path, blocks, first - before, last - before)
    if end is None and len(joined) == last - first:
        raise _too_long(path, f"more than {MAX_SECONDS} s")
    _check_whole(path, joined, first, last, (start, end))
    return joined


def _check_whole(path, waveform, first, last, span):
    """Refuses a span that is not in the sound.

    Args:
        path: The file.
        waveform: `(samples,)`, what was read.
        first, last: Samples that were asked for.
        span: The same in seconds, the end None for the file's own.
    """
    start, end = span
    missing = (last - first - len(waveform)) / SAMPLE_RATE
    if not len(waveform) or (end is not None and missing > _SPAN_LENIENCE):
        received = f"a span of {start} to {end} s"
        if len(waveform):
            received += f" where the sound ends at {(first + len(waveform)) / SAMPLE_RATE:.3f} s"
        raise media.bad(path, "does not hold the span", "a span within its sound", received)


def _converted(blocks, resampler):
    for block in blocks:
        yield resampler.add(block)
    yield resampler.finish()


def _joined(path, blocks, first, last):
    """Joins what is between two places, `(samples,)` float32, without a second copy of it."""
    joined, position = np.zeros(0, np.float32), 0
    for block in blocks:
        _check_finite(path, block)
        part = block[max(first - position, 0) : max(last - position, 0)]
        position += len(block)
        joined.resize(len(joined) + len(part), refcheck=False)
        joined[len(joined) - len(part) :] = part
    return joined


def _check_finite(path, block):
    if not np.isfinite(block).all():
        expected = "finite samples"
        raise media.bad(path, "holds samples that are not numbers", expected, "NaN or inf")


def _too_long(path, received):
    expected = f"at most {MAX_SECONDS} s; give the utterance's start and end"
    return media.bad(path, "holds too much for an utterance", expected, received)
