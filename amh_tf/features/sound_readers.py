"""Reads samples as they are stored: one reader for each library, all of the same shape.

A reader has `rate`, samples per second, and `read(first, last)`, which gives the mean of the
channels as `(samples,)` float32; fewer than asked for only where the sound ends.
"""

import contextlib

import numpy as np

from amh_tf.features import media, wav

_BLOCK = 1 << 16  # samples
_START = 32  # bytes that tell which format it is
_FLAC_LENGTH = slice(18, 26)  # of which the last 36 bits
_OGG_PAGE, _OGG_LAST = b"OggS", 4
_OGG_LARGEST_PAGE = 65307
_OGG_HEADER = 27


@contextlib.contextmanager
def open_sound(path):
    """Opens the reader that suits a file's first bytes, whatever its name.

    Args:
        path: The file, which must exist.

    Yields:
        A reader.

    Raises:
        BadRecording: If the file is damaged or holds no sound; also when reading from it.
    """
    with open(path, "rb") as file:
        start = file.read(_START)
    if wav.is_wav(start):
        header = wav.read_header(path)
        opened = _plain(path, header) if header.is_plain else _libsndfile(path)
    elif start[:4] == b"fLaC":
        # libsndfile does not read one that was streamed, and so does not tell its length.
        length = int.from_bytes(start[_FLAC_LENGTH]) & ((1 << 36) - 1)
        opened = _libsndfile(path) if length else _ffmpeg(path)
    elif start[:4] == _OGG_PAGE:
        _check_ogg(path)
        opened = _libsndfile(path)
    else:
        opened = _ffmpeg(path)
    with opened as reader:
        yield reader


class _PlainReader:
    """16-bit WAV."""

    def __init__(self, path, header):
        self.rate = header.rate
        self._path, self._header = path, header

    def read(self, first, last):
        return wav.read_plain(self._path, self._header, first, last)


def _plain(path, header):
    return contextlib.nullcontext(_PlainReader(path, header))


class _SndfileReader:
    """Anything that libsndfile reads."""

    def __init__(self, path, file):
        self.rate = file.samplerate
        self._path, self._file = path, file

    def read(self, first, last):
        declared = self._file.frames
        first, last = min(first, declared), min(last, declared)
        if first:
            self._file.seek(first)
        blocks = []
        for position in range(first, last, _BLOCK):
            count = min(_BLOCK, last - position)
            block = self._file.read(count, dtype="float32", always_2d=True)
            if len(block) < count:
                received = f"{position + len(block)}"
                raise media.bad(self._path, "is truncated", f"{declared} samples", received)
            blocks.append(_mono(block.T))
        return _joined(blocks)


@contextlib.contextmanager
def _libsndfile(path):
    soundfile = media.library("soundfile")
    try:
        with soundfile.SoundFile(path) as file:
            if not (0 < file.channels <= wav.MAX_CHANNELS):
                expected = f"1 to {wav.MAX_CHANNELS} channels"
                raise media.bad(path, "is damaged", expected, file.channels)
            yield _SndfileReader(path, file)
    except (soundfile.SoundFileError, MemoryError) as error:
        raise media.bad(path, "cannot be read", "a whole recording", media.short(error)) from error


class _FfmpegReader:
    """The sound of anything that FFmpeg reads; reads forward alone."""

    def __init__(self, path, container, stream):
        av = media.library("av")
        if stream.codec_context is None:
            raise media.bad(path, "cannot be decoded", "sound of a known coding", "another")
        self._path, self._declared = path, media.declared_seconds(container, stream)
        self._blocks = self._decoded(container, stream, av.AudioResampler(format="fltp"))
        self._ahead, self.rate = next(self._blocks, (None, 0))
        if self._ahead is None:
            raise media.bad(path, "holds no sound", "at least one sample", "none")

    def read(self, first, last):
        position, kept = 0, []
        while self._ahead is not None and position < last:
            kept.append(self._ahead[max(first - position, 0) : last - position])
            position += len(self._ahead)
            self._ahead, _ = next(self._blocks, (None, 0))
        if self._ahead is None:
            self._check_end(position)
        return _joined(kept)

    def _decoded(self, container, stream, resampler):
        """Yields blocks of samples with their rate."""
        rate = None
        for frame in container.decode(stream):
            rate = rate or frame.sample_rate
            if frame.sample_rate != rate:
                received = f"{rate} and {frame.sample_rate} Hz"
                raise media.bad(self._path, "is damaged", "a single rate", received)
            for converted in resampler.resample(frame):
                yield _mono(converted.to_ndarray()), rate

    def _check_end(self, samples):
        seconds = samples / self.rate
        if self._declared is not None and seconds < self._declared - media.LENIENCE:
            expected = f"{float(self._declared):.3f} s of sound"
            raise media.bad(self._path, "is truncated", expected, f"{seconds:.3f} s")


@contextlib.contextmanager
def _ffmpeg(path):
    av = media.library("av")
    with media.container(path, "audio") as (container, stream):
        try:
            yield _FfmpegReader(path, container, stream)
        except (av.FFmpegError, MemoryError) as error:
            expected = "a whole recording"
            raise media.bad(path, "cannot be decoded", expected, media.short(error)) from error


def _mono(block):
    """Averages the channels of a `(channels, samples)` block."""
    if len(block) == 1:
        return block[0]
    with np.errstate(invalid="ignore"):  # of infinities, which are refused once all is read
        return block.mean(axis=0, dtype=np.float64).astype(np.float32)


def _joined(blocks):
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def _check_ogg(path):
    """Refuses an Ogg file that does not end with a page that says it is the last."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _OGG_LARGEST_PAGE))
        tail = file.read()
    # A page: "OggS", version, flags, ..., number of segments, their sizes, the segments.
    at = tail.rfind(_OGG_PAGE)
    page = tail[max(at, 0) :]
    whole = at >= 0 and len(page) >= _OGG_HEADER
    if whole:
        segments = page[_OGG_HEADER - 1]
        sizes = page[_OGG_HEADER : _OGG_HEADER + segments]
        whole = len(page) >= _OGG_HEADER + segments + sum(sizes) and page[5] & _OGG_LAST
    if not whole:
        raise media.bad(path, "is truncated", "a last page, marked as such", "another end")
