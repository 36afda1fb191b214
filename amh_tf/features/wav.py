"""The header of a WAV file, checked against the file before anything is read or allocated.

Libraries read what is there of a file that has been cut, and say nothing.

Reference:
 - Microsoft, Multimedia Programming Interface and Data Specifications 1.0, 1991
 - EBU Tech 3306 (RF64)
"""

import dataclasses
import struct

import numpy as np

from amh_tf.features import media

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
MAX_CHANNELS = 64
_BYTE_ORDER = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">"}
_MAGIC_BYTES = 12
# In an RF64 file, a size that the chunk `ds64` gives instead.
_ELSEWHERE = 0xFFFFFFFF
# Sizes of samples that recorders write before they know, and leave where they write into a pipe
# or lose power; FFmpeg, arecord, SoX, and their likes. The first may be rounded to whole frames.
_ROUNDED = (0x7FFFF000, 0x7FFFFF00, 0x80000000)
_UNKNOWN = {0, 0xFFFFFFFF, 0x7FFFFFFF, *_ROUNDED}
_UNKNOWN |= {size - header for size in (0xFFFFFFFF, 0x7FFFFFFF) for header in (8, 36, 44)}
_UNKNOWN_LONG = {0, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF}
# Far more chunks than any recorder writes.
_MAX_CHUNKS = 1000


@dataclasses.dataclass(frozen=True)
class Header:
    """How the samples of a WAV file are stored.

    Attributes:
        encoding: Format tag: `PCM`, `FLOAT`, or another.
        channels, rate, bits: Channels, samples per second, bits per sample.
        byte_order: "<" or ">".
        offset: Where the samples start in the file, in bytes.
        frames: Samples of each channel, where `frame_bytes` says so much.
        frame_bytes: Bytes of one sample of all channels.
        is_declared: Whether the header says how many samples there are.
    """

    encoding: int
    channels: int
    rate: int
    bits: int
    byte_order: str
    offset: int
    frames: int
    frame_bytes: int
    is_declared: bool

    @property
    def is_plain(self):
        """Whether the samples are 16-bit integers."""
        return self.encoding == PCM and self.bits == 16


def is_wav(start):
    """Returns by its first 12 bytes whether a file is a WAV file."""
    return start[:4] in _BYTE_ORDER and start[8:_MAGIC_BYTES] == b"WAVE"


def read_header(path):
    """Reads and checks the header of a WAV file.

    Returns:
        `Header`.

    Raises:
        BadRecording: If the header is damaged, or declares more than the file holds.
    """
    format_chunk, long_size = None, None
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        byte_order = _BYTE_ORDER[file.read(_MAGIC_BYTES)[:4]]
        for _ in range(_MAX_CHUNKS):
            name, declared, offset = _next_chunk(path, file, byte_order)
            if name == b"data":
                unknown = _unknown(format_chunk, byte_order)
                if declared == _ELSEWHERE and long_size is not None:
                    declared, unknown = long_size, _UNKNOWN_LONG
                break
            if offset + declared > size:
                raise _truncated(path, declared, size - offset)
            if name == b"fmt ":
                format_chunk = file.read(min(declared, 40))
            elif name == b"ds64" and declared >= 16:
                long_size = struct.unpack(byte_order + "8xQ", file.read(16))[0]
            file.seek(offset + declared + declared % 2)
        else:
            raise media.bad(path, "is damaged", "a chunk of samples", f"{_MAX_CHUNKS} others")
    if format_chunk is None:
        raise media.bad(path, "is damaged", "a format before the samples", "none")
    is_declared = declared not in unknown or _ends_in_chunks(path, offset, byte_order, declared)
    if not is_declared:
        declared = size - offset
    if offset + declared > size:
        raise _truncated(path, declared, size - offset)
    return _checked(path, format_chunk, byte_order, offset, declared, is_declared)


def read_plain(path, header, first, last):
    """Reads 16-bit samples, exactly.

    Args:
        path: The file.
        header: Its `Header`.
        first, last: Which samples, counted from 0; `last` is not read, and may be beyond
            the end.

    Yields:
        Blocks of `(samples,)` float32 in +-1, the mean of the channels.
    """
    last = min(last, header.frames)
    dtype = np.dtype(header.byte_order + "i2")
    with open(path, "rb") as file:
        file.seek(header.offset + min(first, last) * header.frame_bytes)
        for position in range(first, last, media.BLOCK):
            count = min(media.BLOCK, last - position) * header.channels
            samples = np.fromfile(file, dtype, count)
            if len(samples) < count:  # the file has changed since its header was read
                raise _truncated(path, 2 * count, 2 * len(samples))
            if header.channels == 1:
                yield samples.astype(np.float32) / 32768
            else:
                mean = samples.reshape(-1, header.channels).mean(axis=1)
                yield (mean / 32768).astype(np.float32)


def _unknown(format_chunk, byte_order):
    """Returns the sizes of samples that are none, for frames of the format's size."""
    frame = struct.unpack(byte_order + "12xH", (format_chunk or b"").ljust(14, b"\0")[:14])[0] or 1
    return _UNKNOWN | {size - size % frame for size in _ROUNDED}


def _ends_in_chunks(path, offset, byte_order, declared):
    """Returns whether chunks follow the samples up to the end, so that their size is meant.

    It may be: of no samples at all, or of 2 GiB.
    """
    with open(path, "rb") as file:
        size, at = file.seek(0, 2), offset + declared + declared % 2
        while at + 8 <= size:
            file.seek(at)
            name, length = struct.unpack(byte_order + "4sI", file.read(8))
            if not name.isascii() or not name.decode().isprintable():
                return False
            at += 8 + length + length % 2
    return at - 1 <= size <= at


def _next_chunk(path, file, byte_order):
    start = file.read(8)
    if len(start) < 8:
        raise media.bad(path, "is truncated", "a chunk of samples", "the end of the file")
    return *struct.unpack(byte_order + "4sI", start), file.tell()


def _truncated(path, declared, received):
    return media.bad(
        path, "is truncated", f"{declared} bytes, as its header declares", f"{received} bytes"
    )


def _checked(path, format_chunk, byte_order, offset, size, is_declared):
    if len(format_chunk) < 16:
        raise media.bad(path, "is damaged", "a format of 16 bytes", f"{len(format_chunk)} bytes")
    encoding, channels, rate, _, frame_bytes, bits = struct.unpack(
        byte_order + "HHIIHH", format_chunk[:16]
    )
    if encoding == EXTENSIBLE and len(format_chunk) >= 26:
        encoding = struct.unpack(byte_order + "H", format_chunk[24:26])[0]
    right_size = frame_bytes == channels * -(-bits // 8) if encoding in (PCM, FLOAT) else True
    if not (1 <= channels <= MAX_CHANNELS and frame_bytes and rate and right_size):
        raise media.bad(
            path,
            "is damaged",
            f"a rate, 1 to {MAX_CHANNELS} channels, and frames of their size",
            f"{rate} Hz, {channels} channels of {bits} bits, frames of {frame_bytes} bytes",
        )
    if size < frame_bytes:
        raise media.bad(path, "holds no sound", "at least one sample", f"{size} bytes")
    frames = size // frame_bytes
    stored = encoding, channels, rate, bits, byte_order
    return Header(*stored, offset, frames, frame_bytes, is_declared)
