"""Subtitles, SRT and WebVTT: blocks of lines with times, read and written.

Both read who speaks where a file says it: WebVTT has a voice, `<v Ann>`; of SRT it is the name
before a colon, where every subtitle of the file begins with one. A last line such as
`(angry 0.62)` is what this package writes of an emotion, and is left out.

Reference:
 - W3C, WebVTT: The Web Video Text Tracks Format
"""

import html
import math
import re

from amh_tf.corpora import text_files, timestamps
from amh_tf.segments import segment

ARROW = "-->"
_TIME = r"((?:\d{1,4}:)?[0-5]?\d:[0-5]?\d[.,]\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?", re.ASCII)
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>")
_NAME = re.compile(r"([^\s:][^:]{0,60}):(?:\s+(.*)|\s*)", re.DOTALL)
_EMOTION = re.compile(r"\(.{1,200} [01]\.\d\d\)")
# Who has no name among others that have one, in SRT.
_NOBODY = "-"
# Blocks of WebVTT that say nothing of the recording.
_ASIDE = ("NOTE", "STYLE", "REGION")


def read_srt(path, recording_name="", encoding=None):
    """Yields the `Segment`s of an SRT file.

    Args:
        path: The file.
        recording_name: Not needed: as of all readers.
        encoding: As for `text_files.lines`.

    Raises:
        InputError: If a block has no times, or false ones.
    """
    del recording_name
    cues = [
        (number, times, [_plain(line) for line in lines])
        for number, times, lines in _timed(path, _blocks(path, encoding))
    ]
    texts = [text for *_, lines in cues if (text := _said(lines))]
    names = bool(texts) and all(map(_NAME.fullmatch, texts))
    for number, times, lines in cues:
        text, speaker = _said(lines), ""
        if names and text:
            speaker, text = _NAME.fullmatch(text).groups()
            speaker = "" if speaker == _NOBODY else speaker
        yield segment.make(path, number, *times, speaker, text)


def read_vtt(path, recording_name="", encoding=None):
    """Yields the `Segment`s of a WebVTT file; see `read_srt`."""
    del recording_name
    blocks = _blocks(path, encoding)
    number, lines = next(blocks, (1, [""]))
    if number != 1 or not re.match(r"WEBVTT(\s|$)", lines[0]):
        raise text_files.error(path, 1, "this is not WebVTT", "WEBVTT in the first line", lines[0])
    cues = (block for block in blocks if block[1][0].split(" ")[0].strip() not in _ASIDE)
    for place, times, payload in _timed(path, cues):
        voice = _VOICE.search("\n".join(payload))
        text = html.unescape(_said([_plain(line) for line in payload]))
        speaker = html.unescape(voice[1]) if voice else ""
        yield segment.make(path, place, *times, speaker, text)


def _blocks(path, encoding):
    """Yields the number of the first line, and the lines, of each block between blank lines."""
    first, block = 0, []
    for number, line in text_files.lines(path, segment.MAX_BYTES, encoding):
        if line.strip():
            first = first if block else number
            block.append(line)
        elif block:
            yield first, block
            block = []
    if block:
        yield first, block


def _timed(path, blocks):
    """Yields the line of the times, these in seconds, and the lines below, of each block."""
    current = None
    for first, lines in blocks:
        place = next((at for at, line in enumerate(lines[:2]) if ARROW in line), None)
        if place is None and current:  # a blank line among the words
            current[2].extend(lines)
            continue
        match = None if place is None else _TIMES.fullmatch(lines[place])
        if not match:
            number, received = first + (place or 0), lines[place or 0]
            expected = "00:00:01.000 --> 00:00:02.500, below a number or name at most"
            raise text_files.error(path, number, "the subtitle has no times", expected, received)
        if current:
            yield current
        span = [timestamps.clock(text) for text in match.groups()]
        current = first + place, span, lines[place + 1 :]
    if current:
        yield current


def _plain(line):
    return _TAG.sub("", line).strip()


def _said(lines):
    """Returns the words of a subtitle on one line, without the emotion."""
    if lines and _EMOTION.fullmatch(lines[-1]):
        lines = lines[:-1]
    return " ".join(filter(None, lines))


def clock(seconds, comma="."):
    """Writes a time as hours, minutes, seconds and milliseconds."""
    # Halves up, always, so that no segment becomes shorter; the inner rounding undoes that of the
    # product, as of 1.0255 * 1000.
    milliseconds = math.floor(round(seconds * 1000, 3) + 0.5)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{comma}{rest % 1000:03d}"


def srt(entries):
    """Returns the text of an SRT file.

    Args:
        entries: Sequence of (`Segment`, label), label what is said of it, such as "angry 0.62".
    """
    named = any(spoken.speaker for spoken, _ in entries)
    blocks = []
    for number, (spoken, label) in enumerate(entries, 1):
        name = f"{(spoken.speaker or _NOBODY).replace(':', '.')}: " if named else ""
        times = f"{clock(spoken.start, ',')} {ARROW} {clock(spoken.end, ',')}"
        lines = [str(number), times, f"{name}{spoken.text or ''}".strip(), f"({label})"]
        blocks.append("\n".join(filter(None, lines)))
    return "\n\n".join(blocks) + "\n"


def vtt(entries):
    """Returns the text of a WebVTT file; see `srt`."""
    blocks = ["WEBVTT"]
    for spoken, label in entries:
        voice = f"<v {html.escape(spoken.speaker, quote=False)}>" if spoken.speaker else ""
        text = html.escape(spoken.text or "", quote=False)
        times = f"{clock(spoken.start)} {ARROW} {clock(spoken.end)}"
        lines = [times, f"{voice}{text}", f"({html.escape(label, quote=False)})"]
        blocks.append("\n".join(filter(None, lines)))
    return "\n\n".join(blocks) + "\n"
