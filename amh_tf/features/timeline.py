"""The time line of a file: when its streams begin, and when the file promises that they end.

Time zero is the first moment of which the file holds sound or a picture. Streams that begin later
do so on the same time line, as players have it.
"""

import dataclasses
import fractions
import itertools

from amh_tf.features import avi, media, promises

# A stream that begins this much after the other is worth a word, in seconds: below, it is the
# delay of an encoder.
WORTH_A_NOTE = fractions.Fraction(1, 10)
# More than a minute of pictures.
_MAX_COUNTED = 5000
# What FFmpeg writes for the length of a stream in an AVI file that goes into a pipe.
_AVI_UNKNOWN = 1 << 30


@dataclasses.dataclass(frozen=True)
class Timeline:
    """When a stream begins and should end, in seconds from the file's time zero.

    Attributes:
        zero: Time stamp of time zero, in seconds; a fraction, as all of these.
        begins: When the stream begins.
        ends: When it should end by what the file promises, or None where it does not say.
        is_shared: Whether that is the end of the longest of the streams.
        path: The file.
        hold: How long the last picture remains visible, by what an AVI file says.
    """

    zero: fractions.Fraction
    begins: fractions.Fraction
    ends: fractions.Fraction | None
    is_shared: bool
    path: str
    hold: fractions.Fraction = fractions.Fraction(0)

    @property
    def notes(self):
        """Which of `media.NOTES` the file deserves."""
        late = (media.LATE,) if self.begins > WORTH_A_NOTE else ()
        return late + ((media.UNDECLARED,) if self.ends is None else ())

    def without_end(self):
        """Returns the same of a file that promises nothing."""
        return dataclasses.replace(self, ends=None, is_shared=False)

    def missing(self, end):
        """Returns how much is missing of a stream.

        Args:
            end: When what was read of it ends, in seconds from time zero.

        Returns:
            Seconds; negative where there is more than was promised.
        """
        if self.ends is None:
            return fractions.Fraction(0)
        missing = self.ends - fractions.Fraction(end)
        if self.is_shared and missing > media.LENIENCE:
            missing = self.ends - max(_last_stamp(self.path) - self.zero, fractions.Fraction(end))
        return missing


def of(path, container, stream, first=None):
    """Finds the time line of a stream.

    Args:
        path: The file.
        container, stream: What `media.container` yields.
        first: Time stamp in seconds of the first sound that was decoded of `stream`, which is
            later than that of the first packet where the encoder's delay is cut off; or None.

    Returns:
        `Timeline`.

    Raises:
        BadRecording: If the file has a time line that FFmpeg does not know.
    """
    if container.format.name == "avi":
        return _of_avi(path, container, stream)
    if container.format.name.startswith("mov") and promises.has_inner_gap(path):
        expected = "edit lists whose empty edits come first"
        raise media.bad(path, "has an edit list that is not read here", expected, "one that pauses")
    begins = _start(path, container, stream) if first is None else first
    zero = min(begins, _start_of_the_other(path, container, stream, begins))
    late = begins - zero
    # Time stamps are rounded.
    late = fractions.Fraction(0) if late <= 2 * stream.time_base else late
    ends, is_shared = promises.end_of(path, container, stream)
    if ends is not None:
        ends -= zero
    return Timeline(zero, late, ends, is_shared, path)


def _start(path, container, stream):
    """Returns the time stamp of a stream's beginning, in seconds."""
    if stream.type == "video" and container.format.name == "matroska,webm":
        first = _first_packet(path, "video")
        if first is not None and first.pts is None and first.dts is None:
            return _start_without_stamps(path, stream)
    return (stream.start_time or 0) * stream.time_base


