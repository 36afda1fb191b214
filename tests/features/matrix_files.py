"""Writes the films and sounds of `media_matrix`: pictures tell their number, sound its time."""

import dataclasses
import fractions
import io

import av
import numpy as np
import soundfile

from tests.features import media_files

SECONDS = 4
# What is heard: random values a thousandth of a second apart, and lines between them. A piece of it
# is like no other, and no coding of speech loses it.
_GRID = 1000
_NOISE = 0.2 * np.random.default_rng(5).standard_normal(_GRID * (SECONDS + 2)).clip(-3, 3)
SLIDES = (0, 0.033, 0.066, 0.1, 1, 2.5)
JITTER = tuple(round(0.04 * k + 0.013 * (k * k % 3), 3) for k in range(95))


@dataclasses.dataclass(frozen=True)
class Film:
    """One film of the matrix.

    Attributes:
        ending: Of the file's name, which tells FFmpeg the container.
        video, audio: FFmpeg's names of the encoders; "" for none.
        rate: Pictures a second.
        b_frames: How many pictures the encoder may put off.
        offset: When the sound begins, in seconds from the first picture.
        times: Times of the pictures, or () for those of the rate.
        options: Of FFmpeg's writer, as pairs.
    """

    ending: str
    video: str
    audio: str
    rate: fractions.Fraction = fractions.Fraction(30)
    b_frames: int = 0
    offset: float = 0.0
    times: tuple = ()
    options: tuple = ()

    @property
    def name(self):
        """The film in words."""
        rate = "variable" if self.times else f"{float(self.rate):.4g}/s"
        said = [self.ending, self.video.removeprefix("lib"), self.audio.removeprefix("lib"), rate]
        said += [f"{self.b_frames} B"] * bool(self.b_frames)
        said += [f"sound at {self.offset:+g} s"] * bool(self.offset)
        return ", ".join([*said, *("=".join(pair) for pair in self.options)])

    def shown(self):
        """Returns the times of the pictures, in seconds from the first, as fractions."""
        if self.times:
            return [fractions.Fraction(str(time)) for time in self.times]
        return [number / self.rate for number in range(int(SECONDS * self.rate))]


def heard(times):
    """Returns the sound at times in seconds from its beginning; silence before and after."""
    grid = np.arange(len(_NOISE)) / _GRID
    sound = np.interp(times, grid, _NOISE)
    return np.where((times >= 0) & (times < SECONDS), sound, 0)


def write_film(film, path, container=None, shift=0):
    """Writes a film with FFmpeg's encoders to a path, or to what has a method `write`.

    All times are shifted by so many seconds.
    """
    file = path if hasattr(path, "write") else str(path)
    with av.open(file, "w", format=container, options=dict(film.options)) as container:
        frames = []
        streams = []
        if film.video:
            streams.append(_pictures(film, container, frames))
        if film.audio:
            streams.append(_sound(film, container, frames))
        for _, stream, frame in sorted(frames, key=lambda entry: entry[0]):
            frame.pts += round(shift / frame.time_base)
            container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())


def _pictures(film, container, frames):
    stream = container.add_stream(film.video, rate=film.rate)
    stream.width = stream.height = 64
    stream.pix_fmt = "yuvj420p" if film.video == "mjpeg" else "yuv420p"
    stream.codec_context.gop_size = 12
    stream.codec_context.max_b_frames = film.b_frames
    stream.codec_context.bit_rate = 800_000
    stream.options = {"x265-params": "log-level=none"} if film.video == "libx265" else {}
    unit = fractions.Fraction(1, 1000) if film.times else 1 / film.rate
    stream.codec_context.time_base = unit
    for number, time in enumerate(film.shown()):
        frame = av.VideoFrame.from_ndarray(media_files.numbered(number), format="rgb24")
        frame.pts, frame.time_base = round(time / unit), unit
        frames.append((float(time), stream, frame))
    return stream


