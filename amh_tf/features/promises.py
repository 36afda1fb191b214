"""How long a file promises to be, by what its format says, not by what is there.

Some formats say nothing. FFmpeg guesses for those, by the size of the file or the last time stamp:
a guess is not a promise.
"""

import fractions
import os
import re
import struct

# Containers whose streams say how long they are.
_DECLARING = {"mov,mp4,m4a,3gp,3g2,mj2", "wav", "w64", "aiff", "au", "caf", "nistsphere"}
# Far more than any header of FLV and ASF, or the first frame behind an ID3 tag.
_HEAD = 1 << 16
_GIF_TRAILER = b";"
_LARGEST_TABLES = 1 << 26  # bytes
_LONGEST = 1e9  # seconds
# After the name come flags, of which the lowest says that the count follows.
_COUNT_OF_FRAMES = rb"(?:Xing|Info)...[\1\3\5\7\11\13\15\17](.{4})|VBRI.{10}(.{4})"
# The element Duration, a number of four or eight bytes.
_MATROSKA_DURATION = rb"\x44\x89(?:\x84(.{4})|\x88(.{8}))"
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def end_of(path, container, stream):
    """Finds the time stamp at which a stream should end by what the file says.

    Returns:
        Seconds as a fraction, or None where it does not say; whether that is the end of the
        longest stream.
    """
    name = container.format.name
    if name in _DECLARING:
        if name.startswith("mov") and _is_fragmented(path):
            return None, False
        return _declared(stream), False
    if name == "mp3":
        return _length_of_mp3(path, stream), False
    if name == "matroska,webm":
        stated = _parse_time(stream.metadata.get("DURATION", ""))
        if stated is None and container.duration is not None and _states_duration(path):
            # The length of the whole file; FFmpeg counts it from the first time stamp.
            return fractions.Fraction(container.duration, 1_000_000), True
        return stated, False
    if name in ("flv", "asf"):
        return _in_head(path, name), True
    return None, False


def is_cut(path, format_name):
    """Returns whether the end of a GIF file, or of the last part of one in fragments, is missing.

    Args:
        path: The file.
        format_name: FFmpeg's name of its format. Of others nothing can be told so.
    """
    total = os.path.getsize(path)
    if format_name == "gif":
        return not _head(path, max(total - _HEAD, 0)).rstrip(b"\0").endswith(_GIF_TRAILER)
    is_fragmented = format_name.startswith("mov") and _is_fragmented(path)
    return is_fragmented and any(at + size > total for at, size, _ in _boxes(path))


def _declared(stream):
    length = stream.duration
    if not length:
        return None
    return (stream.start_time or 0) * stream.time_base + length * stream.time_base


def _states_duration(path):
    """Returns whether a Matroska file says how long it is; FFmpeg guesses by its size otherwise."""
    match = re.search(_MATROSKA_DURATION, _head(path), re.DOTALL)
    return bool(match) and any(match[1] or match[2])


def _parse_time(text):
    """Reads a time such as 00:00:03.021000000."""
    match = re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", text)
    if not match:
        return None
    hours, minutes, seconds = map(fractions.Fraction, match.groups())
    return 3600 * hours + 60 * minutes + seconds


def _head(path, at=0):
    with open(path, "rb") as file:
        file.seek(at)
        return file.read(_HEAD)


def _length_of_mp3(path, stream):
    """Reads how long an MP3 file is by a header that counts its frames, or returns None."""
    head, at = _head(path), 0
    while head[:3] == b"ID3" and len(head) >= 10:
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size
        head = _head(path, at)
    # The first frame holds it, behind at most 36 bytes of header.
    match = re.search(_COUNT_OF_FRAMES, head[:200], re.DOTALL)
    rate = stream.codec_context.sample_rate if stream.codec_context else 0
    declared = _declared(stream)
    if not match or not rate or declared is None:
        return None
    samples = int.from_bytes(match[1] or match[2]) * (576 if rate <= 24000 else 1152)
    # FFmpeg takes encoders' padding off, or guesses where several files were joined.
    return declared if abs(declared - fractions.Fraction(samples, rate)) < 1 else None


def _in_head(path, name):
    """Reads the length that the header of an FLV or ASF file gives, in seconds."""
    head = _head(path)
    if name == "flv":
        match = re.search(rb"duration\0(.{8})", head, re.DOTALL)
        seconds = struct.unpack(">d", match[1])[0] if match else 0
    else:
        match = re.search(re.escape(_ASF_PROPERTIES) + rb".{48}(.{8}).{8}(.{12})", head, re.DOTALL)
        if not match:
            return None
        (length,), (preroll, flags) = struct.unpack("<Q", match[1]), struct.unpack("<QI", match[2])
        seconds = 0 if flags & 1 else length / 10_000_000 - preroll / 1000
    # Not a number, negative or without end: as good as none.
    return fractions.Fraction(seconds) if 0 < seconds < _LONGEST else None


def _is_fragmented(path):
    """Returns whether a file in the ISO format is a row of fragments, each with an index."""
    return any(name == b"moof" for *_, name in _boxes(path))


def _boxes(path):
    """Yields place, size and name of each outermost box of a file in the ISO format, as MP4."""
    total, at = os.path.getsize(path), 0
    with open(path, "rb") as file:
        while at + 8 <= total:
            file.seek(at)
            size, name = struct.unpack(">I4s", file.read(8))
            if size == 1:
                size = int.from_bytes(file.read(8))
            elif size == 0:
                size = total - at
            if size < 8:
                return
            yield at, size, name
            at += size


def has_inner_gap(path):
    """Returns whether an edit list of a file in the ISO format pauses a stream and resumes it.

    FFmpeg plays the stream's beginning in such a gap.
    """
    for at, size, name in _boxes(path):
        if name == b"moov":
            with open(path, "rb") as file:
                file.seek(at)
                tables = file.read(min(size, _LARGEST_TABLES))
            lists = (match.start() - 4 for match in re.finditer(rb"elst[\0\1]\0\0\0", tables))
            return any(-1 in _media_times(tables, place)[1:] for place in lists)
    return False


def _media_times(tables, at):
    """Returns where in its stream each edit of a list begins; -1 for nothing."""
    size, _, version, count = struct.unpack_from(">I4sB3xI", tables, at)
    entry = struct.Struct(">8xqI" if version else ">4xiI")
    entries = tables[at + 16 : at + size]
    if len(entries) != count * entry.size:
        return []
    return [media_time for media_time, _ in entry.iter_unpack(entries)]
