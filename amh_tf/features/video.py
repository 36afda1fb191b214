"""The pictures of utterances: which ones, and what a network makes of them.

Pictures are taken at 3 per second. Many utterances share a film, which is decoded once.
"""

import fractions
import heapq
import math
from typing import NamedTuple

import numpy as np

from amh_tf import errors
from amh_tf.corpora import recording
from amh_tf.features import feature_net, media, picture_stream, pictures

PICTURES_PER_SECOND = 3
# Times are written rounded to microseconds, or less finely.
_ROUNDING = fractions.Fraction(1, 1_000_000)
# A span may end this much after a whole film, whose last picture then stands still, in seconds.
_LENIENCE = fractions.Fraction(1, 10)
# No utterance is longer; a film in memory is a mistake.
_MAX_SECONDS, _MAX_BYTES = 3600, 1 << 29

FeatureNet = feature_net.FeatureNet


def frames_of(
    path,
    spans,
    short_side=pictures.SHORT_SIDE,
    notes=None,
    most=None,
    counts=None,
    most_pixels=None,
):
    """Decodes a film once and gives the pictures of many spans of it.

    For a span from a to b, these are for each instant a + k/3, k < ceil(3 (b - a)), the last
    picture with a time of at most the instant. Time is that of the whole film: where its pictures
    begin after its sound, there is none for the instants before.

    Args:
        path: The file.
        spans: List of (start, end, side): seconds, None for the film's own start or end; and
            one of `recording.SIDES`. In any order; they may overlap.
        short_side: Length of the pictures' shorter side, or None to leave them as they are.
        notes: Set to which those of `media.LATE` and `media.UNDECLARED` are added that the film
            deserves, or None.
        most: How many pictures of each span are kept, the first; None for all. The others are
            looked at all the same, for damage.
        counts: Dict to which is added, for each span by its index, how many pictures it has in
            all; or None.
        most_pixels: Pictures that have more are scaled down to so many; None to leave them.

    Yields:
        For each span, as soon as it is complete: its index in `spans`, and `(n, height,
        width, 3)` uint8 pictures; none at all where the span ends before they begin. Where the
        film does not hold all of them undamaged, a `BadRecording` that names the file stands in
        their place.

    Raises:
        ValueError: If a side is unknown.
        BadRecording: If there is no whole picture in the file at all; it names the file.
        ImportError: If the extra `media` is not installed.
    """
    sides = [side for _, _, side in spans if side not in recording.SIDES]
    if sides:
        raise errors.refusal(
            "`side` is not known",
            f"one of {', '.join(map(repr, recording.SIDES))}",
            f"{sides[0]!r}",
        )
    waiting = []
    for index, (start, end, side) in enumerate(spans):
        try:
            media.check_span(path, start, end)
        except recording.BadRecording as error:
            yield index, error
        else:
            view = _View(side, short_side, most_pixels)
            waiting.append(_Span(path, index, start, end, view, most))
    if not waiting:
        return
    for span, result in _serve(path, waiting, set() if notes is None else notes):
        if counts is not None:
            counts[span.index] = span.count
        yield span.index, result


def _serve(path, spans, notes):
    """Gives each of the spans its pictures as they come."""
    queue = [(span.instant, span.index, span) for span in spans]
    heapq.heapify(queue)
    current = None
    with media.container(path, "video") as (container, stream):
        film = picture_stream.PictureStream(path, container, stream)
        notes.update(film.line.notes)
        yield from _take(queue, None, film.line.begins - _LENIENCE)
        for picture in film:
            if current is None:
                current = _first(picture, film.line.begins)
            yield from _take(queue, current, picture.time)
            if not queue:
                return
            current = _Shown(picture)
        if current is None:
            received = film.error or "none"
            raise media.bad(path, "cannot be decoded", "at least one picture", received)
        end = film.end(current.end)
        yield from _take(queue, current, end)
        for _, _, span in sorted(queue):
            yield span, span.finish(current, end, film)


def _first(picture, begins):
    """Makes what is shown before the first picture: that one, or nothing if it is late."""
    if picture.time <= begins + _LENIENCE:
        return _Shown(picture)
    return _Shown(picture_stream.Picture(begins, picture.time, None, is_damaged=True))


def _take(queue, current, until):
    """Lets spans take what is shown, or None, up to a time; yields those that are complete."""
    while queue and queue[0][0] + _ROUNDING < until:
        _, index, span = queue[0]
        span.take(current)
        if span.is_complete:
            heapq.heappop(queue)
            yield span, span.result()
        else:
            heapq.heapreplace(queue, (span.instant, index, span))


