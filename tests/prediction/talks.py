"""Recordings of several sentences, from the kept demo corpus (synthetic)."""

import numpy as np
from scipy import signal
from scipy.io import wavfile

from tests.extraction import demo

DIALOG = demo.KEPT / "Session1/dialog"
FILM = str(DIALOG / "avi/DivX/Ses01F_impro01.avi")
TRANSCRIPT = str(DIALOG / "transcriptions/Ses01F_impro01.txt")


def wav(path, rate=16000):
    """Writes three sentences of the corpus with pauses; returns when each begins and ends."""
    sentences = sorted(demo.KEPT.glob("Session*/sentences/wav/*/*.wav"))[:3]
    pause, parts = np.zeros(16000, np.int16), []
    for sentence in sentences:
        parts += [pause, wavfile.read(sentence)[1]]
    samples = signal.resample_poly(np.concatenate([*parts, pause]) * 1.0, rate, 16000)
    wavfile.write(path, rate, samples.clip(-32768, 32767).astype(np.int16))
    return str(path)
