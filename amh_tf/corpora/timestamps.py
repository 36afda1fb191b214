"""Times in the files of strangers: seconds, with a decimal point or comma, or hours and minutes."""

import math
import re

_CLOCK = re.compile(
    r"(?:([0-9]{1,4}):([0-5]?[0-9])|([0-9]{1,4})):([0-5]?[0-9](?:[.,][0-9]{1,9})?)", re.ASCII
)


def clock(text):
    """Returns the seconds of a time such as 1:02.5 or 0:01:02,500, or None where it is none."""
    match = _CLOCK.fullmatch(text)
    if not match:
        return None
    hours, of_hour, minutes, seconds = match.groups()
    whole = 3600 * int(hours or 0) + 60 * int(of_hour or minutes)
    return round(whole + float(seconds.replace(",", ".")), 9)


class Times:
    """Reads the times of a table.

    1,500 may be one and a half or one thousand five hundred: it is refused, unless other times of
    the table show what a comma is.
    """

    def __init__(self):
        self._commas, self._unclear, self._clear = 0, None, False

    def seconds(self, error, name, text):
        """Returns the seconds that a text says, or NaN.

        Args:
            error: Function of problem, what is expected and what was received, which makes the
                refusal of the line.
            name: What the column is called.
            text: The cell.
        """
        comma = re.fullmatch(r"([0-9]+),([0-9]+)", text)
        if comma:
            self._commas += 1
            # Nobody groups a zero, four digits, or by any other number than three.
            clear = len(comma[2]) != 3 or comma[1].startswith("0") or len(comma[1]) > 3
            self._clear |= clear
            self._unclear = self._unclear or (None if clear else (error, name, text))
            text = f"{comma[1]}.{comma[2]}"
        with_minutes = clock(text)
        if with_minutes is not None:
            return with_minutes
        try:
            return float(text)
        except ValueError:
            return math.nan

    def notes(self):
        """Returns what a reader should know, as a list of sentences.

        Raises:
            InputError: If nothing shows what a comma is.
        """
        if self._unclear and not self._clear:
            error, name, text = self._unclear
            raise error(f"{name} is ambiguous", "seconds with a decimal point", text)
        return [f"Times with a decimal comma: {self._commas:,}."] if self._commas else []
