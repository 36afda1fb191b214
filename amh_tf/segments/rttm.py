"""RTTM, as diarization writes it: who speaks when, and no words.

    SPEAKER meeting 1 12.35 4.20 <NA> <NA> ann <NA> <NA>

Reference:
 - NIST, The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan, appendix A
"""

from pathlib import Path

from amh_tf.corpora import text_files
from amh_tf.segments import segment

# Lines of other types, such as words and noises, are no turns.
_SPEAKER = "SPEAKER"
_NOBODY = "<NA>"


def read(path, recording_name="", encoding=None):
    """Yields the `Segment`s of an RTTM file.

    Args:
        path: The file.
        recording_name: Name of the recording's file, without its ending: the one that is read of a
            file that describes several.
        encoding: As for `text_files.lines`.

    Raises:
        InputError: If a line cannot be read, or the file describes several recordings and not this
            one.
    """
    segments = {}
    for number, line in text_files.lines(path, segment.MAX_BYTES, encoding):
        fields = line.split()
        if not fields or fields[0] != _SPEAKER:
            continue
        if len(fields) < 8:
            expected = "SPEAKER file channel start duration <NA> <NA> name"
            raise text_files.error(path, number, "the line is not RTTM", expected, line)
        start, duration = (segment.seconds(path, number, text) for text in fields[3:5])
        speaker = "" if fields[7] == _NOBODY else fields[7]
        end = round(start + duration, 6)  # of two decimal numbers
        turn = segment.make(path, number, start, end, speaker)
        segments.setdefault(fields[1], []).append(turn)
    if len(segments) > 1 and recording_name not in segments:
        names = ", ".join(sorted(segments)[:5])
        expected = f"turns of {recording_name!r}"
        raise text_files.error(
            path, 1, f"{Path(path).name} is of several recordings", expected, names
        )
    chosen = recording_name if len(segments) > 1 else next(iter(segments), None)
    yield from segments.get(chosen, [])
