"""Tiny trees of files in the layouts of released corpora."""

import wave

import numpy as np


def write_sound(path, seconds=0.01, seed=None):
    """Writes noise, of other samples in each file, as WAV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(sum(map(ord, path.name)) if seed is None else seed)
    samples = rng.integers(-9999, 9999, round(16000 * seconds), np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(samples.tobytes())
    return path


def write_names(folder, names):
    """Writes a few bytes, the file's own name, into each of several files.

    Readers open no sound, so whole releases can be written like this.
    """
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def by_id(corpus):
    """Returns the dict from id to recording."""
    return {spoken.id: spoken for spoken in corpus.recordings}
