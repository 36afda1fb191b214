"""Progress of long work: a bar on a terminal, some lines where output goes to a file."""

import contextlib
import datetime
import os
import sys
import time

from rich import console as rich_console
from rich import progress as rich_progress
from rich import text as rich_text

from amh_tf import escaping


class _Console(rich_console.Console):
    def render_str(self, text, **settings):
        return super().render_str(escaping.terminal(text), **settings)

    def print(self, *objects, **settings):
        """Prints; what goes wrong with standard output does not end work that goes into files."""
        try:
            super().print(*objects, **settings)
        except OSError as error:
            _drop_standard_output(error.strerror or str(error))

    def on_broken_pipe(self):
        _drop_standard_output("it is closed")


def _drop_standard_output(reason):
    """Sends standard output to nowhere, with what is left in its buffer."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        print(f"Standard output is lost ({reason}); work continues.", file=sys.stderr)


# Names come from users: nothing in them is markup, or tells the terminal what to do.
console = _Console(highlight=False, soft_wrap=True, markup=False, emoji=False)


@contextlib.contextmanager
def silence(quiet=True):
    """Has the console print nothing.

    Args:
        quiet: Whether to do so at all.
    """
    before = console.quiet
    console.quiet = before or quiet
    try:
        yield
    finally:
        console.quiet = before


# Seconds between two lines in a file: at first, and at most. What ends sooner leaves none; work of
# hours leaves no more than can be read, as a pause is a thirtieth of the time that has gone by.
SHORTEST_PAUSE, LONGEST_PAUSE = 10.0, 600.0


class _Bar:
    def __init__(self, progress, task):
        self._progress = progress
        self._task = task

    def advance(self, steps=1):
        self._progress.advance(self._task, steps)

    def note(self, text):
        """Shows a short text behind the bar."""
        self._progress.update(self._task, note=text)

    def move_to(self, completed):
        self._progress.update(self._task, completed=completed)


class _Lines:
    """Prints a line when some time has gone by, at intervals that grow."""

    def __init__(self, total, title, unit):
        self._total, self._title, self._unit = total, title, unit
        self._completed, self._note = 0, ""
        self._start = time.monotonic()
        self._next = SHORTEST_PAUSE

    def advance(self, steps=1):
        self.move_to(self._completed + steps)

    def note(self, text):
        self._note = text

    def move_to(self, completed):
        self._completed = completed
        seconds = time.monotonic() - self._start
        if seconds < self._next or not completed or completed >= self._total:
            return
        self._next = seconds + min(max(seconds / 30, SHORTEST_PAUSE), LONGEST_PAUSE)
        speed = completed / seconds
        remaining = datetime.timedelta(seconds=round((self._total - completed) / speed))
        console.print(
            f"{self._title}: {completed:,.0f} of {self._total:,.0f} {self._unit}, "
            f"{speed:,.1f}/s, {remaining} left{'; ' * bool(self._note)}{self._note}"
        )


class _Speed(rich_progress.ProgressColumn):
    """Shows how much is done in a second."""

    def render(self, task):
        speed = task.finished_speed or task.speed
        return rich_text.Text("" if speed is None else f"{speed:,.1f}/s")


def _text(template):
    return rich_progress.TextColumn(template, markup=False)


@contextlib.contextmanager
def bar(total, title, unit):
    """Shows a bar with speed and time left, removed when the work is done.

    Where output goes to a file, it is a line from time to time.

    Args:
        total: Number of steps.
        title: What is being done.
        unit: What a step is, in the plural.

    Yields:
        Object with `advance(steps)`, `move_to(completed)` and `note(text)`.
    """
    if not console.is_terminal:
        yield _Lines(total, title, unit)
        return
    columns = [
        _text("{task.description}"),
        rich_progress.BarColumn(bar_width=24),
        _text("{task.completed:.0f}/{task.total:.0f} " + unit),
        _Speed(),
        rich_progress.TimeRemainingColumn(),
        _text("left"),
        _text("{task.fields[note]}"),
    ]
    with rich_progress.Progress(*columns, console=console, transient=True) as progress:
        yield _Bar(progress, progress.add_task(title, total=total, note=""))
