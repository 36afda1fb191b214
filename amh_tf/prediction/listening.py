"""Raw sound from a pipe, predicted while it comes."""

import dataclasses

import numpy as np

from amh_tf import errors
from amh_tf.features import audio, decoding, resampling
from amh_tf.prediction import clip

# Samples of a line, half a second.
EVERY = decoding.SAMPLE_RATE // 2
# Seconds of the shortest span, and of a step of sound.
SHORTEST, SHORTEST_SOUND = 0.5, audio.FRAME_LENGTH / decoding.SAMPLE_RATE
_BYTES = 1 << 15  # that are read at a time, at most: a second
_WAV = (b"RIFF", b"RF64", b"RIFX")


@dataclasses.dataclass(frozen=True)
class Line:
    """What a model says of a span of the sound.

    Attributes:
        start, end: The span, in seconds from the beginning of the sound.
        is_first: Whether it is the first line of a span.
        prediction: `clip.Prediction`.
    """

    start: float
    end: float
    is_first: bool
    prediction: clip.Prediction


def pieces(file, note):
    """Yields the samples of raw PCM as they come: 16 bits, little-endian, one channel.

    Args:
        file: Binary file with `read1`, such as `sys.stdin.buffer`.
        note: Function that is given what there is to say.

    Raises:
        InputError: If it is a WAV file, whose header would be heard.
    """
    half, is_first = b"", True  # of a sample; whether nothing has come yet
    while data := half + file.read1(_BYTES):
        if is_first and data.startswith(_WAV):
            raise errors.refusal(
                "Standard input is a WAV file",
                "samples alone: raw PCM, 16 bits, little-endian, one channel",
                "a header",
                "Predict it with --audio=FILE, or convert it with "
                "`ffmpeg -i FILE -f s16le -ac 1 -ar 16000 -`.",
            )
        if data == half:
            note("The sound ends within a sample; its last byte is left out.")
            return
        end, is_first = len(data) // 2 * 2, False
        half = data[end:]
        yield np.frombuffer(data[:end], "<i2").astype(np.int16)


def converted(sound, rate):
    """Yields sound of another rate at 16 kHz, as a file of it is read.

    Args:
        sound: Iterable of `(samples,)` int16, as `pieces` gives them.
        rate: Samples a second.
    """
    resampler = resampling.Resampler(rate)
    for piece in sound:
        yield resampler.add(piece.astype(np.float32) / 32768)
    yield resampler.finish()


def lines(stream, sound, window=None, text=None):
    """Yields a `Line` each half second, and one of what is left at the end.

    A model hears no more than its longest input: once a span is as long, the next one begins.

    Args:
        stream: `stream.Stream`.
        sound: Iterable of pieces of sound at 16 kHz, as for `Stream.feed`.
        window: Seconds of a span, half a second at least; None for the longest input.
        text: What is said in the first span, or None.

    Raises:
        InputError: If there is no sound, a piece of it is refused, or the window is too long.
    """
    longest = stream.longest
    seconds = longest if window is None else window
    if not SHORTEST <= seconds <= longest:
        raise errors.refusal(
            "`stream_window` is out of range",
            f"{SHORTEST} to {longest:g} s, the longest input of the model",
            f"stream_window={seconds:g}",
        )
    window = round(seconds * decoding.SAMPLE_RATE)
    begin = position = 0  # of the span, and within it
    has_line = False

    def line():
        start, end = (place / decoding.SAMPLE_RATE for place in (begin, begin + position))
        return Line(start, end, position <= EVERY, stream.answer())

    if text:
        stream.feed(text=text)
    for piece in sound:
        while len(piece):
            stop = min((position // EVERY + 1) * EVERY, window)
            part, piece = piece[: stop - position], piece[stop - position :]
            stream.feed(part)
            position += len(part)
            if position == stop:
                yield line()
                has_line = True
            if position == window:
                begin, position = begin + window, 0
                stream.reset()
    if not has_line and stream.seconds < SHORTEST_SOUND:
        raise errors.refusal(
            "The sound on standard input is too short",
            f"at least {1000 * SHORTEST_SOUND:g} ms",
            f"{1000 * stream.seconds:g} ms",
        )
    if position % EVERY and not stream.is_empty:
        yield line()
