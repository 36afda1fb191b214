"""Makes tiny recordings."""

import fractions

import av
import numpy as np

# Sines well below every rate's limit: known at any instant, whatever the sampling.
HERTZ = (217.0, 1013.0, 2750.0)


def tone(rate, seconds=1.0, start=0.0):
    """Samples of the sum of three sines, `(samples,)` float64 in +-0.75."""
    time = start + np.arange(round(rate * seconds)) / rate
    return sum(np.sin(2 * np.pi * hertz * time + hertz) for hertz in HERTZ) / 4


def write_sound(path, codec, rate=48000, seconds=1.0, channels=2, format_name=None):
    """Writes the tone with FFmpeg's encoders, at a different height in each channel."""
    heights = np.linspace(0.5, 1, channels)[:, np.newaxis]
    samples = (heights * tone(rate, seconds)).astype(np.float32)
    with av.open(str(path), "w", format=format_name) as container:
        stream = container.add_stream(codec, rate=rate, layout={1: "mono", 2: "stereo"}[channels])
        for start in range(0, samples.shape[1], 1024):
            block = np.ascontiguousarray(samples[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(block, "fltp", stream.layout.name)
            frame.sample_rate, frame.pts = rate, start
            frame.time_base = fractions.Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return heights.mean()


def write_picture(
    path, frames=60, rate=30, codec="libx264", b_frames=0, first=0, size=(64, 64), draw=None
):
    """Writes a film whose pictures tell their number.

    Args:
        path: The file.
        frames: Number of pictures.
        rate: Pictures per second.
        codec, b_frames: Encoder, and how many pictures it may put off.
        first: Time stamp of the first picture.
        size: Width and height.
        draw: Function that makes the picture of a number; `numbered` where None.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = 12
        stream.codec_context.max_b_frames = b_frames
        for number in range(frames):
            picture = numbered(number, size) if draw is None else draw(number)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = first + number, 1 / fractions.Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def numbered(number, size=(64, 64)):
    """A picture of eight stripes, black or white as the number's bits are."""
    bits = (number >> np.arange(8)) & 1
    rows = np.repeat(16 + 219 * bits, size[1] // 8)
    return np.broadcast_to(rows[:, np.newaxis, np.newaxis], (size[1], size[0], 3)).astype(np.uint8)


def numbers(pictures):
    """Reads the numbers back from `(n, height, width, 3)` pictures."""
    rows = pictures.reshape(len(pictures), 8, -1).mean(axis=2)
    return ((rows > 128) @ (1 << np.arange(8))).tolist()
