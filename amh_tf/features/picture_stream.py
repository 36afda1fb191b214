"""Decodes a film picture by picture, with exact times, and tells which pictures are damaged."""

import dataclasses
import fractions

from amh_tf.features import media

# Decoders hide damage by default, and smear it over the pictures that follow. The second
# keeps a damaged size from taking all memory; 8K has half as many.
_MAX_PIXELS = 1 << 26
_DECODER = {"err_detect": "explode", "max_pixels": str(_MAX_PIXELS)}
_USUAL_RATE = 25


@dataclasses.dataclass(frozen=True)
class Picture:
    """One picture of a film.

    Attributes:
        time, end: Seconds from the film's first picture, as fractions.
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
        declared_end: How long the film should be in seconds by what the file says, or None.
        error: What ended it before its end, or "".
    """

    def __init__(self, path, opened, stream):
        context = stream.codec_context
        if context is None:
            raise media.bad(path, "cannot be decoded", "pictures of a known coding", "another")
        if not 0 < context.width * context.height <= _MAX_PIXELS:
            size = f"{context.width} x {context.height}"
            raise media.bad(path, "has no picture", f"at most {_MAX_PIXELS} pixels", size)
        context.options = _DECODER
        self.declared_end = media.declared_seconds(opened, stream)
        self.error = ""
        self._opened, self._stream = opened, stream
        self._clock = _Clock(opened.format.name, stream)
        self._size = None
        self._errors = media.library("av").FFmpegError, ValueError, MemoryError
        # Pictures are damaged up to the first one that stands for itself after this time.
        self._damaged_at = None

    def __iter__(self):
        previous = None
        for frame in self._frames():
            time = self._clock.time(frame, self._damaged_at is not None)
            is_damaged = self._is_damaged(frame, time)
            lost = self._lost_before(previous, time)
            if lost:
                yield lost
            previous = Picture(time, time + self._clock.duration(frame), frame, is_damaged)
            yield previous

    def _frames(self):
        """Yields what can be decoded."""
        self._num_errors = 0
        packets = self._opened.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except self._errors as error:
                self.error = media.short(error)
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
        if frame.is_corrupt or size != self._size or self._may_lack_others(frame, time):
            self._note_damage(time)
            return True
        if self._damaged_at is not None and frame.key_frame and time > self._damaged_at:
            self._damaged_at = None
        return self._damaged_at is not None

    def _may_lack_others(self, frame, time):
        """Tells whether a picture was held back to the end of a film that was cut short.

        Pictures before it may have been cut off, as they are stored out of order.
        """
        is_held_back = frame.dts is None
        return is_held_back and (self.declared_end or 0) - time > media.LENIENCE

    def _lost_before(self, previous, time):
        """Makes a picture of what was lost between one and the next, if anything was."""
        lost, self._num_errors = self._num_errors, 0
        if lost and previous is not None and previous.end < time:
            return Picture(previous.end, time, None, is_damaged=True)
        return None


class _Clock:
    """Tells the times of pictures.

    AVI files hold no time stamps: pictures follow each other at a fixed rate, and those that
    FFmpeg makes up are late by as many pictures as the decoder puts off, or out of order.
    """

    def __init__(self, format_name, stream):
        self._counts = format_name == "avi"
        self._unit = stream.time_base
        self._origin = None if self._counts else stream.start_time
        self._usual = 1 / (stream.average_rate or fractions.Fraction(_USUAL_RATE))
        self._first_packet = None
        self._last = None

    def see(self, packet):
        """Notes the first packet; `packet_time` needs it."""
        if self._first_packet is None:
            self._first_packet = self._stamp(packet) or 0

    def _stamp(self, packet):
        return packet.dts if self._counts or packet.pts is None else packet.pts

    def packet_time(self, packet):
        """Returns a packet's time; in AVI it may be some pictures early."""
        stamp = self._stamp(packet)
        if stamp is None:
            return self._last or fractions.Fraction(0)
        origin = self._first_packet if self._origin is None else self._origin
        return (stamp - origin) * self._unit

    def time(self, frame, after_damage):
        """Returns a picture's time."""
        stamp = frame.dts if self._counts else frame.pts
        if stamp is None:
            # Those that the decoder held back to the end.
            time = fractions.Fraction(0) if self._last is None else self._last + self._usual
        else:
            if self._origin is None:
                self._origin = self._first_packet if after_damage else stamp
            time = (stamp - self._origin) * self._unit
        self._last = time
        return time

    def duration(self, frame):
        """Returns for how long a picture is shown."""
        return frame.duration * self._unit if frame.duration else self._usual
