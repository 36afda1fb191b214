"""Text files that strangers wrote, line by line and within bounds."""

import csv
import re
import unicodedata
from pathlib import Path

from amh_tf import checking, errors
from amh_tf.corpora import encodings

MAX_FILE_BYTES = 256 << 20
MAX_LINE_LENGTH = 64 << 10

MAX_UTTERANCES = 1_000_000

# Windows-1252 punctuation that was read as Latin-1 once and saved: MELD's apostrophes.
_MISREAD = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}

# What workbooks begin with: zip archives, and the older kind.
_NOT_TEXT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_EXPECTED = "text saved as UTF-8, or, for tables and MELD, its encoding in --encoding"
# The second changes the letters in encodings of seven bits.
_NOT_IN_TEXT = {"\0": "", "\x1b$": ". It may be iso2022_jp or iso2022_kr"}
_SEPARATORS = ",;\t|"
# What Excel writes, and needs, in the first line of a file whose separator is not its own.
_SEPARATOR = re.compile(r'(?i)"?sep=([,;\t|])"?[,;\t|]*')


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
    return errors.refusal(f"{str(path)!r}, line {number}: {problem}", expected, received)


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


def lines(path, max_bytes=None, encoding=None, notes=None):
    """Yields the number and the text of each line, without its end.

    Args:
        path: The file.
        max_bytes: Its largest size. Defaults to `MAX_FILE_BYTES`.
        encoding: Its encoding, by name. Without one the file is UTF-8, or what its first bytes
            say, or Windows-1252 where nearly all is ASCII.
        notes: List that takes what its reader should know of it.

    Raises:
        ValueError: If there is no such file, it or one of its lines is longer than any of its
            kind should be, it is not text, or its encoding is another or not known. The message
            names file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise errors.refusal(f"{str(path)!r} is missing", "a text file", "none")
    size, largest = path.stat().st_size, max_bytes or MAX_FILE_BYTES
    if size > largest:
        raise errors.refusal(
            f"{str(path)!r} is too large", f"at most {largest:,} bytes", f"{size:,}", "Split it."
        )
    codec, handling, newline = _reading(path, encoding, [] if notes is None else notes)
    with open(path, encoding=codec, errors=handling, newline=newline) as file:
        number = 0
        while line := file.readline(MAX_LINE_LENGTH + 1):
            number += 1
            if len(line) > MAX_LINE_LENGTH:
                expected = f"at most {MAX_LINE_LENGTH:,} characters"
                raise error(path, number, "the line is too long", expected, line[:40])
            for mark, hint in _NOT_IN_TEXT.items():
                if mark in line:
                    raise error(path, number, "this is not text", _EXPECTED + hint, line[:40])
            line = line.translate(_MISREAD)
            yield number, (line.lstrip("\ufeff") if number == 1 else line).rstrip("\r\n")


def _reading(path, encoding, notes):
    """Returns what `open` needs to read a file: encoding, handling of errors, end of lines."""
    with open(path, "rb") as file:
        head = file.read(4096)
    if head.startswith(_NOT_TEXT):
        expected = "text; of a workbook, one sheet saved as CSV (UTF-8)"
        raise error(path, 1, "this is a workbook or an archive", expected, head[:8])
    marked = encodings.marked(path)
    codec = encodings.named(encoding) if encoding else marked or "utf-8"
    if marked and codec[:5] != marked[:5]:
        expected = f"{codec}, as --encoding says"
        raise error(path, 1, "the encoding does not match", expected, f"the mark of {marked}")
    newline, fault = encodings.survey(path, codec)
    if encoding or marked:
        if not fault:
            return codec, "strict", newline
        raise error(path, fault[0], f"this is not {codec}", f"{codec} throughout", fault[1])
    has_nul = b"\0" in head
    if not fault and not has_nul:
        return codec, "strict", newline
    number, received = fault or (1, head[:40])
    if has_nul or not encodings.is_windows_1252(path):
        likely = encodings.likely(path)
        if has_nul and not likely:
            if not fault:
                return codec, "strict", newline  # the line is named when it is read
            raise error(path, number, "this is not text", _EXPECTED, received)
        names = ", ".join(f"{name} ({text!r})" for name, text in likely.items())
        expected = _EXPECTED + (f". It may be {names}" if likely else "")
        raise error(path, number, "this is not UTF-8", expected, received)
    notes.append(f"{path.name} is not UTF-8 in line {number}: read as Windows-1252.")
    return codec, encodings.WINDOWS_1252, encodings.survey(path, "latin-1")[0]


def rows(path, encoding=None, columns=(), required=(), notes=None):
    """Yields the line number and the cells of each row of a CSV file, each a dict.

    Cells are separated as the header's are: by commas, semicolons, tabs or bars. Empty
    rows are skipped, as are columns without a name: those at the end hold nothing, those at the
    beginning are an index.

    Args:
        path: The file. Its first line names the columns, or its second if the first is
            `sep=` and a separator.
        encoding: As for `lines`.
        columns: Names that are read in capitals too.
        required: Names of columns that must be there; a tuple where one of several must.
        notes: As for `lines`.

    Yields:
        The number of the line on which the row ends, and a dict from column to text, without
        spaces around names and texts.

    Raises:
        ValueError: As `lines`, or if a column is missing or appears twice, a row has more or fewer
            cells than the header, a cell is where no column has a name, or quotes are not
            closed.
    """
    position, notes = 0, [] if notes is None else notes

    def watched():
        nonlocal position
        for number, text in numbered:
            position = number
            yield text + "\n"

    numbered = lines(path, encoding=encoding, notes=notes)
    delimiter, start, head = _head(numbered)
    try:
        cells = next(csv.reader([head], delimiter=delimiter, strict=True), [])
        header = _Header(path, start, cells, columns, required)
        notes += header.notes
        skipped = 0
        for cells in csv.reader(watched(), delimiter=delimiter, strict=True):
            if any(map(str.strip, cells)):
                yield position, header.row(position, cells)
            else:
                skipped += bool(cells)
    except csv.Error as problem:
        position = position or start
        raise error(path, position, "the row is not CSV", "closed quotes", str(problem)) from None
    if skipped:
        notes.append(f"Rows of {Path(path).name} that are empty: {skipped:,}, skipped.")


def _head(numbered):
    """Returns what separates cells, and number and text of the line that names the columns."""
    number, delimiter = 1, None
    for number, text in numbered:
        match = _SEPARATOR.fullmatch(text)
        if match and delimiter is None:
            delimiter = match[1]
        elif text.strip(_SEPARATORS + '" '):
            return delimiter or max(_SEPARATORS, key=text.count), number, text
    return ",", number, ""


class _Header:
    """The columns of a CSV file, and what a reader should know of them."""

    def __init__(self, path, number, cells, columns, required):
        self._path, self.notes = path, []
        names = [name.strip() for name in cells]
        indices = [index for index, name in enumerate(names) if name]
        if not indices:
            raise error(path, number, "the header is wrong", "names of columns", cells)
        self._first, self._end, self._width = indices[0], indices[-1] + 1, len(names)
        if self._first:
            which = "column 1 has" if self._first == 1 else f"columns 1 to {self._first} have"
            self.notes.append(f"{which.capitalize()} no name, as in an index: not read.")
        self._names = without_capitals(names, columns)
        changed = [old for old, new in zip(names, self._names) if old != new]
        if changed:
            self.notes.append(f"Read without regard to capitals: {', '.join(changed)}.")
        twice = {name for name in self._names if name and self._names.count(name) > 1}
        if twice:
            expected = "columns with names that differ"
            raise error(path, number, "the header is wrong", expected, sorted(twice))
        check_columns(path, number, self._names, required)

    def row(self, number, cells):
        """Returns a dict from column to text, if the cells fit."""
        if not any(map(str.strip, cells[self._width :])):  # commas that spreadsheets leave
            cells = cells[: self._width]
        if not self._end <= len(cells) <= self._width:
            expected = f"{self._width} cells, as the header has"
            raise error(self._path, number, "the row does not fit", expected, cells)
        fields = {}
        for index in range(self._first, len(cells)):
            text = cells[index].strip()
            if self._names[index]:
                fields[self._names[index]] = text
            elif text:
                expected = f"nothing in cell {index + 1}, whose column has no name"
                raise error(self._path, number, "the row does not fit", expected, text)
        return fields


def without_capitals(names, columns):
    """Returns names in the capitals of the columns that they are; others stay.

    Args:
        names: List of names.
        columns: Names that are known.
    """
    by_lowercase = {column.lower(): column for column in columns if column not in names}
    return [name if name in columns else by_lowercase.get(name.lower(), name) for name in names]


def check_columns(path, number, names, required):
    """Refuses a header, or an object of JSON, that lacks a column.

    Args:
        path, number: File and line.
        names: What is there.
        required: Names of columns that must be there; a tuple where one of several must.

    Raises:
        ValueError: If one is missing.
    """
    choices = [
        (alternatives,) if isinstance(alternatives, str) else alternatives
        for alternatives in required
    ]
    if all(set(choice) & set(names) for choice in choices):
        return
    *others, last = [" or ".join(choice) for choice in choices]
    expected = f"the columns {' and '.join(filter(None, [', '.join(others), last]))}"
    raise error(path, number, "columns are missing", expected, [name for name in names if name])


def check_id(path, number, name):
    """Refuses an id that cannot be shown or stored.

    Raises:
        ValueError: If it is no name, as `checking.is_name` has it.
    """
    if not checking.is_name(name):
        raise error(path, number, "the id cannot be used", checking.NAME, name)


class Seen:
    """Refuses ids that appear twice, and more utterances than memory should hold."""

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
            raise error(path, number, "the id appears twice", expected, name)
        self._where[name] = (path, number)
