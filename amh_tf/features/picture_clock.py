"""Tells when the pictures of a film are shown."""

import bisect
import fractions

_USUAL_RATE = 25


class PictureClock:
    """Tells the times of pictures, in seconds from the film's time zero, as fractions.

    AVI files hold no time stamps: each picture takes a place in a row of a fixed rate, in the
    order of storage. The stamps that FFmpeg makes up are late by as many pictures as the decoder
    puts off, or out of order.

    Args:
        format_name: FFmpeg's name of the container.
        stream: The stream of pictures.
        line: Its `timeline.Timeline`.

    Attributes:
        usual: How long a picture is shown where nothing else is said.
        unit: What time stamps count.
    """

    def __init__(self, format_name, stream, line):
        self.unit = stream.time_base
        self.usual = 1 / (stream.average_rate or fractions.Fraction(_USUAL_RATE))
        self._counts = format_name == "avi"
        self._line = line
        # Times that cannot be written exactly were rounded.
        self._is_rounded = bool(self.usual % self.unit)
        self._places = []
        self._delay = None
        self._last = None

    def see(self, packet):
        """Notes each packet in the order of storage."""
        if self._counts and packet.size and packet.dts is not None:
            self._places.append(packet.dts)

    def packet_time(self, packet):
        """Returns a packet's time; in AVI it may be some pictures early."""
        stamp = packet.dts if self._counts or packet.pts is None else packet.pts
        if stamp is None:
            return self._last or self._line.begins
        return self._place_time(stamp) if self._counts else self._stamp_time(stamp)

    def time(self, frame, after_damage):
        """Returns a picture's time."""
        if self._counts:
            time = self._time_in_avi(frame, after_damage)
        else:
            time = None if frame.pts is None else self._stamp_time(frame.pts)
        if time is None:  # of those that the decoder held back to the end
            time = self._line.begins if self._last is None else self._last + self.usual
        self._last = time
        return time

    def duration(self, frame):
        """Returns for how long a picture is shown."""
        seconds = frame.duration * self.unit if frame.duration else self.usual
        return self.usual if abs(seconds - self.usual) <= self.unit else seconds

    def _stamp_time(self, stamp):
        time = stamp * self.unit - self._line.zero
        if self._is_rounded:
            since = time - self._line.begins
            exact = round(since / self.usual) * self.usual
            if abs(since - exact) <= self.unit:
                return self._line.begins + exact
        return time

    def _time_in_avi(self, frame, after_damage):
        """Returns the time of the place of an AVI file's picture."""
        if frame.dts is None:
            return None
        place = bisect.bisect_left(self._places, frame.dts)
        if self._delay is None:
            self._delay = 0 if after_damage else place
        return self._place_time(self._places[max(place - self._delay, 0)])

    def _place_time(self, place):
        first = self._places[0] if self._places else place
        return self._line.begins + (place - first) * self.unit
