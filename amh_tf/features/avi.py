"""What the index of an AVI file tells of times, which its chunks themselves do not carry.

The chunks of a stream follow each other at a fixed rate. Where there is nothing to show or to
hear, writers put chunks without content; FFmpeg counts those of pictures alone.

Reference:
 - Microsoft, AVI RIFF File Reference (`idx1`)
"""

import os
import struct

_CHUNK = struct.Struct("<4sI")
_ENTRY = struct.Struct("<4sIII")
# More than the chunks of a day at 60 pictures a second.
_MAX_ENTRIES = 1 << 24


def empty_chunks(path, stream_index):
    """Counts the chunks without content at both ends of a stream.

    Writers may put the first chunk before the empty ones, as a picture or sound to begin with.

    Args:
        path: The file.
        stream_index: Number of the stream in the file.

    Returns:
        How many precede the second chunk that has content, and how many follow the last; 0, 0
        where the file has no index.
    """
    sizes = list(_sizes(path, b"%02d" % stream_index))
    full = [place for place, size in enumerate(sizes) if size]
    if not full:
        return 0, 0
    leading = full[1] - 1 if len(full) > 1 else full[0]
    return leading, len(sizes) - 1 - full[-1]


def _sizes(path, stream):
    """Yields the size of each chunk of a stream, as the index has it."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        at = 12  # "RIFF", a size, "AVI "
        for _ in range(_MAX_ENTRIES):
            file.seek(at)
            head = file.read(_CHUNK.size)
            if len(head) < _CHUNK.size:
                return
            name, length = _CHUNK.unpack(head)
            if name == b"idx1":
                break
            at += _CHUNK.size + length + length % 2
            if at >= size:
                return
        entries = file.read(min(length, size - at, _MAX_ENTRIES * _ENTRY.size))
    whole = len(entries) // _ENTRY.size * _ENTRY.size
    chunks = _ENTRY.iter_unpack(entries[:whole])
    yield from (length for name, *_, length in chunks if name[:2] == stream)
