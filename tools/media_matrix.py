"""Reads 60 whole films and sounds, and the same cut: python -m tools.media_matrix --output_dir=DIR

Writes each with FFmpeg or libsndfile, and asks of what is read whether each picture and each sound
is the one that was put at its time. Then cuts the file at 80 % of its bytes, and asks whether it is
refused; or read up to the cut and right so far. Writes `media_matrix.md`, a table for
docs/features.md, and ends with an error where something is wrong.
"""

import argparse
import dataclasses
import fractions
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from amh_tf import files
from tests.features import matrix_files, media_checks
from tests.features.matrix_files import Film
from tools import shared

NTSC = fractions.Fraction(30000, 1001)
FAST = (("movflags", "faststart"),)

FILMS = (
    *(Film("mp4", "libx264", "aac", fractions.Fraction(r), 2) for r in (1, 2, 3, 5, 8, 12, 25, 60)),
    Film("mp4", "libx264", "aac", NTSC, 3, options=FAST),
    Film("mp4", "libx264", "aac", b_frames=2, offset=1.0),
    Film("mp4", "libx264", "aac", b_frames=1, offset=-0.5),
    Film("mp4", "libx264", "aac", offset=2.0, options=FAST),
    Film("mp4", "libx264", "aac", b_frames=2, times=matrix_files.SLIDES),
    Film("mp4", "libx264", "aac", b_frames=2, options=media_checks.PARTS),
    Film("mp4", "libx264", "aac", b_frames=2, options=(("use_editlist", "0"),)),
    Film("mp4", "libx265", "aac", fractions.Fraction(24), 2),
    Film("mov", "mjpeg", "pcm_s16le", fractions.Fraction(15), offset=0.25),
    Film("mov", "libx264", "pcm_s16le", fractions.Fraction(50), 2, offset=-0.5),
    *(
        Film("mkv", "libx264", "aac", fractions.Fraction(rate), 2, offset)
        for rate, offset in ((1, 0), (2, 0), (5, 0.5), (30, 1), (30, -0.5), (60, 2))
    ),
    Film("mkv", "libx264", "libopus", NTSC, 3),
    Film("mkv", "libx264", "flac", b_frames=1, times=matrix_files.SLIDES),
    Film("mkv", "libx264", "pcm_s16le", times=matrix_files.JITTER),
    Film("mkv", "libx264", "aac", b_frames=2, offset=0.5, options=(("live", "1"),)),
    Film("webm", "libvpx", "libopus", offset=1.0),
    Film("webm", "libvpx-vp9", "libopus", fractions.Fraction(10), offset=-0.5),
    Film("webm", "libvpx", "libopus", offset=0.5, options=(("live", "1"),)),
    Film("avi", "mpeg4", "libmp3lame", fractions.Fraction(1), 2),
    Film("avi", "mpeg4", "libmp3lame", fractions.Fraction(2), 2),
    Film("avi", "mpeg4", "libmp3lame", b_frames=1, offset=1.0),
    Film("avi", "mjpeg", "pcm_s16le", fractions.Fraction(5)),
    Film("avi", "libx264", "pcm_s16le", fractions.Fraction(25), 2),
    Film("flv", "libx264", "aac", b_frames=2),
    Film("flv", "libx264", "aac", fractions.Fraction(5), 2, offset=1.0),
    Film("ts", "libx264", "aac", b_frames=2),
    Film("ts", "libx264", "aac", fractions.Fraction(25), 3, offset=0.5),
    Film("mpg", "mpeg2video", "mp2", fractions.Fraction(25), 2),
    Film("wmv", "wmv2", "wmav2", fractions.Fraction(15)),
)


@dataclasses.dataclass(frozen=True)
class Sound:
    """One sound of the matrix.

    Attributes:
        name: In words.
        encoder, rate, container, options: As for `matrix_files.write_sound`.
        make: Function of the bytes that were written, which gives those of the file.
        delay: What the encoder puts before the sound, and the file does not say, in samples.
    """

    name: str
    encoder: str
    rate: int = 16000
    container: str | None = None
    make: Callable = bytes
    delay: int = 0
    options: tuple = ()


def _sized(*sizes):
    """Writes sizes into the header of a WAV file, as recorders do that do not know them."""

    def change(data):
        data = bytearray(data)
        data[4:8] = sizes[0].to_bytes(4, "little")
        at = data.index(b"data") + 4
        data[at : at + 4] = sizes[1].to_bytes(4, "little")
        return bytes(data)

    return change


