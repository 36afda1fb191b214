"""The pictures of utterances: which ones, and what a network makes of them.

Pictures are taken at 3 per second. Many utterances share a film, which is decoded once.
"""

import fractions
import heapq
import math

import numpy as np

from amh_tf.corpora import recording
from amh_tf.features import feature_net, media, picture_stream, pictures

PICTURES_PER_SECOND = 3
# Times are written rounded to microseconds, or less finely.
_ROUNDING = fractions.Fraction(1, 1_000_000)
# A span may end this much after a whole film, whose last picture then stands still, in seconds.
_LENIENCE = fractions.Fraction(1, 10)
# No utterance is longer; a film in memory is a mistake.
_MAX_BYTES = 1 << 29

FeatureNet = feature_net.FeatureNet


def frames_of(path, spans, short_side=pictures.SHORT_SIDE):
    """Decodes a film once and gives the pictures of many spans of it.

    For a span from a to b, these are for each instant a + k/3, k < ceil(3 (b - a)), the last
    picture with a time of at most the instant. Time is counted from the film's first picture.

    Args:
        path: The file.
        spans: List of (start, end, side): seconds, None for the film's own start or end; and
            one of `recording.SIDES`. In any order; they may overlap.
        short_side: Length of the pictures' shorter side, or None to leave them as they are.

    Yields:
        For each span, as soon as it is complete: its index in `spans`, and `(n, height,
        width, 3)` uint8 pictures. Where the film does not hold all of them undamaged, a
        `BadRecording` that names the file stands in their place.

    Raises:
        ValueError: If a side is unknown.
        BadRecording: If there is no whole picture in the file at all; it names the file.
        ImportError: If the extra `media` is not installed.
    """
    sides = [side for _, _, side in spans if side not in recording.SIDES]
    if sides:
        raise ValueError(
            "A side of the picture is not known. Expected one of "
            f"{', '.join(map(repr, recording.SIDES))}. Received: {sides[0]!r}."
        )
    waiting = []
    for index, (start, end, side) in enumerate(spans):
        try:
            media.check_span(path, start, end)
        except recording.BadRecording as error:
            yield index, error
        else:
            waiting.append(_Span(path, index, start, end, side, short_side))
    if waiting:
        yield from _serve(path, waiting)


def _serve(path, spans):
    """Gives each of the spans its pictures as they come."""
    queue = [(span.instant, span.index, span) for span in spans]
    heapq.heapify(queue)
    shown = None
    with media.container(path, "video") as (opened, stream):
        film = picture_stream.PictureStream(path, opened, stream)
        for picture in film:
            if shown is None:
                shown = _first(picture)
            yield from _take(queue, shown, picture.time)
            if not queue:
                return
            shown = _Shown(picture)
        if shown is None:
            received = film.error or "none"
            raise media.bad(path, "cannot be decoded", "at least one picture", received)
        yield from _take(queue, shown, shown.end)
        for _, index, span in sorted(queue):
            yield index, span.finish(shown, max(film.declared_end or 0, shown.end))


def _first(picture):
    """Makes what is shown before the first picture: that one, or nothing if it is late."""
    if picture.time <= _LENIENCE:
        return _Shown(picture)
    zero = fractions.Fraction(0)
    return _Shown(picture_stream.Picture(zero, picture.time, None, is_damaged=True))


def _take(queue, shown, until):
    """Lets spans take what is shown up to a time; yields those that are complete."""
    while queue and queue[0][0] + _ROUNDING < until:
        _, index, span = queue[0]
        span.take(shown)
        if span.is_complete:
            heapq.heappop(queue)
            yield index, span.result()
        else:
            heapq.heapreplace(queue, (span.instant, index, span))


class _Shown:
    """What is on the screen: a picture, converted at most once for each way it is wanted."""

    def __init__(self, picture):
        self.time, self.end = picture.time, picture.end
        self.is_damaged = picture.is_damaged
        self._frame = picture.frame
        self._converted = {}

    def array(self, side, short_side):
        """Returns `(height, width, 3)` uint8, upright."""
        if None not in self._converted:
            turns = round(self._frame.rotation / 90)
            self._converted[None] = np.rot90(self._frame.to_ndarray(format="rgb24"), turns)
        if (side, short_side) not in self._converted:
            cut = pictures.half(self._converted[None], side)
            cut = cut if short_side is None else pictures.scale(cut, short_side)
            self._converted[side, short_side] = np.ascontiguousarray(cut)
        return self._converted[side, short_side]


class _Span:
    """One span on its way to being complete.

    Attributes:
        index: Its place in the caller's list.
        instant: When its next picture is taken, as a fraction of seconds.
        is_complete: Whether nothing more is needed.
    """

    def __init__(self, path, index, start, end, side, short_side):
        self.index = index
        self._path, self._wish = path, (start, end)
        self._side, self._short_side = side, short_side
        self._start = self.instant = _exact(start or 0)
        self._count = (
            None if end is None else math.ceil((_exact(end) - self._start) * PICTURES_PER_SECOND)
        )
        self._taken, self._bytes = [], 0
        self._problem = None

    def __lt__(self, other):
        return self.index < other.index

    @property
    def is_complete(self):
        return self._problem is not None or len(self._taken) == self._count

    def take(self, shown):
        """Takes what is shown."""
        if shown.is_damaged:
            received = f"damage at {float(max(shown.time, self.instant)):.3f} s"
            self._fail("is damaged", "whole pictures", received)
            return
        picture = shown.array(self._side, self._short_side)
        self._bytes += picture.nbytes
        if self._bytes > _MAX_BYTES:
            self._fail("holds too much for an utterance", f"at most {_MAX_BYTES} bytes", "more")
            return
        self._taken.append(picture)
        self.instant = self._start + fractions.Fraction(len(self._taken), PICTURES_PER_SECOND)

    def finish(self, shown, declared_end):
        """Returns the result where the film has ended before the span was complete.

        Args:
            shown: The film's last picture.
            declared_end: When the film should have ended, in seconds.
        """
        is_whole = declared_end - shown.end <= _LENIENCE
        if self._count is None:
            if self._taken and self.instant >= declared_end - _LENIENCE:
                return self.result()
        else:
            while is_whole and not self.is_complete and self.instant < shown.end + _LENIENCE:
                self.take(shown)
        if not self.is_complete:
            start, end = self._wish
            expected = f"pictures from {start or 0} to {'the end' if end is None else end} s"
            problem = "does not hold the span" if is_whole else "is truncated"
            self._fail(problem, expected, f"pictures up to {float(shown.end):.3f} s")
        return self.result()

    def result(self):
        """Returns `(n, height, width, 3)` pictures, or the `BadRecording`."""
        return np.stack(self._taken) if self._problem is None else self._problem

    def _fail(self, *problem):
        self._problem = media.bad(self._path, *problem)
        self._taken = []


def _exact(seconds):
    """Returns the number that was written, as 0.3 is less than 3/10 in binary."""
    return fractions.Fraction(repr(float(seconds)))
