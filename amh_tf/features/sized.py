"""The sizes that AIFF, AU, CAF and W64 files declare, checked before samples are read.

libsndfile reads what is left of a file that was cut, without a message.

Reference:
 - Apple, Audio Interchange File Format 1.3; Apple, Core Audio Format Specification 1.0
 - Sun Microsystems, au(4); Sonic Foundry, Wave64
"""

import dataclasses
import os
import struct
from pathlib import Path

from amh_tf.features import media

# Far more chunks than any recorder writes.
_MAX_CHUNKS = 1000


@dataclasses.dataclass(frozen=True)
class _Chunks:
    """How a format stores its chunks.

    Attributes:
        first: Byte of the first chunk.
        head: Name and size of a chunk.
        samples: Name of the chunk of samples.
        own: Bytes of the head that the size counts.
        padding: Chunks begin at multiples of so many bytes.
        unknown: Sizes that writers leave where they do not know, as into a pipe.
    """

    first: int
    head: struct.Struct
    samples: bytes
    own: int
    padding: int
    unknown: frozenset


# SoX writes 7F000000 and the eight bytes before the samples.
_AIFF = _Chunks(
    *(12, struct.Struct(">4sI"), b"SSND", 0, 2),
    frozenset({0, 8, 0x7F000008, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF}),
)
_CAF = _Chunks(8, struct.Struct(">4sq"), b"data", 0, 1, frozenset({-1}))
_W64 = _Chunks(
    40, struct.Struct("<4s12xQ"), b"data", 24, 8, frozenset({0, (1 << 63) - 1, (1 << 64) - 1})
)
_AU_ORDER = {b".snd": ">", b"dns.": "<"}
_AU_UNKNOWN = 0xFFFFFFFF


def _chunks(start):
    if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
        return _AIFF
    return {b"caff": _CAF, b"riff": _W64}.get(start[:4])


def is_sized(start: bytes) -> bool:
    """Returns by its first 12 bytes whether a file is of one of these formats."""
    return start[:4] in _AU_ORDER or _chunks(start) is not None


def is_declared(path: str | Path, start: bytes) -> bool:
    """Returns whether a file says how many samples it holds.

    Args:
        path: The file.
        start: Its first 12 bytes, for which `is_sized` is true.

    Raises:
        BadRecording: If it declares more than it holds.
    """
    total = os.path.getsize(path)
    if start[:4] in _AU_ORDER:
        at, size = struct.unpack(_AU_ORDER[start[:4]] + "II", start[4:12].ljust(8, b"\0"))
        unknown = frozenset({_AU_UNKNOWN})
    else:
        chunks = _chunks(start)
        at, size = _find_samples(path, chunks)
        unknown = chunks.unknown
    if size in unknown:
        return False
    if at + size > total:
        expected = f"{size} bytes of samples, as its header declares"
        raise media.bad(path, "is truncated", expected, f"{max(total - at, 0)} bytes")
    return True


def _find_samples(path, chunks):
    """Returns place and size of the chunk of samples, without its head."""
    at = chunks.first
    with open(path, "rb") as file:
        for _ in range(_MAX_CHUNKS):
            file.seek(at)
            head = file.read(chunks.head.size)
            if len(head) < chunks.head.size:
                break
            name, size = chunks.head.unpack(head)
            if name == chunks.samples:
                is_open = size in chunks.unknown
                return at + chunks.head.size, size if is_open else max(size - chunks.own, 0)
            if size < chunks.own:
                break
            at += chunks.head.size - chunks.own + size
            at += -at % chunks.padding
    raise media.bad(path, "is truncated", "a chunk of samples", "none")
