"""Reads the sound of anything that FFmpeg reads, on the time line of the file."""

import contextlib
import itertools

import numpy as np

from amh_tf.features import media, promises, timeline

# Time stamps of some containers are rounded to so much, in seconds.
_ROUNDING = 0.02
# MP4 files say of each packet how long it lasts, and so make gaps in a sound that is whole. A
# damaged table makes them everywhere.
_MAX_GAPS = 8
# What begins a tag; such are also in the middle, where files were joined.
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")


@contextlib.contextmanager
def open_sound(path, declared=None):
    """Opens a file's first stream of sound.

    Args:
        path: The file.
        declared: Whether the file says how long it is, where that is known already; else None.

    Yields:
        A reader, as `sound_readers` describes them.

    Raises:
        BadRecording: If the file is damaged or holds no sound; also when reading from it.
    """
    av = media.library("av")
    with media.container(path, "audio") as (container, stream):
        try:
            yield _Reader(path, container, stream, declared)
        # PyAV raises the last where a damaged file seems to have a further stream.
        except (av.FFmpegError, MemoryError, IndexError) as error:
            expected = "a whole recording"
            raise media.bad(path, "cannot be decoded", expected, media.short(error)) from error


class _Reader:
    """Reads forward alone."""

    def __init__(self, path, container, stream, declared):
        av = media.library("av")
        if stream.codec_context is None:
            raise media.bad(path, "cannot be decoded", "sound of a known coding", "another")
        self._path = path
        blocks = self._decoded(container, stream, av.AudioResampler(format="fltp"))
        first = next(blocks, None)
        if first is None:
            raise media.bad(path, "holds no sound", "at least one sample", "none")
        time, _, self.rate = first
        self._line = timeline.of(path, container, stream, time)
        if declared is False:
            self._line = self._line.without_end()
        self.notes = tuple(
            note for note in self._line.notes if not (declared and note == media.UNDECLARED)
        )
        # AVI files have no time stamps; those of MP4 say more than what is there.
        self._format = container.format.name
        self._has_times = container.format.name != "avi"
        self._is_proof = container.format.name.startswith("mov")
        # Nothing pads what is kept bit by bit.
        self._lenience = 0 if container.format.name == "nistsphere" else media.LENIENCE
        self._blocks = self._placed(itertools.chain([first], blocks))
        self._ahead = next(self._blocks)

    def blocks(self, first, last):
        position = 0
        while self._ahead is not None and position < last:
            yield self._ahead[max(first - position, 0) : last - position]
            position += len(self._ahead)
            self._ahead = next(self._blocks, None)
        if self._ahead is None:
            self._check_end(position)

    def _decoded(self, container, stream, resampler):
        """Yields time stamp in seconds or None, samples, and rate of each block."""
        rate = None
        for frame in _frames(container, stream):
            rate = rate or frame.sample_rate
            if frame.sample_rate != rate:
                received = f"{rate} and {frame.sample_rate} Hz"
                raise media.bad(self._path, "is damaged", "a single rate", received)
            time = None if frame.pts is None else frame.pts * frame.time_base
            for converted in resampler.resample(frame):
                yield time, mono(converted.to_ndarray()), rate
                time = None

    def _placed(self, blocks):
        """Yields the samples, with silence where there is no sound yet, and in gaps."""
        position = round(self._line.begins * self.rate)
        yield from _silence(position)
        gaps = num_lost = 0
        for time, samples, _ in blocks:
            if time is not None and self._has_times:
                gap = round((time - self._line.zero) * self.rate) - position
                if gap > _ROUNDING * self.rate:
                    gaps, num_lost = gaps + 1, num_lost + gap
                    self._check_gaps(gaps, num_lost, position)
                    yield from _silence(gap)
                    position += gap
            yield samples
            position += len(samples)

    def _check_gaps(self, gaps, num_lost, position):
        """Refuses a stream that lacks sound between its parts."""
        if gaps > _MAX_GAPS if self._is_proof else num_lost > media.LENIENCE * self.rate:
            received = f"{num_lost / self.rate:.3f} s too little up to {position / self.rate:.3f} s"
            raise media.bad(self._path, "is damaged", "sound without gaps", received)

    def _check_end(self, samples):
        end = samples / self.rate
        if self._line.missing(end) > self._lenience:
            expected = f"{float(self._line.ends):.3f} s of sound"
            raise media.bad(self._path, "is truncated", expected, f"{end:.3f} s")
        if promises.is_cut(self._path, self._format):
            raise media.bad(self._path, "is truncated", "a whole last part", "the end of the file")


def _frames(container, stream):
    """Decodes a stream, without the tags and zeros that MP3 files hold beside their frames."""
    is_mpeg, zeros = stream.codec_context.name.startswith("mp"), []
    for packet in container.demux(stream):
        data = bytes(packet) if is_mpeg else b""
        if data.startswith(_TAGS):
            continue
        if data and not data.strip(b"\0"):
            zeros.append(packet)
            continue
        for before in zeros if packet.size else ():  # then they are not the end
            yield from before.decode()
        zeros = []
        yield from packet.decode()


def _silence(count):
    """Yields so many zeros in blocks."""
    for start in range(0, count, media.BLOCK):
        yield np.zeros(min(media.BLOCK, count - start), np.float32)


def mono(block):
    """Averages the channels of a `(channels, samples)` block."""
    if len(block) == 1:
        return block[0]
    with np.errstate(invalid="ignore"):  # of infinities, which are refused once all is read
        return block.mean(axis=0, dtype=np.float64).astype(np.float32)
