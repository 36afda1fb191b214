"""Reads a file of segments, whatever its format, and compares it with the recording."""

import dataclasses
from pathlib import Path

from amh_tf import errors
from amh_tf.corpora import text_files
from amh_tf.segments import cues, dialogs, objects, rttm, segment, tables, textgrid

# For each ending the reader; `.txt` is IEMOCAP's own transcription.
READERS = {
    ".rttm": rttm.read,
    ".srt": cues.read_srt,
    ".vtt": cues.read_vtt,
    ".csv": tables.read,
    ".tsv": tables.read,
    ".textgrid": textgrid.read,
    ".json": objects.read,
    ".txt": dialogs.read,
}
# A segment that ends this much after the recording is cut, in seconds: subtitles stay a little.
LENIENCE = 0.5
# What features are made of at least, in seconds.
SHORTEST = 0.025


def check(path):
    """Refuses a file that is not there, or of no format that is read.

    Args:
        path: The file.

    Raises:
        InputError: If so.
    """
    if Path(path).suffix.lower() not in READERS:
        raise errors.refusal(
            f"{str(path)!r} is of no format that is read here",
            f"a name that ends in {', '.join(READERS)}",
            f"{Path(path).name!r}",
            "Set it with --segments.",
        )
    if not Path(path).is_file():
        raise errors.refusal(f"{str(path)!r} is missing", "a file of segments", "none")


def read(path, recording_name="", encoding=None):
    """Reads the segments of a recording.

    Args:
        path: The file; its ending, one of `READERS`, says what it is.
        recording_name: Name of the recording's file, without its ending: RTTM files may describe
            several.
        encoding: As for `text_files.lines`.

    Returns:
        List of `segment.Segment`, at least one, by their start.

    Raises:
        InputError: If it cannot be read, holds no segment, or too many; the message names file and
            line.
    """
    check(path)
    reader = READERS[Path(path).suffix.lower()]
    segments = []
    for spoken in reader(path, recording_name, encoding):
        problem = None
        if len(segments) == segment.MAX_SEGMENTS:
            problem = "there are too many segments", f"at most {segment.MAX_SEGMENTS:,}"
        elif spoken.seconds < SHORTEST - 1e-9:
            problem = "the segment is too short", f"at least {SHORTEST} s"
        if problem:
            received = f"{spoken.start} to {spoken.end}"
            raise text_files.error(path, spoken.line, *problem, received)
        segments.append(spoken)
    if not segments:
        is_text = reader is dialogs.read  # which leaves out what is no turn
        expected = f"at least one{f', such as {dialogs.EXAMPLE!r}' if is_text else ''}"
        remedy = "Other labels can be a CSV file, with columns start and end." if is_text else ""
        raise errors.refusal(f"{str(path)!r} holds no segment", expected, "none", remedy)
    return sorted(segments, key=lambda spoken: (spoken.start, spoken.end, spoken.speaker))


def within(path, segments, seconds):
    """Compares segments with how long the recording is.

    Args:
        path: Their file, for messages.
        segments: List of `segment.Segment`.
        seconds: How long the recording is.

    Returns:
        The segments, those that end a little late cut; and how many these are.

    Raises:
        InputError: If one lies beyond the end; the message names its line.
    """
    fitting, cut = [], 0
    for spoken in segments:
        if spoken.end > seconds + LENIENCE or spoken.start > seconds - SHORTEST:
            expected = f"segments of this recording, which has {seconds:.3f} s, not of another"
            received = f"{spoken.start} to {spoken.end}"
            problem = "the segment is beyond the recording's end"
            raise text_files.error(path, spoken.line, problem, expected, received)
        if spoken.end > seconds:
            cut += 1
            spoken = dataclasses.replace(spoken, end=seconds)
        fitting.append(spoken)
    return fitting, cut