def _start_without_stamps(path, stream):
    """Counts back from the first picture with a time stamp: FFmpeg drops negative ones."""
    start, av = (stream.start_time or 0) * stream.time_base, media.library("av")
    try:
        with media.container(path, "video") as (container, pictures):
            for count, frame in enumerate(
                itertools.islice(container.decode(pictures), _MAX_COUNTED)
            ):
                if frame.pts is not None:
                    return frame.pts * pictures.time_base - count / (stream.average_rate or 1)
    except (av.FFmpegError, ValueError, MemoryError, IndexError):
        pass  # whoever reads the pictures will say what is wrong
    return start


def _start_of_the_other(path, container, stream, begins):
    """Finds when the other of sound and picture begins, or `begins` where there is none."""
    kind = "audio" if stream.type == "video" else "video"
    others = [other for other in getattr(container.streams, kind) if not is_cover(other)]
    if not others or others[0].start_time is None:
        return begins
    start = _start(path, container, others[0])
    if kind == "video" or start >= begins:
        return start
    return _first_sound(path, start)


def is_cover(stream):
    """Returns whether a stream of pictures is a single one to show beside the sound."""
    attached = media.library("av").stream.Disposition.attached_pic
    return stream.type == "video" and bool(stream.disposition & attached)


def _first_sound(path, start):
    """Finds the time stamp of the first sound, without the delay of its encoder."""
    av = media.library("av")
    try:
        with media.container(path, "audio") as (container, stream):
            frame = next(container.decode(stream))
            return start if frame.pts is None else frame.pts * frame.time_base
    except (av.FFmpegError, StopIteration, ValueError, MemoryError, IndexError):
        return start  # whoever reads the sound will say what is wrong


def _last_stamp(path):
    """Finds when the last of all streams ends, in seconds."""
    av = media.library("av")
    last = fractions.Fraction(0)
    try:
        with media.container(path, None) as (container, _):
            for packet in container.demux():
                if packet.pts is not None and packet.stream.type in ("audio", "video"):
                    last = max(last, (packet.pts + (packet.duration or 0)) * packet.time_base)
    except (av.FFmpegError, IndexError):
        return last  # what comes behind it is lost
    return last


def _of_avi(path, container, stream):
    """Finds the time line of a stream in an AVI file, which has no time stamps."""
    zero = hold = fractions.Fraction(0)
    begins = _avi_start(path, stream.type)
    is_known = 0 < stream.frames < _AVI_UNKNOWN
    ends = begins + stream.frames * stream.time_base if is_known else None
    leading, trailing = (count * stream.time_base for count in avi.empty_chunks(path, stream.index))
    if stream.type == "video":
        hold = trailing
    elif leading:
        # Writers delay the sound, too, by as much as a decoder delays pictures.
        delay = min(leading, _delay_of_pictures(path, container))
        begins += leading - delay
        ends = ends and ends - delay
    return Timeline(zero, begins, ends, False, path, hold)


def _avi_start(path, kind):
    """Returns the time that the header of a stream says it begins at."""
    packet = _first_packet(path, kind)
    return packet.dts * packet.time_base if packet and packet.dts else fractions.Fraction(0)


def _delay_of_pictures(path, container):
    """Returns by how much a decoder delays the pictures beside a sound, in seconds."""
    if not container.streams.video:
        return fractions.Fraction(0)
    av, first = media.library("av"), None
    try:
        with media.container(path, "video") as (opened, stream):
            for packet in itertools.islice(opened.demux(stream), _MAX_COUNTED):
                first = packet.dts if first is None and packet.size else first
                for frame in packet.decode():
                    if first is not None and frame.dts is not None:
                        return (frame.dts - first) * stream.time_base
    except (av.FFmpegError, ValueError, MemoryError, IndexError):
        pass  # whoever reads the pictures will say what is wrong
    return fractions.Fraction(0)


def _first_packet(path, kind):
    """Returns the first packet of a kind, or None; whoever reads on will say what is wrong."""
    try:
        with media.container(path, kind) as (container, stream):
            return next(container.demux(stream), None)
    except (media.library("av").FFmpegError, IndexError):
        return None
