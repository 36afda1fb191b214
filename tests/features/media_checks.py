"""Reads films and sounds of `matrix_files`, and says what is wrong with what was read."""

import fractions
import math
from pathlib import Path

import numpy as np

from amh_tf.corpora import recording
from amh_tf.features import decoding, video
from tests.features import matrix_files, media_files

KEPT = 0.8
_ROUNDING = 0.0011  # Matroska and FLV count whole milliseconds
PARTS = (("movflags", "frag_keyframe+empty_moov+default_base_moof"),)
# Encoders put so much before the sound itself, and these containers do not say so, in seconds.
_PRIMING = {("flv", "aac"): 1024 / 48000, ("ts", "aac"): 1024 / 48000, ("mpg", "mp2"): 481 / 48000}
# The same where the time stamps do not count it.
_DELAY = {("avi", "libmp3lame"): 1105 / 48000}
# AVI files tell times in whole pictures, and sound after its pictures' delay.
_PLACES = {"avi": 3}


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
