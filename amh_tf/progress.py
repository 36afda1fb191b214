"""Progress of long work: a bar on a terminal, nothing where output goes to a file."""

import contextlib

from rich import console as rich_console
from rich import progress as rich_progress
from rich import text as rich_text

from amh_tf import escaping



class _Console(rich_console.Console):
    def render_str(self, text, **settings):
        return super().render_str(escaping.terminal(text), **settings)


# Names come from users: nothing in them is markup, or tells the terminal what to do.
console = _Console(highlight=False, soft_wrap=True, markup=False, emoji=False)


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

    Args:
        total: Number of steps.
        title: What is being done.
        unit: What a step is, in the plural.

    Yields:
        Object with `advance(steps)`, `move_to(completed)` and `note(text)`.
    """
    columns = [
        _text("{task.description}"),
        rich_progress.BarColumn(bar_width=24),
        _text("{task.completed:.0f}/{task.total:.0f} " + unit),
        _Speed(),
        rich_progress.TimeRemainingColumn(),
        _text("left"),
        _text("{task.fields[note]}"),
    ]
    with rich_progress.Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield _Bar(progress, progress.add_task(title, total=total, note=""))
