"""GloVe's vectors for the words of a vocabulary, read in one pass."""

import codecs
import collections
import contextlib
import gzip
import itertools
import zlib
from pathlib import Path

import numpy as np

from amh_tf import errors, schema

MAX_LINE_BYTES = 1 << 20
MAX_WIDTH = 4096
LARGEST = 1e6  # far beyond any word vector, and safe to square
_LOOKED_AT = 50  # lines that tell the width
_LOOKED_AT_BYTES = 4096
_MARK = codecs.BOM_UTF8


def _error(path, number, problem, expected, received):
    return errors.refusal(
        f"{str(path)!r}, line {number}: {problem}", expected, f"{received[:60]!r}"
    )


def _lines(path, raw):
    """Yields the number and the bytes of each line that is not blank, without its end."""
    start = raw.read(4)
    raw.seek(0)
    if start.startswith(b"PK"):
        raise errors.refusal(
            f"{str(path)!r} is an archive", "GloVe's text file", "a zip file", "Unpack it first."
        )
    file = gzip.GzipFile(fileobj=raw) if start.startswith(b"\x1f\x8b") else raw
    try:
        is_binary = b"\0" in file.read(_LOOKED_AT_BYTES)
        file.seek(0)
    except (OSError, EOFError, zlib.error):
        is_binary = False  # the line is named when it is read
    if is_binary:
        raise errors.refusal(
            f"{str(path)!r} is not text",
            "a word and its vector a line, in UTF-8",
            "a binary file",
            "Save its vectors as text, such as by gensim's save_word2vec_format.",
        )
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(MAX_LINE_BYTES + 1)
        except (OSError, EOFError, zlib.error) as problem:  # a damaged gzip file
            received = f"{type(problem).__name__}: {problem}".encode()
            raise _error(path, number, "it cannot be unpacked", "text", received) from None
        if not line:
            return
        if len(line) > MAX_LINE_BYTES:
            expected = f"at most {MAX_LINE_BYTES:,} bytes"
            raise _error(path, number, "the line is too long", expected, line)
        if line := line.removeprefix(_MARK if number == 1 else b"").rstrip():
            yield number, line


def _width(path, first):
    """Returns the width of the vectors, and whether the first line is a header.

    Tokens may hold spaces, so that the number of fields is that of most lines.
    """
    if not first:
        raise errors.InputError(f"{str(path)!r} is empty. Expected a word and its vector a line.")
    fields = first[0][1].split()
    header = len(fields) == 2 and all(field.isdigit() for field in fields)
    counts = collections.Counter(len(line.split()) - 1 for _, line in first[header:])
    width = counts.most_common(1)[0][0] if counts else 0
    if header and width and len(fields[1]) < 9:
        width = int(fields[1])
    if not 2 <= width <= MAX_WIDTH:
        expected = f"a word and 2 to {MAX_WIDTH} numbers with spaces or tabs between them"
        number, line = first[-1]
        raise _error(path, number, "the line holds no word vector", expected, line)
    return width, header


def _vector(path, number, line, width):
    fields = line.rsplit(None, width)[-width:]
    try:
        with np.errstate(over="ignore"):
            vector = np.array([float(field) for field in fields], np.float32)
    except ValueError:
        vector = np.array([np.nan])
    if len(vector) != width or not (np.abs(vector) <= LARGEST).all():
        expected = f"{width} finite numbers within +-{LARGEST:.0e}"
        raise _error(path, number, "the vector is bad", expected, line)
    return vector


def _word(line, width):
    """Returns a line's word, which may hold spaces itself, or None if the line is too short."""
    if line.count(b" ") == width and b"\t" not in line and not line.startswith(b" "):
        return line.partition(b" ")[0]  # nearly all lines, and twenty times faster
    fields = line.rsplit(None, width)
    if len(fields) > width:
        return fields[0]
    # A word of nothing but spaces: in a file of many millions there is one.
    return b"" if len(fields) == width and line[:1].isspace() else None


def _fill_unknown(vectors, is_known, seed):
    """Draws the vectors of unknown words with the spread of the known ones."""
    spread = vectors[is_known].std()
    noise = np.random.default_rng(seed).standard_normal(vectors.shape, np.float32) * spread
    vectors[~is_known] = noise[~is_known]
    vectors[schema.PADDING_ID] = 0


def load_glove(path, vocabulary, seed=0, progress=None):
    """Reads the vectors of a vocabulary's words.

    Args:
        path: GloVe's text file: a word and its vector a line, with spaces or tabs between them;
            may be packed by gzip, and may have a header line as the text files of word2vec and
            fastText do. Of a word that appears twice, the first vector counts.
        vocabulary: Words in the order of their ids, `schema.PADDING_WORD` first.
        seed: Seed of the vectors of words that GloVe lacks. They are normal, with the standard
            deviation of the vectors found; the padding's is zero.
        progress: `amh_tf.progress.bar`, or None to show nothing.

    Returns:
        Vectors, `(words, width)` float32; the number of words found.

    Raises:
        ValueError: If the file is not of this kind, a vector needed is not one,
            or no word is found. The message names file and line.
        OSError: If it cannot be opened.
    """
    path = Path(path)
    if not path.is_file():
        raise errors.refusal(
            f"{str(path)!r} is missing", "GloVe's text file", "no such file", "Set it with --glove."
        )
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(open(path, "rb"))
        show = None
        if progress is not None:
            megabytes = path.stat().st_size / 1e6
            bar = stack.enter_context(progress(megabytes, "word vectors", "MB"))
            show = lambda: bar.move_to(raw.tell() / 1e6)  # noqa: E731
        return _load(path, _lines(path, raw), vocabulary, seed, show)


def _load(path, numbered, vocabulary, seed, show):
    first = list(itertools.islice(numbered, _LOOKED_AT))
    width, header = _width(path, first)
    rows = {word.encode("utf-8", "replace"): row for row, word in enumerate(vocabulary)}
    rows.pop(schema.PADDING_WORD.encode(), None)
    vectors = np.zeros((len(vocabulary), width), np.float32)
    is_known = np.zeros(len(vocabulary), bool)
    for number, line in itertools.chain(first[header:], numbered):
        if show and number % 10_000 == 0:
            show()
        word = _word(line, width)
        if word is None:
            expected = f"a word and {width} numbers"
            raise _error(path, number, "the line is too short", expected, line)
        row = rows.get(word)
        if row is not None and not is_known[row]:
            vectors[row] = _vector(path, number, line, width)
            is_known[row] = True
    if not is_known.any():
        raise errors.refusal(
            f"{str(path)!r} has none of the {len(vocabulary):,} words",
            "GloVe's text file in the language of the transcripts",
            "other words",
            "Set it with --glove.",
        )
    _fill_unknown(vectors, is_known, seed)
    return vectors, int(is_known.sum())
