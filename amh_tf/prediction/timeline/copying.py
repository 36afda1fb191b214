"""A small copy of a recording in MP4, H.264 and AAC, which browsers play.

Its time line is that of this package: zero is the first moment of which the recording holds sound
or a picture, and pictures stand where the features were made of them.
"""

import fractions
import heapq

import numpy as np

from amh_tf.features import decoding, media, picture_stream, pictures

_SHORT_SIDE = 360  # pixels, at most
_QUALITY = 28  # x264's constant rate factor
_SOUND_BITS = 48_000  # a second
_CLOCK = fractions.Fraction(1, 90_000)
_KEY_SECONDS = 2  # a click plays from any moment
_SOUND_BLOCK = 1024


def copy(film, sound, path, bar):
    """Copies a recording.

    Args:
        film: File with pictures, or None.
        sound: File with sound, or None.
        path: The copy.
        bar: As `progress.bar` yields it, counted in seconds.

    Raises:
        BadRecording: If it cannot be read.
        ImportError: If the extra `media` is not installed.
    """
    av = media.library("av")
    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        tracks = []
        if film:
            tracks.append(_pictures(av, film, container))
        if sound:
            tracks.append(_sound(av, sound, container))
        # Both in the order of time, as players read them.
        for time, packets in heapq.merge(*tracks, key=lambda pair: pair[0]):
            bar.move_to(float(time))
            container.mux(packets)


def _pictures(av, path, container):
    """Yields the time, and the packets, of each picture."""
    stream = None
    with media.container(path, "video") as (opened, source):
        film = picture_stream.PictureStream(path, opened, source)
        time = last = fractions.Fraction(-1)
        for picture in film:
            if picture.frame is None or picture.time <= last:
                continue
            pixels = np.rot90(
                picture.frame.to_ndarray(format="rgb24"), round(picture.frame.rotation / 90)
            )
            if min(pixels.shape[:2]) > _SHORT_SIDE:
                pixels = pictures.scale(pixels, _SHORT_SIDE)
            height, width = (size // 2 * 2 for size in pixels.shape[:2])  # of 4:2:0
            if stream is None:
                stream = container.add_stream("libx264", rate=30)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.time_base = _CLOCK
                stream.codec_context.gop_size = 30 * _KEY_SECONDS
                stream.options = {"crf": str(_QUALITY), "preset": "veryfast"}
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(pixels[: stream.height, : stream.width]), format="rgb24"
            )
            frame.pts, frame.time_base = round(picture.time / _CLOCK), _CLOCK
            last = time = picture.time
            yield time, stream.encode(frame)
    if stream is not None:
        yield time, stream.encode(None)


def _sound(av, path, container):
    """Yields the time, and the packets, of each block of sound."""
    rate = decoding.SAMPLE_RATE
    stream = container.add_stream("aac", rate=rate, layout="mono")
    stream.bit_rate = _SOUND_BITS
    position = 0
    for block in decoding.stream(path):
        for start in range(0, len(block), _SOUND_BLOCK):
            samples = np.ascontiguousarray(block[None, start : start + _SOUND_BLOCK])
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, position
            frame.time_base = fractions.Fraction(1, rate)
            time = fractions.Fraction(position, rate)
            position += samples.shape[1]
            yield time, stream.encode(frame)
    yield fractions.Fraction(position, rate), stream.encode(None)
