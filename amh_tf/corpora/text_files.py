"""Text files that strangers wrote, line by line and within bounds."""

import csv
import unicodedata
from pathlib import Path

MAX_FILE_BYTES = 256 << 20
MAX_LINE_BYTES = 64 << 10
MAX_ID_LENGTH = 200
MAX_UTTERANCES = 1_000_000

# Windows-1252 punctuation that was read as Latin-1 once and saved: MELD's apostrophes.
_MISREAD = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}


def error(path, number, problem, expected, received):
    """Makes the error of a bad line.

    Args:
        path: The file.
        number: The line, counted from 1.
        problem: What is wrong with it.
        expected: What it should hold.
        received: What it holds; cut where it is long.
    """
    received = repr(received)
    if len(received) > 200:
        received = received[:200] + "..."
    return ValueError(
        f"{str(path)!r}, line {number}: {problem}. Expected {expected}. Received: {received}."
    )


def decode(data):
    """Decodes bytes as UTF-8, or else as Windows-1252; nothing is refused.

    Args:
        data: Bytes of one line.

    Returns:
        Text, in which punctuation that was once decoded wrongly is mended.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.translate(_MISREAD)


def clean(text):
    """Returns text on one line: no control characters, single spaces, nothing invisible."""
    if not text.isprintable():
        text = "".join(
            character
            if character.isprintable()
            else ("" if unicodedata.category(character) == "Cf" else " ")
            for character in text
        )
    return " ".join(text.split())


def lines(path):
    """Yields the number and the text of each line, without its end.

    Args:
        path: The file.

    Raises:
        ValueError: If there is no such file, it or one of its lines is longer than any of its
            kind should be, or it is not text. The message names file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{str(path)!r} is missing. Expected a text file. Received: none.")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(
            f"{str(path)!r} is too large. Expected at most {MAX_FILE_BYTES:,} bytes. "
            f"Received: {size:,}. Split it."
        )
    with open(path, "rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                expected = f"at most {MAX_LINE_BYTES:,} bytes"
                raise error(path, number, "the line is too long", expected, line[:40])
            if b"\0" in line:
                expected = "text, saved as UTF-8"
                raise error(path, number, "this is not text", expected, line[:40])
            text = decode(line)
            yield number, (text.removeprefix("\ufeff") if number == 1 else text).rstrip("\r\n")


def rows(path):
    """Yields the line number and the cells of each row of a CSV file, each a dict.

    Cells are separated as the header's are: by commas, semicolons or tabs.

    Args:
        path: The file. Its first line names the columns.

    Yields:
        The number of the line on which the row ends, and a dict from column to text, without
        spaces around names and texts.

    Raises:
        ValueError: As `lines`, or if a column stands twice, a row has more or fewer cells
            than the header, or quotes are not closed.
    """
    position = 0

    def watched():
        nonlocal position
        for number, text in numbered:
            position = number
            yield text + "\n"

    numbered = lines(path)
    _, head = next(numbered, (1, ""))
    delimiter = max(",;\t", key=head.count)
    try:
        columns = [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
        if len(set(columns)) != len(columns) or not all(columns):
            expected = "columns with names that differ"
            raise error(path, 1, "the header is wrong", expected, head)
        for cells in csv.reader(watched(), delimiter=delimiter, strict=True):
            if not cells:
                continue
            if len(cells) != len(columns):
                expected = f"{len(columns)} cells, as the header has"
                raise error(path, position, "the row does not fit", expected, cells)
            yield position, dict(zip(columns, map(str.strip, cells)))
    except csv.Error as problem:
        raise error(path, position, "the row is not CSV", "closed quotes", str(problem)) from None


def check_id(path, number, name):
    """Refuses an id that cannot be shown or stored.

    Raises:
        ValueError: If it is empty, longer than `MAX_ID_LENGTH`, or not printable.
    """
    if not name or len(name) > MAX_ID_LENGTH or not name.isprintable():
        expected = f"1 to {MAX_ID_LENGTH} printable characters"
        raise error(path, number, "the id cannot be used", expected, name)


class Seen:
    """Refuses ids that stand twice, and more utterances than memory should hold."""

    def __init__(self):
        self._where = {}

    def add(self, path, number, name):
        """Remembers an id.

        Raises:
            ValueError: If it was there before, or there are too many.
        """
        if len(self._where) == MAX_UTTERANCES:
            expected = f"at most {MAX_UTTERANCES:,}"
            raise error(path, number, "there are too many utterances", expected, name)
        if name in self._where:
            before = self._where[name]
            expected = f"an id other than that of line {before[1]} of {str(before[0])!r}"
            raise error(path, number, "the id stands twice", expected, name)
        self._where[name] = (path, number)