def _sound(film, container, frames):
    rate = 44100 if film.audio.startswith("wma") else 48000
    layout = "stereo" if film.audio.startswith("wma") else "mono"
    stream = container.add_stream(film.audio, rate=rate, layout=layout)
    if not film.audio.startswith(("pcm", "flac")):
        stream.codec_context.bit_rate = 128_000
    stream.codec_context.open()
    size = stream.codec_context.frame_size or 1024
    samples = heard(np.arange(SECONDS * rate) / rate).astype(np.float32)
    for start in range(0, len(samples), size):
        block = np.repeat(samples[None, start : start + size], 1 + (layout == "stereo"), axis=0)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", layout)
        frame.sample_rate, frame.time_base = rate, fractions.Fraction(1, rate)
        frame.pts = start + round(film.offset * rate)
        frames.append((frame.pts / rate, stream, frame))
    return stream


def write_sound(path, encoder, rate=16000, container=None, options=()):
    """Writes sound alone, with FFmpeg's encoders where `encoder` is one, else with libsndfile.

    FFmpeg's also write to what has a method `write`.
    """
    samples = heard(np.arange(SECONDS * rate) / rate)
    if encoder.isupper():
        soundfile.write(path, samples, rate, encoder, format=container)
        return
    file = path if hasattr(path, "write") else str(path)
    with av.open(file, "w", format=container, options=dict(options)) as opened:
        stream = opened.add_stream(encoder, rate=rate, layout="mono")
        size = stream.codec_context.frame_size or 1024
        for start in range(0, len(samples), size):
            block = samples[None, start : start + size].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", "mono")
            frame.sample_rate, frame.pts = rate, start
            frame.time_base = fractions.Fraction(1, rate)
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode())


def sphere(coding, samples, rate=16000, count=True, channels=1):
    """Makes a NIST SPHERE file, as bytes, of `(samples,)` or `(samples, channels)` int16."""
    if coding == "pcm":
        body, width = samples.astype(">i2").tobytes(), 2
    elif coding == "ulaw":
        file = io.BytesIO()
        soundfile.write(file, samples, rate, "ULAW", format="RAW")
        body, width = file.getvalue(), 1
    else:
        body, width = shorten(samples), 2
    fields = [
        f"channel_count -i {channels}",
        f"sample_rate -i {rate}",
        f"sample_n_bytes -i {width}",
    ]
    if width == 2:
        fields += ["sample_byte_format -s2 10", "sample_sig_bits -i 16"]
    fields += [f"sample_count -i {len(samples)}"] * count
    fields += [f"sample_coding -s{len(coding)} {coding}", "end_head"]
    head = "NIST_1A\n   1024\n" + "\n".join(fields) + "\n"
    return head.encode().ljust(1024) + body


def shorten(samples, block=256):
    """Compresses `(samples,)` int16 as Shorten 2 does, with first differences.

    Reference: T. Robinson, SHORTEN: Simple lossless and near-lossless waveform compression, 1994
    """
    bits = []

    def rice(value, width):
        bits.extend("0" * (value >> width) + "1")
        bits.extend(f"{value & ((1 << width) - 1):0{width}b}" if width else "")

    def number(value):
        width = value.bit_length()
        rice(width, 2)
        rice(value, width)

    for value in (3, 1, block, 0, 0, 0):  # big-endian 16 bits, channels, block, no LPC, no means
        number(value)
    previous = 0
    for start in range(0, len(samples), block):
        piece = samples[start : start + block].astype(int)
        if len(piece) < block:
            rice(5, 2)
            number(len(piece))
        differences = np.diff(piece, prepend=previous)
        previous = int(piece[-1])
        folded = [2 * d if d >= 0 else -2 * d - 1 for d in differences.tolist()]
        width = max(int(np.mean(folded)).bit_length() - 1, 1)
        rice(1, 2)
        rice(width - 1, 3)
        for value in folded:
            rice(value, width)
    rice(4, 2)
    text = "".join(bits)
    text += "0" * (-len(text) % 32)
    return b"ajkg\2" + int(text, 2).to_bytes(len(text) // 8)


def without_end_mark(data):
    """Takes the mark of the last page off an Ogg file, and makes its checksum right again."""
    at = data.rindex(b"OggS")
    page = bytearray(data[at:])
    page[5] &= ~4
    page[22:26] = bytes(4)
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum >> 31 else 0)) & 0xFFFFFFFF
    page[22:26] = checksum.to_bytes(4, "little")
    return data[:at] + bytes(page)
