"""A segment of a recording: who speaks from when to when, and what."""

import dataclasses
import re

from amh_tf import checking
from amh_tf.corpora import recording, text_files

# Of a file of strangers: more than a week of turns of a second each has.
MAX_SEGMENTS = 100_000
MAX_BYTES = 64 << 20
# No recording is longer, in seconds: ten days.
_LATEST = 864_000.0
# With minutes, there are less than 60 seconds; of hours, less than 60 minutes.
_CLOCK = re.compile(
    r"(?:(\d{1,4}):(?=[0-5]?\d:))?(?:(\d{1,4}):(?=[0-5]?\d(?!\d)))?(\d{1,9}(?:[.,]\d{1,9})?)",
    re.ASCII,
)


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
    """Returns the seconds that a text says: 62.5, 62,5, 1:02.5 or 0:01:02,500.

    Raises:
        InputError: If it says none; the message names file and line.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match:
        hours, minutes, rest = match.groups()
        whole = 3600 * int(hours or 0) + 60 * int(minutes or 0)
        return round(whole + float(rest.replace(",", ".")), 9)
    try:
        return float(text)
    except ValueError:
        expected = "seconds or hours, minutes and seconds, such as 62.5 or 0:01:02.5"
        raise text_files.error(path, number, "the time is wrong", expected, text) from None
