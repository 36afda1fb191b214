"""Praat's TextGrid, long or short: tiers of intervals, read and written.

A tier is a speaker, and its intervals with a label are what is said. Where tiers are called
`NAME words` and `NAME emotion`, as this package writes them, the second says where the segments
are, since one may have no words.

Reference:
 - Praat's manual, TextGrid file formats
"""

import re

from amh_tf.corpora import text_files
from amh_tf.segments import segment

_INTERVALS, _POINTS = "IntervalTier", "TextTier"
# Texts in quotes, and numbers that stand alone: all else explains them.
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\S)', re.ASCII)
_KIND = re.compile(r"(?:(.*) )?(words|emotion)(?: (\d+))?")
_MAX_TIERS = 1000


class _Tokens:
    """The texts and numbers of a file, with their lines."""

    def __init__(self, path, encoding):
        self._path, self._line = path, 1
        self._tokens = self._all(encoding)

    def _all(self, encoding):
        open_text, first = None, 0
        for number, line in text_files.lines(self._path, segment.MAX_BYTES, encoding):
            if open_text is not None:
                line, start = f"{open_text}\n{line}", first
            else:
                start = number
                if line.lstrip().startswith("!"):  # a comment
                    continue
            open_text = None
            if line.count('"') % 2:  # a text of several lines
                open_text, first = line, start
                if len(line) > text_files.MAX_LINE_LENGTH:
                    expected = "closed quotes"
                    raise text_files.error(self._path, start, "a text is open", expected, line)
                continue
            for match in _TOKEN.finditer(line):
                text, value = match.groups()
                yield start, (text.replace('""', '"') if value is None else float(value))
        if open_text is not None:
            raise text_files.error(self._path, first, "a text is open", "closed quotes", open_text)

    def next(self, kind, what):
        """Returns the line and the next token, which must be of a kind."""
        self._line, token = next(self._tokens, (self._line, None))
        if not isinstance(token, kind):
            raise self.error("the TextGrid ends, or is damaged", what, token)
        return self._line, token

    def count(self, most, what):
        """Returns the next number, a count."""
        _, value = self.next(float, what)
        if not 0 <= value <= most or not value.is_integer():
            raise self.error("the TextGrid is damaged", f"{what}, at most {most:,}", value)
        return int(value)

    def error(self, problem, expected, received):
        return text_files.error(self._path, self._line, problem, expected, received)


def read(path, recording_name="", encoding=None):
    """Yields the `Segment`s of a TextGrid file, tier by tier.

    Args:
        path: The file.
        recording_name: Not needed: as of all readers.
        encoding: As for `text_files.lines`.

    Raises:
        InputError: If it is not a whole TextGrid file.
    """
    del recording_name
    tiers = list(_tiers(_Tokens(path, encoding)))
    if not any((kind := _KIND.fullmatch(name)) and kind[2] == "emotion" for name, _ in tiers):
        for name, intervals in tiers:
            for number, start, end, label in intervals:
                if label.strip():
                    yield segment.make(path, number, start, end, name, label)
        return
    words = {
        (name, start, end): label for name, intervals in tiers for _, start, end, label in intervals
    }
    for name, intervals in tiers:
        kind = _KIND.fullmatch(name)
        if kind and kind[2] == "emotion":
            beside = _name(kind[1] or "", "words", kind[3])
            for number, start, end, label in intervals:
                if label.strip():
                    said = words.get((beside, start, end), "")
                    yield segment.make(path, number, start, end, kind[1] or "", said)


def _tiers(tokens):
    """Yields the name of each tier of intervals, and these: line, start, end and label."""
    for expected in ("ooTextFile", "TextGrid"):
        if tokens.next(str, f'"{expected}"')[1] != expected:
            raise tokens.error("this is not a TextGrid", f'"{expected}"', "another text")
    for what in ("the first time", "the last time"):
        tokens.next(float, what)
    for _ in range(tokens.count(_MAX_TIERS, "the number of tiers")):
        kind, name = (tokens.next(str, what)[1] for what in ("a kind of tier", "a tier's name"))
        if kind not in (_INTERVALS, _POINTS):
            raise tokens.error("the tier is not known", f"{_INTERVALS} or {_POINTS}", kind)
        for what in ("the tier's first time", "the tier's last time"):
            tokens.next(float, what)
        intervals = []
        for _ in range(tokens.count(2 * segment.MAX_SEGMENTS + 1, "the number of intervals")):
            number, start = tokens.next(float, "a time")
            end = tokens.next(float, "a time")[1] if kind == _INTERVALS else start
            intervals.append((number, start, end, tokens.next(str, "a label")[1]))
        if kind == _INTERVALS:
            yield name, intervals


def _name(speaker, kind, copy=None):
    return " ".join(filter(None, (speaker, kind, copy)))


def text(entries, seconds):
    """Returns the text of a TextGrid file, in Praat's long format.

    Args:
        entries: Sequence of (`Segment`, label), as for `cues.srt`.
        seconds: How long the recording is.
    """
    tiers = {}
    for spoken, label in sorted(entries, key=lambda entry: (entry[0].start, entry[0].end)):
        copy = 1
        while (lane := tiers.setdefault((spoken.speaker, copy), [])) and (
            lane[-1][0].end > spoken.start
        ):
            copy += 1  # intervals of a tier may not overlap
        lane.append((spoken, label))
    last = max([seconds, *(spoken.end for spoken, _ in entries)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0", f"xmax = {last}", "tiers? <exists>", f"size = {2 * len(tiers)}"]
    lines.append("item []:")
    number = 0
    for (speaker, copy), lane in tiers.items():
        for kind in ("words", "emotion"):
            number += 1
            name = _name(speaker, kind, str(copy) if copy > 1 else None)
            labels = [
                (spoken.start, spoken.end, (spoken.text or "") if kind == "words" else label)
                for spoken, label in lane
            ]
            lines += _tier_lines(number, name, _filled(labels, last), last)
    return "\n".join(lines) + "\n"


def _filled(labels, last):
    """Lists intervals that leave no time out, those between the labels without any."""
    intervals, clock = [], 0
    for start, end, label in labels:
        if start > clock:
            intervals.append((clock, start, ""))
        intervals.append((start, end, label))
        clock = end
    return [*intervals, *([(clock, last, "")] if clock < last else [])]


def _tier_lines(number, name, intervals, last):
    indent = " " * 8
    yield f"    item [{number}]:"
    yield f'{indent}class = "{_INTERVALS}"'
    yield f"{indent}name = {_quoted(name)}"
    yield from (f"{indent}xmin = 0", f"{indent}xmax = {last}")
    yield f"{indent}intervals: size = {len(intervals)}"
    for place, (start, end, label) in enumerate(intervals, 1):
        yield f"{indent}intervals [{place}]:"
        yield from (f"{indent}    xmin = {start}", f"{indent}    xmax = {end}")
        yield f"{indent}    text = {_quoted(label)}"


def _quoted(text):
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
