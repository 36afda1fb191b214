"""Checks the pages of an Ogg file, whose last says that it is the last.

Reference:
 - RFC 3533
"""

import struct
import zlib

from amh_tf.features import media

MAGIC = b"OggS"
LARGEST_PAGE = 65307
_HEADER = struct.Struct("<4sBBqIIIB")
_CHECKSUM = slice(22, 26)
_SERIAL = slice(14, 18)
_FIRST, _LAST = 2, 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def read_end(path):
    """Refuses an Ogg file that does not end with a whole page.

    Without the mark of the last page, as of a recorder that lost power, nothing but the pages
    themselves can tell that the file is whole: see `check_pages`.

    Returns:
        Whether the last page says that it is the last.

    Raises:
        BadRecording: If the file is cut inside of a page.
    """
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LARGEST_PAGE))
        tail = file.read()
    at = tail.rfind(MAGIC)
    page = tail[max(at, 0) :]
    length = _length(page) if at >= 0 else None
    if length is None or len(page) < length:
        raise media.bad(path, "is truncated", "a whole last page", "a part of one")
    return bool(page[5] & _LAST)


def is_chained(path):
    """Returns whether a further recording follows the first, as in files of internet radio.

    Args:
        path: The file, for which `read_end` was called.
    """
    serials = set()
    with open(path, "rb") as file:
        size, at = file.seek(0, 2), 0
        file.seek(max(0, size - LARGEST_PAGE))
        tail = file.read()
        while True:
            file.seek(at)
            page = file.read(LARGEST_PAGE)
            length = _length(page)
            if length is None or not page[5] & _FIRST:
                break
            serials.add(page[_SERIAL])
            at += length
    return tail[tail.rfind(MAGIC) :][_SERIAL] not in serials


def check_pages(path):
    """Refuses an Ogg file unless whole pages with right checksums follow each other to its end.

    Raises:
        BadRecording: If so.
    """
    numbers = {}
    with open(path, "rb") as file:
        at, size = 0, file.seek(0, 2)
        while at < size:
            file.seek(at)
            page = file.read(LARGEST_PAGE)
            length = _length(page)
            if length is None or length > len(page):
                raise media.bad(path, "is damaged", f"a whole page at byte {at}", "something else")
            page = page[:length]
            *_, serial, number, checksum, _ = _HEADER.unpack_from(page)
            if checksum != _checksum(page):
                raise media.bad(
                    path, "is damaged", f"the checksum of its page at byte {at}", "another"
                )
            if numbers.setdefault(serial, number) != number:
                received = f"page {number}"
                raise media.bad(path, "is damaged", f"page {numbers[serial]}", received)
            numbers[serial] = number + 1
            at += length


def _length(page):
    """Returns the bytes of a page that starts here, or None where none does."""
    if len(page) < _HEADER.size or not page.startswith(MAGIC):
        return None
    segments = page[_HEADER.size - 1]
    if len(page) < _HEADER.size + segments:
        return None
    return _HEADER.size + segments + sum(page[_HEADER.size : _HEADER.size + segments])


def _checksum(page):
    """Computes a page's checksum: that of zip files with the bits of all bytes the other way."""
    blank = bytearray(page)
    blank[_CHECKSUM] = bytes(4)
    checksum = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{checksum:032b}"[::-1], 2)
