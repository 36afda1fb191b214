"""A segment of a recording: who speaks from when to when, and what."""

import dataclasses

from amh_tf import checking
from amh_tf.corpora import recording, text_files

# Of a file of strangers: more than a week of turns of a second each has.
MAX_SEGMENTS = 100_000
MAX_BYTES = 64 << 20
# No recording is longer, in seconds: ten days.
_LATEST = 864_000.0


@dataclasses.dataclass(frozen=True)
class Segment:
    """A span of a recording in which somebody speaks.

    Attributes:
        start, end: Seconds from the recording's beginning.
        speaker: Who speaks; "" where that is not known.
        text: What is said, on one line; None where that is not known.
        side: Half of the picture that shows the speaker, one of `recording.SIDES`; None where the
            file does not say.
        line: Line of the file that says so, for messages; 0 where there is none.
    """

    start: float
    end: float
    speaker: str = ""
    text: str | None = None
    side: str | None = None
    line: int = dataclasses.field(default=0, compare=False)

    @property
    def seconds(self):
        """How long it lasts."""
        return self.end - self.start


def make(path, number, start, end, speaker="", text=None, side=None):
    """Makes a `Segment` of what a line of a stranger's file says.

    Args:
        path, number: The file and its line.
        start, end: Seconds.
        speaker, text, side: As of `Segment`; text may have any white space, and be blank.

    Raises:
        InputError: If something cannot be so; the message names file and line.
    """
    if not 0 <= start < end <= _LATEST:
        expected = f"seconds from 0 to {_LATEST:,.0f}, the end after the start"
        received = f"{start} to {end}"
        raise text_files.error(path, number, "the times are wrong", expected, received)
    speaker = text_files.clean(speaker)
    if speaker and not checking.is_name(speaker):
        raise text_files.error(path, number, "the speaker is wrong", checking.NAME, speaker)
    if side and side not in recording.SIDES:
        expected = f"one of {', '.join(recording.SIDES)}, or nothing"
        raise text_files.error(path, number, "the side is not known", expected, side)
    if text and len(text) > text_files.MAX_LINE_LENGTH:
        expected = f"at most {text_files.MAX_LINE_LENGTH:,} characters"
        raise text_files.error(path, number, "the words are too long", expected, text)
    words = text_files.clean(text or "") or None
    return Segment(start, end, speaker, words, side or None, number)


def seconds(path, number, text):
    """Returns the number that a text is, or refuses the line."""
    try:
        return float(text)
    except ValueError:
        expected = "seconds, such as 12.5"
        raise text_files.error(path, number, "the time is wrong", expected, text) from None
