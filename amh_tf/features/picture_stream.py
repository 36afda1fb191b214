"""Decodes a film picture by picture, with exact times, and finds which pictures are damaged."""

import dataclasses
import fractions

from amh_tf.features import media, picture_clock, promises, timeline

# Decoders hide damage by default, and smear it over the pictures that follow. The second
# keeps a damaged size from taking all memory; 8K has half as many.
_MAX_PIXELS = 1 << 26
_DECODER = {"err_detect": "explode", "max_pixels": str(_MAX_PIXELS)}


@dataclasses.dataclass(frozen=True)
class Picture:
    """One picture of a film.

    Attributes:
        time, end: Seconds from the film's time zero, as fractions.
        frame: `av.VideoFrame`, or None where a picture should be and is not.
        is_damaged: Whether it is not what was recorded.
    """

    time: fractions.Fraction
    end: fractions.Fraction
    frame: object
    is_damaged: bool


class PictureStream:
    """Iterates once over the pictures of an open film, in the order of their times.

    Damage is what the decoder notices: no container has checksums for pictures. After it, all
    pictures up to the next one that stands for itself are taken for damaged, too.

    Args:
        path: The file, for messages.
        opened, stream: What `media.container` yields.

    Attributes:
        line: `timeline.Timeline` of the pictures.
        error: What ended it before its end, or "".
        longest: The longest time between two pictures so far, in seconds.
    """

    def __init__(self, path, container, stream):
        context = stream.codec_context
        if context is None:
            raise media.bad(path, "cannot be decoded", "pictures of a known coding", "another")
        if not 0 < context.width * context.height <= _MAX_PIXELS:
            size = f"{context.width} x {context.height}"
            raise media.bad(path, "has no picture", f"at most {_MAX_PIXELS} pixels", size)
        context.options = _DECODER
        self.line = timeline.of(path, container, stream)
        self.error = ""
        self.longest = fractions.Fraction(0)
        self._path, self._container, self._stream = path, container, stream
        self._clock = picture_clock.PictureClock(container.format.name, stream, self.line)
        self._size = None
        # PyAV raises the last where a damaged file seems to have a further stream.
        self._errors = media.library("av").FFmpegError, ValueError, MemoryError, IndexError
        self._is_broken = False
        # Pictures are damaged up to the first one that stands for itself after this time.
        self._damaged_at = None
        # Whether all pictures so far came one usual distance after another.
        self._is_steady = True

    def __iter__(self):
        previous, held_back = None, []
        for frame in self._frames():
            time = self._clock.time(frame, self._damaged_at is not None)
            is_damaged = self._is_damaged(frame, time)
            gap = self._lost_before(previous, time)
            picture = Picture(time, time + self._clock.duration(frame), frame, is_damaged)
            held_back += [gap] if gap else []
            held_back.append(picture)
            if frame.dts is not None:
                yield from held_back
                held_back = []
                self._measure(previous, picture)
            previous = picture
        yield from self._at_the_end(held_back)

    def end(self, last):
        """Returns when the film ends, from the end of its last picture."""
        return last + self.line.hold

    def is_whole(self, end, lenience):
        """Returns whether nothing is missing at the end of the film.

        Args:
            end: When it ends, in seconds.
            lenience: How many seconds may be missing.
        """
        if self.line.ends is None:
            return not self._is_broken and not promises.is_cut(
                self._path, self._container.format.name
            )
        return self.line.missing(end) <= lenience

    def _measure(self, previous, picture):
        if previous is not None:
            distance = picture.time - previous.time
            self.longest = max(self.longest, distance)
            usual, rounding = self._clock.usual, 2 * self._clock.unit
            if abs(distance - usual) > min(rounding, usual / 2):
                self._is_steady = False

    def _at_the_end(self, pictures):
        """Yields the pictures that the decoder held back to the end of the film.

        Pictures are stored out of order: where a film was cut, some before these may be gone.
        """
        if not pictures:
            return
        if self.line.ends is not None:
            is_cut = not self.is_whole(self.end(pictures[-1].end), media.LENIENCE)
            pictures = [
                dataclasses.replace(picture, is_damaged=picture.is_damaged or is_cut)
                for picture in pictures
            ]
        previous = None
        for picture in pictures:
            gap = 0 if previous is None else picture.time - previous.end
            if self.line.ends is None and self._is_steady and gap > self._clock.usual / 2:
                return  # cut: the film ends before the gap
            self._measure(previous, picture)
            yield picture
            previous = picture

    def _frames(self):
        """Yields what can be decoded."""
        self._num_errors = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except self._errors as error:
                self.error, self._is_broken = media.short(error), True
                return
            if packet is None:
                return
            self._clock.see(packet)
            try:
                yield from packet.decode()
            except self._errors as error:
                self.error = media.short(error)
                self._num_errors += 1
                self._note_damage(self._clock.packet_time(packet))

    def _note_damage(self, time):
        self._damaged_at = time if self._damaged_at is None else max(time, self._damaged_at)

    def _is_damaged(self, frame, time):
        size = frame.width, frame.height
        self._size = self._size or size
        if frame.is_corrupt or size != self._size:
            self._note_damage(time)
            return True
        if self._damaged_at is not None and frame.key_frame and time > self._damaged_at:
            self._damaged_at = None
        return self._damaged_at is not None

    def _lost_before(self, previous, time):
        """Makes a picture of what was lost between one and the next, if anything was."""
        num_errors, self._num_errors = self._num_errors, 0
        if num_errors and previous is not None and previous.end < time:
            return Picture(previous.end, time, None, is_damaged=True)
        return None