class _View(NamedTuple):
    """How a span wants its pictures, as `frames_of` says."""

    side: str
    short_side: int | None
    most_pixels: int | None

    def of(self, picture):
        picture = pictures.half(picture, self.side)
        if self.short_side is not None:
            picture = pictures.scale(picture, self.short_side)
        if self.most_pixels is not None:
            picture = pictures.shrink(picture, self.most_pixels)
        return np.ascontiguousarray(picture)


class _Shown:
    """What is on the screen: a picture, converted at most once for each way it is wanted."""

    def __init__(self, picture):
        self.time, self.end = picture.time, picture.end
        self.is_damaged = picture.is_damaged
        self._frame = picture.frame
        self._converted = {}

    def array(self, view):
        """Returns `(height, width, 3)` uint8, upright."""
        if None not in self._converted:
            turns = round(self._frame.rotation / 90)
            self._converted[None] = np.rot90(self._frame.to_ndarray(format="rgb24"), turns)
        if view not in self._converted:
            self._converted[view] = view.of(self._converted[None])
        return self._converted[view]


class _Span:
    """One span on its way to being complete.

    Attributes:
        index: Its place in the caller's list.
        instant: When its next picture is taken, as a fraction of seconds.
        count: How many pictures it has so far, those among them that are not kept.
        is_complete: Whether nothing more is needed.
    """

    def __init__(self, path, index, start, end, view, most):
        self.index, self.count = index, 0
        self._most = math.inf if most is None else most
        self._path, self._wish, self._view = path, (start, end), view
        self._start = self.instant = _exact(start or 0)
        self._num_wanted = (
            None if end is None else math.ceil((_exact(end) - self._start) * PICTURES_PER_SECOND)
        )
        self._pictures, self._bytes, self._step = [], 0, 0
        self._problem = None

    def __lt__(self, other):
        return self.index < other.index

    @property
    def is_complete(self):
        return self._problem is not None or self._step == self._num_wanted

    def take(self, current):
        """Takes what is shown, or nothing where it is None."""
        self._step += 1
        self.instant = self._start + fractions.Fraction(self._step, PICTURES_PER_SECOND)
        if current is not None:
            self._keep(current)

    def _keep(self, current):
        if current.is_damaged:
            instant = self.instant - fractions.Fraction(1, PICTURES_PER_SECOND)
            received = f"damage at {float(max(current.time, instant)):.3f} s"
            self._fail("is damaged", "whole pictures", received)
            return
        self.count += 1
        if self.count > _MAX_SECONDS * PICTURES_PER_SECOND:
            self._fail("holds too much for an utterance", f"at most {_MAX_SECONDS} s", "more")
        if self.count > self._most or self._problem is not None:
            return
        picture = current.array(self._view)
        self._bytes += picture.nbytes
        if self._bytes > _MAX_BYTES:
            self._fail("holds too much for an utterance", f"at most {_MAX_BYTES} bytes", "more")
            return
        self._pictures.append(picture)

    def finish(self, current, end, film):
        """Returns the result where the film has ended before the span was complete.

        Args:
            current: The film's last picture.
            end: When the film has ended, in seconds.
            film: `picture_stream.PictureStream`.
        """
        is_whole = film.is_whole(end, _LENIENCE)
        if self._num_wanted is None:
            if self._step and is_whole:
                return self.result()
        else:
            # Nobody but the next picture could say for how long the last one is shown.
            still = max(_LENIENCE, film.longest)
            while is_whole and not self.is_complete and self.instant < end + still:
                self.take(current)
        if not self.is_complete:
            start, until = self._wish
            until = "the end" if until is None else until
            expected = f"pictures from {start or 0} to {until} s"
            problem = "does not hold the span" if is_whole else "is truncated"
            self._fail(problem, expected, f"pictures up to {float(end):.3f} s")
        return self.result()

    def result(self):
        """Returns `(n, height, width, 3)` pictures, or the `BadRecording`."""
        if self._problem is not None:
            return self._problem
        return np.stack(self._pictures) if self._pictures else np.zeros((0, 1, 1, 3), np.uint8)

    def _fail(self, *problem):
        self._problem = media.bad(self._path, *problem)
        self._pictures = []


def _exact(seconds):
    """Returns the number that was written, as 0.3 is less than 3/10 in binary."""
    return fractions.Fraction(repr(float(seconds)))
