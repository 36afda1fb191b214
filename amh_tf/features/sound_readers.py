"""Reads samples as they are stored: one reader for each library, all of the same shape.

A reader has `rate`, samples per second, `notes`, those of `media` that the file deserves, and
`blocks(first, last)`, which yields the mean of the channels in blocks of `(samples,)` float32,
counted from the file's time zero; fewer than asked for only where the sound ends.
"""

import contextlib

from amh_tf.corpora import recording
from amh_tf.features import ffmpeg_sound, media, ogg, samples, sized, sphere, wav

_START = 32  # bytes that tell which format it is
_FLAC_LENGTH = slice(18, 26)  # of which the last 36 bits
_OGG_FIRST = 100  # bytes of the first page that name its coding
_MPEG = {0x50, 0x55}
# PCM, MS ADPCM, float, A-law, mu-law, IMA ADPCM, GSM 6.10: refused is damaged.
_OF_LIBSNDFILE = {wav.PCM, 2, wav.FLOAT, 6, 7, 0x11, 0x31}

# Formats that only libsndfile reads here, and knows by their first bytes.
_RARE = {"AVR", "IRCAM", "PAF", "PVF", "SDS", "SVX", "WVE"}


@contextlib.contextmanager
def open_sound(path):
    """Opens the reader that suits a file's first bytes, whatever its name.

    Args:
        path: The file, which must exist; or `Samples`, which are a reader themselves.

    Yields:
        A reader.

    Raises:
        BadRecording: If the file is damaged or holds no sound; also when reading from it.
    """
    if isinstance(path, samples.Samples):
        yield path
        return
    with open(path, "rb") as file:
        start = file.read(_START)
    if wav.is_wav(start):
        source = _wav(path, wav.read_header(path))
    elif start.startswith(sphere.MAGIC):
        source = _sphere(path, sphere.read_header(path))
    elif start[:4] == b"fLaC":
        # libsndfile does not read one that was streamed, and so does not tell its length.
        length = int.from_bytes(start[_FLAC_LENGTH]) & ((1 << 36) - 1)
        source = _libsndfile(path) if length else ffmpeg_sound.open_sound(path)
    elif start.startswith(ogg.MAGIC):
        source = _ogg(path)
    elif sized.is_sized(start):
        declared = sized.is_declared(path, start)
        source = _either(path, declared, _libsndfile, ffmpeg_sound.open_sound)
    else:
        # libsndfile reads what is there of a file that was cut.
        source = _either(path, False, _ffmpeg, _rare)
    with source as reader:
        yield reader


def _wav(path, header):
    if header.is_plain:
        return contextlib.nullcontext(_PlainReader(path, header))
    # FFmpeg knows how much the frames of MPEG are padded, which headers count or do not.
    if header.encoding in _MPEG:
        return ffmpeg_sound.open_sound(path, header.is_declared)
    if not header.is_declared:  # libsndfile finds no samples where their size is said to be 0
        return _either(path, False, ffmpeg_sound.open_sound, _libsndfile)
    if header.encoding in _OF_LIBSNDFILE:
        return _libsndfile(path)
    return _either(path, True, _libsndfile, ffmpeg_sound.open_sound)


def _sphere(path, header):
    if header.is_compressed:
        return ffmpeg_sound.open_sound(path, header.samples is not None)
    return _either(path, header.samples is not None, _libsndfile, ffmpeg_sound.open_sound)


def _ogg(path):
    is_ended = ogg.read_end(path)
    with open(path, "rb") as file:
        first = file.read(_OGG_FIRST)
    is_whole = is_ended and not ogg.is_chained(path)  # libsndfile reads the first of a chain
    # What libsndfile knows it refuses where it is damaged; FFmpeg would go on behind it.
    if is_whole and any(mark in first for mark in (b"vorbis", b"OpusHead", b"Speex")):
        return _libsndfile(path)
    ogg.check_pages(path)
    return ffmpeg_sound.open_sound(path, is_ended)


def _ffmpeg(path, _):
    return ffmpeg_sound.open_sound(path)


def is_rare(path):
    """Returns whether a file is of a format that only libsndfile reads."""
    try:
        return media.library("soundfile").info(str(path)).format in _RARE
    except (RuntimeError, ValueError, MemoryError):
        return False


def _rare(path, is_declared):
    if not is_rare(path):
        raise media.bad(path, "cannot be read", "a known format", "another")
    return _libsndfile(path, is_declared)


@contextlib.contextmanager
def _either(path, is_declared, first, second):
    """Opens a file with a library or, where that does not know the coding, with the other."""
    with contextlib.ExitStack() as stack:
        try:
            reader = stack.enter_context(first(path, is_declared))
        except recording.BadRecording as refusal:
            try:
                reader = stack.enter_context(second(path, is_declared))
            except recording.BadRecording:
                raise refusal from None
        yield reader


class _PlainReader:
    """16-bit WAV."""

    def __init__(self, path, header):
        self.rate = header.rate
        self.notes = _notes(header.is_declared)
        self._path, self._header = path, header

    def blocks(self, first, last):
        return wav.read_plain(self._path, self._header, first, last)


def _notes(is_declared):
    return () if is_declared else (media.UNDECLARED,)


class _SndfileReader:
    """Anything that libsndfile reads."""

    def __init__(self, path, file, is_declared):
        self.rate = file.samplerate
        self.notes = _notes(is_declared)
        self._path, self._file = path, file

    def blocks(self, first, last):
        declared = self._file.frames
        first, last = min(first, declared), min(last, declared)
        if first:
            self._file.seek(first)
        for position in range(first, last, media.BLOCK):
            count = min(media.BLOCK, last - position)
            block = self._file.read(count, dtype="float32", always_2d=True)
            if len(block) < count:
                received = f"{position + len(block)}"
                raise media.bad(self._path, "is truncated", f"{declared} samples", received)
            yield ffmpeg_sound.mono(block.T)


@contextlib.contextmanager
def _libsndfile(path, is_declared=True):
    soundfile = media.library("soundfile")
    try:
        with soundfile.SoundFile(path) as file:
            if not (0 < file.channels <= wav.MAX_CHANNELS):
                expected = f"1 to {wav.MAX_CHANNELS} channels"
                raise media.bad(path, "is damaged", expected, file.channels)
            yield _SndfileReader(path, file, is_declared)
    except (soundfile.SoundFileError, MemoryError) as error:
        raise media.bad(path, "cannot be read", "a whole recording", media.short(error)) from error