def _without_sizes(data):
    """Takes the sizes out of an AIFF file, as FFmpeg leaves them where it writes into a pipe."""
    data = bytearray(data)
    for mark, after in ((b"FORM", 4), (b"COMM", 10), (b"SSND", 4)):
        at = data.index(mark) + after
        data[at : at + 4] = bytes(4)
    return bytes(data)


def _sphere(coding):
    return lambda data: matrix_files.sphere(coding, np.frombuffer(data[44:], "<i2"))


SOUNDS = (
    Sound("WAV, 16 bits", "PCM_16", container="WAV"),
    Sound("WAV, mu-law at 8 kHz", "ULAW", 8000, "WAV"),
    Sound("WAV, sizes FFFFFFFF", "PCM_16", 16000, "WAV", _sized(0xFFFFFFFF, 0xFFFFFFFF)),
    Sound("WAV, sizes 7FFFFFFF, 24 bits", "PCM_24", 16000, "WAV", _sized(0x7FFFFFFF, 0x7FFFFFFF)),
    Sound("WAV, sizes 0, float", "FLOAT", 16000, "WAV", _sized(0, 0)),
    Sound("WAV, G.722", "g722", 16000, "wav", delay=22),
    Sound("WAV, G.726", "g726", 8000, "wav"),
    Sound("WAV, MP3", "libmp3lame", 16000, "wav", delay=1105),
    Sound("SPHERE, PCM", "PCM_16", 16000, "WAV", _sphere("pcm")),
    Sound("SPHERE, mu-law", "PCM_16", 16000, "WAV", _sphere("ulaw")),
    Sound("SPHERE, Shorten", "PCM_16", 16000, "WAV", _sphere("pcm,embedded-shorten-v2.00")),
    Sound("FLAC", "PCM_16", 16000, "FLAC"),
    Sound("Ogg, Vorbis", "VORBIS", 16000, "OGG"),
    Sound("Ogg, Vorbis, no end mark", "VORBIS", 16000, "OGG", matrix_files.without_end_mark),
    Sound("Ogg, Opus", "libopus", 48000, "ogg"),
    Sound("Ogg, FLAC", "flac", 16000, "ogg"),
    Sound("ADTS, AAC", "aac", 16000, "adts", delay=1024),
    Sound(
        "MP3 without a count of frames",
        *("libmp3lame", 16000, "mp3"),
        delay=1105,
        options=(("write_xing", "0"), ("id3v2_version", "0")),
    ),
    Sound("MP3 with a count of frames", "libmp3lame", 16000, "mp3"),
    Sound("M4A, AAC", "aac", 44100, "ipod"),
    Sound("AIFF, 16 bits", "PCM_16", 44100, "AIFF"),
    Sound("AIFF, sizes 0", "PCM_16", 44100, "AIFF", _without_sizes),
    Sound("AU, G.723 at 8 kHz", "G723_40", 8000, "AU"),
    Sound("CAF, ALAC", "ALAC_16", 44100, "CAF"),
    Sound("W64, 16 bits", "PCM_16", 44100, "W64"),
    Sound("RF64, 24 bits", "PCM_24", 44100, "RF64"),
    Sound("VOC, 16 bits", "pcm_s16le", 16000, "voc"),
    Sound("IRCAM, 16 bits", "PCM_16", 16000, "IRCAM"),
    Sound("WavPack", "wavpack", 44100, "wv"),
    Sound("True Audio", "tta", 44100, "tta"),
)


def table(rows):
    """Writes rows of (name, what is wrong, cut pictures, cut sound) as a table."""
    cells = [
        [name, wrong or "read, exact", pictures or "-", sound]
        for name, wrong, pictures, sound in rows
    ]
    return shared.markdown(["file", "whole", "cut at 80 %: pictures", "sound"], cells)


def main():
    """Makes the table by the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output_dir", required=True)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for medium in (*FILMS, *SOUNDS):
            check = (
                media_checks.check_film if isinstance(medium, Film) else media_checks.check_sound
            )
            rows.append((medium.name, *check(medium, folder)))
            print(*rows[-1], sep=" | ", flush=True)
    files.write_text(Path(arguments.output_dir) / "media_matrix.md", table(rows))
    wrong = sum(bool(row[1]) for row in rows)
    print(f"{len(rows)} files, {len(rows) - wrong} read and exact, {wrong} not")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
