"""Reads 60 whole films and sounds, and the same cut: python -m tools.media_matrix --output_dir=DIR

Writes each with FFmpeg or libsndfile, and asks of what is read whether each picture and each sound
is the one that was put at its time. Then cuts the file at 80 % of its bytes, and asks whether it is
refused; or read up to the cut and right so far. Writes `media_matrix.md`, a table for
docs/features.md, and ends with an error where something is wrong.
"""

import argparse
import dataclasses
import fractions
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from amh_tf import files
from amh_tf.corpora import recording
from amh_tf.features import decoding, video
from tests.features import media_files
from tools import matrix_files
from tools.matrix_files import Film

KEPT = 0.8
_ROUNDING = 0.0011  # Matroska and FLV count whole milliseconds
NTSC = fractions.Fraction(30000, 1001)
FAST = (("movflags", "faststart"),)
PARTS = (("movflags", "frag_keyframe+empty_moov+default_base_moof"),)
# Encoders put so much before the sound itself, and these containers do not say so, in seconds.
_PRIMING = {("flv", "aac"): 1024 / 48000, ("ts", "aac"): 1024 / 48000, ("mpg", "mp2"): 481 / 48000}
# The same where the time stamps do not count it.
_DELAY = {("avi", "libmp3lame"): 1105 / 48000}
# AVI files tell times in whole pictures, and sound after its pictures' delay.
_PLACES = {"avi": 3}

FILMS = (
    *(Film("mp4", "libx264", "aac", fractions.Fraction(r), 2) for r in (1, 2, 3, 5, 8, 12, 25, 60)),
    Film("mp4", "libx264", "aac", NTSC, 3, options=FAST),
    Film("mp4", "libx264", "aac", b_frames=2, offset=1.0),
    Film("mp4", "libx264", "aac", b_frames=1, offset=-0.5),
    Film("mp4", "libx264", "aac", offset=2.0, options=FAST),
    Film("mp4", "libx264", "aac", b_frames=2, times=matrix_files.SLIDES),
    Film("mp4", "libx264", "aac", b_frames=2, options=PARTS),
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
)


def read(path, has_picture=True, has_sound=True):
    """Reads a whole file as the package does.

    Returns:
        Its pictures' numbers and its samples at 16 kHz; each None where there are none to be, or
        the `BadRecording`.
    """
    pictures = samples = None
    if has_picture:
        try:
            ((_, found),) = video.frames_of(path, [(None, None, "whole")], short_side=None)
            bad = isinstance(found, recording.BadRecording)
            pictures = found if bad else media_files.numbers(found)
        except recording.BadRecording as error:
            pictures = error
    if has_sound:
        try:
            samples = decoding.load_audio(path)
        except recording.BadRecording as error:
            samples = error
    return pictures, samples


def begin(film):
    """Returns when pictures and sound of a film begin in its file, in seconds."""
    priming = _PRIMING.get((film.ending, film.audio), 0.0)
    delay = _DELAY.get((film.ending, film.audio), 0.0)
    if film.options in ((("use_editlist", "0"),), PARTS):
        # Without an edit list, the pictures stay put off by the two that the encoder puts off.
        pictures, sound = 2 / film.rate, film.offset + 2 / film.rate
    elif film.ending in ("mp4", "mov"):
        # What lies before the first picture is cut off by an edit list.
        pictures, sound = 0.0, film.offset
    else:
        pictures = max(0.0, priming - film.offset)
        sound = pictures + film.offset
    return float(pictures), float(sound) + delay


def wrong_pictures(film, numbers, is_cut=False):
    """Says what is wrong with the pictures of a film, or ""."""
    times, (begins, _) = film.shown(), begin(film)
    end = begins + float(times[-1]) + (0.0 if film.times else float(1 / film.rate))
    expected, begins = [], fractions.Fraction(begins).limit_denominator(10**6)
    # Times in Matroska, FLV and the like are whole milliseconds.
    rounding = (
        fractions.Fraction(6, 10**4) if film.times or begins else fractions.Fraction(1, 10**6)
    )
    for step in range(math.ceil(end * 3 - 1e-3)):
        instant = fractions.Fraction(step, 3)
        number = sum(time + begins <= instant + rounding for time in times) - 1
        if number >= 0 or instant >= begins - 0.1:
            expected.append(max(number, 0))
    if is_cut:
        expected = expected[: len(numbers)]
    slack = int(film.ending in _PLACES and film.offset != 0)
    right = len(numbers) == len(expected) and all(
        abs(a - b) <= slack for a, b in zip(numbers, expected, strict=True)
    )
    return "" if right else f"pictures {numbers} for {expected}"


