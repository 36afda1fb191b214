"""Speech by espeak-ng, with a manner for each emotion."""

import html
import subprocess

import numpy as np
from scipy import signal

from amh_tf import errors

SAMPLE_RATE = 16000
NOISE = 0.003  # of full scale: a quiet room
TRIES = 5

# For each speaker: espeak-ng's voice and variant, pitch, words per minute.
SPEAKERS = {
    "Ses01F": ("en-us+f2", 55, 155),
    "Ses01M": ("en-us+m3", 40, 150),
    "Ses02F": ("en-gb+f3", 60, 160),
    "Ses02M": ("en-us+m7", 45, 160),
    "Ses03F": ("en-us+f4", 50, 150),
    "Ses03M": ("en-gb+m1", 38, 145),
    "Ses04F": ("en-us+f1", 58, 150),
    "Ses04M": ("en-us", 42, 155),
    "Ses05F": ("en-gb+f5", 52, 155),
    "Ses05M": ("en-gb-scotland+m2", 44, 150),
}
# For each emotion: factor of the speed, added pitch, range of the melody in percent of the
# voice's own, and amplitude out of 200.
MANNERS = {
    "ang": (1.12, 8, 140, 190),
    "exc": (1.18, 22, 180, 160),
    "hap": (1.05, 15, 150, 125),
    "sad": (0.78, -14, 45, 60),
    "fru": (0.95, -2, 110, 150),
    "sur": (1.02, 30, 200, 140),
    "neu": (1.00, 0, 80, 100),
}


def say(words, speaker, emotion, rng):
    """Speaks a sentence.

    Args:
        words: Text.
        speaker: One of `SPEAKERS`.
        emotion: One of `MANNERS`.
        rng: `numpy.random.Generator`: nobody speaks twice in quite the same way.

    Returns:
        int16 samples at `SAMPLE_RATE`, with a little noise.
    """
    voice, pitch, speed = SPEAKERS[speaker]
    factor, higher, melody, amplitude = MANNERS[emotion]
    pitch = int(np.clip(pitch + higher + rng.normal(0, 4), 0, 99))
    speed = int(speed * factor * rng.normal(1, 0.05))
    amplitude = int(np.clip(amplitude * rng.normal(1, 0.1), 20, 200))
    melody = int(melody * rng.normal(1, 0.1))
    marked = f'<speak><prosody range="{melody}%">{html.escape(words)}</prosody></speak>'
    command = ["espeak-ng", "-m", "-v", voice, "-s", str(speed), "-p", str(pitch)]
    sound = _spoken([*command, "-a", str(amplitude), "--stdout", marked])
    return _at_our_rate(_samples(sound), rng)


def _spoken(command):
    """Runs espeak-ng until two runs agree.

    Once in thousands of runs its sound is another one, as long but other samples; the corpus would
    not be what its seed says.
    """
    sounds = set()
    for _ in range(TRIES):
        sound = subprocess.run(command, capture_output=True, check=True).stdout
        if sound in sounds:
            return sound
        sounds.add(sound)
    raise errors.refusal(
        "espeak-ng does not say the same thing twice",
        f"two equal sounds in {TRIES} runs",
        f"{len(sounds)} different ones from {' '.join(command)!r}",
        "Try another version.",
    )


def _samples(data):
    # On a pipe, the header cannot say how long the sound is.
    rate = int.from_bytes(data[24:28], "little")
    if rate != 22050:
        raise errors.refusal("espeak-ng speaks at another rate", "22050", rate)
    return np.frombuffer(data[44:], "<i2") / 32768.0


def _at_our_rate(samples, rng):
    samples = signal.resample_poly(samples, 320, 441)  # 22050 to 16000
    samples = samples + rng.normal(0, NOISE, len(samples))
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)


def loudness(samples, times, window=0.04):
    """Returns how loud a recording is around some times, 0 to about 1."""
    half = int(window * SAMPLE_RATE / 2)
    centers = (np.asarray(times) * SAMPLE_RATE).astype(int)
    levels = [
        np.sqrt(np.mean(np.square(samples[max(0, c - half) : c + half] / 32768.0) + 1e-9))
        for c in centers
    ]
    return np.array(levels) / (max(levels, default=1) + 1e-3)
