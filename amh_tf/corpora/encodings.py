"""In which encoding strangers wrote a text file.

Spreadsheets save a table in whatever their system used before Unicode, and nothing in the file
says so. A wrong guess makes other letters, and a data set of them, without an error. So nothing is
guessed but what can hardly be wrong.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from amh_tf import errors

# UTF-32's mark begins as UTF-16's does.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Names that people use for encodings which have grown since; browsers read them so too.
_GROWN = {
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-1": "cp1252",
}
# Of Python's encodings, those that are none of files.
_NOT_OF_FILES = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")
# What spreadsheets and editors of some language save, under the names that --encoding takes.
_LIKELY = {
    "cp1251": "windows-1251",
    "cp932": "shift_jis",
    "gb18030": "gb18030",
    "big5": "big5",
    "cp949": "euc_kr",
    "euc_jp": "euc_jp",
    "cp874": "cp874",
    **{f"cp{number}": f"windows-{number}" for number in (1252, 1250, 1253, 1254, 1255, 1256, 1257)},
    "koi8_r": "koi8_r",
}
_SHOWN, _SHOWN_LENGTH = 6, 12  # of them, and letters of a sample
_SAMPLE_BYTES = 8192

# Bytes of Windows-1252, and of the same characters in UTF-8: punctuation of English text, letters
# of words that English has taken in (none of those that Turkish or Polish have in their place), and
# signs, none of which occurs within a word.
_PUNCTUATION = rb"(?:[\x85\x91-\x97\xa0]|\xc2[\x80-\xa0]|\xe2\x80[\x80-\xbf])+"
_LETTER = (
    rb"(?:[\xc0\xc4-\xc9\xd1\xd6\xdc\xdf-\xe2\xe4\xe5\xe7-\xeb\xed\xef\xf1\xf3\xf4\xf6\xfa\xfc]"
    rb"|\xc3[\x80-\xbf])"
)
_SIGN = rb"(?:[\x80\x99\xa1-\xbf]|\xc2[\xa1-\xbf])"
# The group is punctuation alone. A letter may stand within quotes.
_ENGLISH = re.compile(
    rb"(?<![\x80-\xff])(?:"
    + (b"(" + _PUNCTUATION + b")|" + _LETTER)
    + (rb"|(?<=[A-Za-z])" + _LETTER + _PUNCTUATION)
    + (b"|" + _PUNCTUATION + _LETTER + rb"(?=[A-Za-z])")
    + (rb"|(?<![A-Za-z])" + _SIGN + b"|" + _SIGN + rb"(?![A-Za-z])")
    + rb")(?![\x80-\xff])"
)
_HIGH = bytes(range(0x80, 0x100))
_LEAST_ASCII = 0.99

WINDOWS_1252 = "amh_tf.windows_1252"  # how Python decodes what is not UTF-8


def _as_windows_1252(problem):
    return problem.object[problem.start : problem.end].decode("cp1252", "replace"), problem.end


codecs.register_error(WINDOWS_1252, _as_windows_1252)


def named(encoding: str) -> str:
    """Returns Python's name of an encoding.

    Raises:
        ValueError: If it is not known.
    """
    try:
        codec = codecs.lookup(encoding)
        name = codec.name
        if not codec._is_text_encoding or name.replace("-", "_") in _NOT_OF_FILES:
            raise LookupError
    except (LookupError, ValueError, UnicodeError):
        raise errors.refusal(
            "`encoding` is not known",
            "the name of an encoding, such as utf-8, gb18030, shift_jis or windows-1251",
            f"encoding={encoding!r}",
            "Set it with --encoding.",
        ) from None
    return _GROWN.get(name, name)


def marked(path: str | Path) -> str | None:
    """Returns the encoding that a file says it has by its first bytes, or None."""
    with open(path, "rb") as file:
        head = file.read(4)
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def survey(path: str | Path, encoding: str) -> tuple:
    """Looks for what an encoding cannot read.

    Args:
        path: The file.
        encoding: Python's name of it.

    Returns:
        The end of its lines: "\\n", or "\\r" where no other stands; None, or the number of the
        first line that cannot be decoded, and the bytes from there on.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    counts = {"\n": 0, "\r": 0}
    with open(path, "rb") as file:
        while True:
            data = file.read(1 << 18)
            try:
                text, problem = decoder.decode(data, not data), None
            except UnicodeDecodeError as error:
                read, problem = error.object[: error.start], error.object[error.start :][:40]
                text = read.decode(encoding, "replace")
            for end in counts:
                counts[end] += text.count(end)
            if problem is not None or not data:
                break
    end = "\n" if counts["\n"] or not counts["\r"] else "\r"
    return end, None if problem is None else (counts[end] + 1, problem)