def wrong_sound(samples, begins, off=_ROUNDING, is_cut=False):
    """Says what is wrong with the samples of a sound that begins at a time, or "".

    Args:
        samples: `(samples,)` at 16 kHz.
        begins: When the sound begins in the file, in seconds.
        off: By how many seconds it may be off.
        is_cut: Whether its end may be missing.
    """
    rate = decoding.SAMPLE_RATE
    if not is_cut and abs(len(samples) / rate - begins - matrix_files.SECONDS) > 0.2:
        return f"{len(samples) / rate:.3f} s of sound"
    # Pieces of a second, each looked for around its place.
    reach = round(0.3 * rate)
    for start in np.arange(max(begins, 0) + 0.4, len(samples) / rate - 0.8, 0.8):
        first = round(start * rate)
        piece = matrix_files.heard(start - begins + np.arange(rate // 2) / rate)
        around = samples[first - reach : first + len(piece) + reach]
        if len(around) < len(piece) + reach:
            break
        products = np.correlate(around, piece, "valid")
        best = int(products.argmax())
        match = around[best : best + len(piece)]
        likeness = float(np.corrcoef(match, piece)[0, 1])
        shift = (best - min(reach, first)) / rate
        if abs(shift) > off or likeness < 0.9:
            return f"sound at {start:.1f} s is {shift:+.4f} s off, alike by {likeness:.2f}"
    before = samples[: max(round((begins - 0.1) * rate), 0)]
    return "sound before it begins" if len(before) and np.abs(before).max() > 0.02 else ""


def check_film(film, folder):
    """Writes, reads, cuts and reads a film.

    Returns:
        (what is wrong, what became of the cut pictures, of the cut sound).
    """
    path = Path(folder) / f"film.{film.ending}"
    matrix_files.write_film(film, path)
    numbers, samples = read(path)
    _, begins = begin(film)
    # AVI files place MP3 frame by frame, of 24 ms.
    off = 0.024 if film.ending == "avi" else _ROUNDING
    problems = [
        str(numbers) if isinstance(numbers, Exception) else wrong_pictures(film, numbers),
        str(samples) if isinstance(samples, Exception) else wrong_sound(samples, begins, off),
    ]
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * KEPT)])
    cut_numbers, cut_samples = read(path)
    results = []
    for cut, whole, wrong in (
        (cut_numbers, numbers, lambda cut: wrong_pictures(film, cut, is_cut=True)),
        (cut_samples, samples, lambda cut: wrong_sound(cut, begins, off, is_cut=True)),
    ):
        if isinstance(cut, Exception):
            results.append("refused")
            continue
        problems.append(wrong(cut))
        is_all = not isinstance(whole, Exception) and len(cut) >= len(whole)
        results.append("whole" if is_all else "up to the cut")
    return "; ".join(filter(None, problems)), *results


def check_sound(sound, folder):
    """Writes, reads, cuts and reads a sound; as `check_film`, with None for pictures."""
    path = Path(folder) / "sound.bin"
    written = sound.encoder, sound.rate, sound.container, sound.options
    matrix_files.write_sound(path, *written)
    path.write_bytes(sound.make(path.read_bytes()))
    _, samples = read(path, has_picture=False)
    begins = sound.delay / sound.rate
    problems = [str(samples) if isinstance(samples, Exception) else wrong_sound(samples, begins)]
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * KEPT)])
    _, cut = read(path, has_picture=False)
    if isinstance(cut, Exception):
        return problems[0], None, "refused"
    problems.append(wrong_sound(cut, begins, is_cut=True))
    return "; ".join(filter(None, problems)), None, "up to the cut"


def table(rows):
    """Writes rows of (name, what is wrong, cut pictures, cut sound) as a table."""
    lines = ["| file | whole | cut at 80 %: pictures | sound |", "|---|---|---|---|"]
    for name, wrong, pictures, sound in rows:
        lines.append(f"| {name} | {wrong or 'read, exact'} | {pictures or '-'} | {sound} |")
    return "\n".join(lines) + "\n"


def main():
    """Makes the table by the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output_dir", required=True)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for each in (*FILMS, *SOUNDS):
            check = check_film if isinstance(each, Film) else check_sound
            rows.append((each.name, *check(each, folder)))
            print(*rows[-1], sep=" | ", flush=True)
    files.write_text(Path(arguments.output_dir) / "media_matrix.md", table(rows))
    wrong = sum(bool(row[1]) for row in rows)
    print(f"{len(rows)} files, {len(rows) - wrong} read and exact, {wrong} not")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