def is_windows_1252(path: str | Path) -> bool:
    """Returns whether a file that is not UTF-8 can be nothing but English in Windows-1252.

    Nearly all is ASCII. What is not are quotes, dashes and dots, or single letters, few of them:
    in other encodings letters stand side by side, or are many.
    """
    total, others = 0, 0
    with open(path, "rb") as file:
        for line in file:
            total += len(line)
            unexplained = len(line) - len(line.translate(None, _HIGH))
            for match in _ENGLISH.finditer(line) if unexplained else ():
                unexplained -= len(match[0])
                others += match[1] is None
            if unexplained:
                return False
    return others <= (1 - _LEAST_ASCII) * total


def _foreign_cells(path) -> Iterator:
    """Yields the cells, or what is between two separators, that are not ASCII."""
    with open(path, "rb") as file:
        for line in file:
            yield from re.findall(rb"[^,;\t\r\n\"]*[\x80-\xff][^,;\t\r\n\"]*", line)


def likely(path: str | Path) -> dict:
    """Returns encodings that a file may have: a dict from name to how its first cell reads."""
    with open(path, "rb") as file:
        head = file.read(_SAMPLE_BYTES)
    if b"\0" in head:
        return {name: head.decode(name, "replace")[:_SHOWN_LENGTH] for name in _unmarked(head)}
    # Slow to import, and of no use but here.
    import charset_normalizer

    cells, size = {}, 0  # each once, in their order
    for cell in _foreign_cells(path):
        size += 0 if cell in cells else len(cell)
        cells[cell.strip()] = True
        if size > _SAMPLE_BYTES:
            break
    sample = b", ".join(cells)
    guesses = charset_normalizer.from_bytes(sample, cp_isolation=list(_LIKELY))
    names = [guess.encoding for guess in guesses if guess.encoding in _LIKELY]
    # Of a few short cells it may say nothing, or leave out the right one.
    names += [name for name in _LIKELY if name not in names and _is_language(sample, name)]
    first = next(iter(cells))
    return {_LIKELY[name]: _foreign_word(first.decode(name, "replace")) for name in names[:_SHOWN]}


def _foreign_word(text):
    """Returns a few characters of a text from its first word on that is not ASCII."""
    foreign = next((place for place, letter in enumerate(text) if not letter.isascii()), 0)
    return text[text.rfind(" ", 0, foreign) + 1 :][:_SHOWN_LENGTH]


def _unmarked(head):
    """Returns which encodings of Unicode the beginning of a file without a mark may have."""
    names = []
    if head.count(0) < len(head) / 10:  # every separator and end of a line has one, or three
        return names
    for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        text = head[: len(head) // 4 * 4].decode(name, "replace")
        # In the wrong order of bytes a line does not end.
        if "\0" not in text and "\ufffd" not in text[:-2] and re.search(r"[\r\n]", text):
            names.append(name)
    return names


def _is_language(sample, name):
    """Returns whether bytes are text in an encoding: letters, and no case within a word."""
    try:
        text = sample.decode(name)
    except UnicodeDecodeError:
        return False
    foreign = [character for character in text if not character.isascii()]
    words = re.findall(r"\w+", text)
    return all(map(str.isalpha, foreign)) and all(
        word == word.lower() or word == word.upper() or word == word.capitalize() for word in words
    )
