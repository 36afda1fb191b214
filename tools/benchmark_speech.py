"""Measures how well speech is found in recordings whose turns are known:

python -m tools.benchmark_speech --sentences_dir=ravdess --dialogs_dir=data/spoken --output_dir=DIR

Joins recordings of single sentences with pauses, as they are and spoiled in several ways, and reads
the dialogs of a corpus in IEMOCAP's layout as they are. A turn is right if the first segment in it
begins, and the last ends, within .2 s of it. A sentence begins and ends where it is as loud as a
twentieth of its loudest place. Turns that overlap, or nearly, share their segments: of dialogs,
those are counted by themselves that do not. Writes `results.md` to DIR.
"""

import itertools
import tempfile
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
import soundfile
from absl import flags
from scipy import signal

from amh_tf import files, progress
from amh_tf.commands import flag_kit
from amh_tf.corpora import iemocap
from amh_tf.features import decoding, speech
from amh_tf.prediction.timeline import listening
from tools import shared

FLAGS = flags.FLAGS
RATE = 16000
TOLERANCE = 0.2  # seconds
_LOUD, _LEVEL_SAMPLES = 0.05, 320
_PAUSES = 0.6, 1.5  # seconds between two sentences
_SOUND = (".wav", ".flac")


def loud_span(samples):
    """Returns the first and the last loud sample of a sentence."""
    shape = np.full(_LEVEL_SAMPLES, 1 / _LEVEL_SAMPLES)
    level = np.sqrt(np.convolve(samples.astype(np.float64) ** 2, shape, "same"))
    loud = np.flatnonzero(level > _LOUD * level.max())
    return loud[0], loud[-1]


def joined(sentences, rng, pauses):
    """Yields sentences with a pause before each, and when each is heard.

    Args:
        sentences: Iterable of files.
        rng: NumPy generator.
        pauses: Shortest and longest pause in seconds, from one sentence's sound to the next one's.

    Yields:
        `(samples,)` float32 at 16 kHz; start and end of the turn, in seconds from the first.
    """
    clock = 0
    for path in sentences:
        samples = decoding.load_audio(str(path))
        first, last = loud_span(samples)
        pause = np.zeros(int(rng.uniform(*pauses) * RATE), np.float32)
        samples = samples[first : last + 1]
        start = clock + len(pause)
        clock = start + len(samples)
        yield np.concatenate([pause, samples]), start / RATE, clock / RATE


def sentences_of(folder):
    """Lists the sound files below a folder."""
    return sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in _SOUND)


def _noise(rng, count):
    return rng.standard_normal(count)


def music(rng, count):
    """Makes chords of four tones with overtones, a new one twice a second."""
    time = np.arange(count) / RATE
    sound = np.zeros(count)
    for start in range(0, count, RATE // 2):
        here = time[start : start + RATE // 2]
        fade = np.exp(-4 * (here - here[0]))
        for note in rng.choice(24, 4, replace=False):
            tone = 130.8 * 2 ** (note / 12)
            waves = [np.sin(2 * np.pi * tone * k * here) / k for k in (1, 2, 3, 4)]
            sound[start : start + RATE // 2] += fade * np.sum(waves, axis=0)
    return sound


def beside(samples, other, decibels):
    """Adds another sound, so much weaker than speech in the mean."""
    speech_level = np.sqrt(np.mean(samples[samples != 0] ** 2))
    level = speech_level * 10 ** (-decibels / 20)
    return samples + other * level / np.sqrt(np.mean(other**2))


# Which turns of dialogs are counted: by their seconds from others, below 0 where they overlap.
DISTANCES = {
    "all turns": -np.inf,
    "turns that overlap none": 0.0,
    "turns .25 s from all others": 0.25,
    "turns .5 s from all others": 0.5,
}
# What is done to the joined sentences; and the file's rate and channels.
SPOILED = {
    "as they are": (lambda rng, x: x, 16000, 1),
    "44.1 kHz, two channels": (lambda rng, x: x, 44100, 2),
    "48 kHz, two channels": (lambda rng, x: x, 48000, 2),
    "40 dB weaker": (lambda rng, x: x / 100, 16000, 1),
    "60 dB weaker": (lambda rng, x: x / 1000, 16000, 1),
    "white noise, 20 dB below": (lambda rng, x: beside(x, _noise(rng, len(x)), 20), 16000, 1),
    "white noise, 10 dB below": (lambda rng, x: beside(x, _noise(rng, len(x)), 10), 16000, 1),
    "music, 20 dB below": (lambda rng, x: beside(x, music(rng, len(x)), 20), 16000, 1),
    "music, 10 dB below": (lambda rng, x: beside(x, music(rng, len(x)), 10), 16000, 1),
}


def found(path):
    """Lists the spans of speech of a file."""
    heard = listening.hear(str(path), speech.Detector())
    return listening.cut(heard, speech.SpeechSettings(min_silence=FLAGS.min_silence))


def right(turns, spans):
    """Returns for each turn whether the segments in it have its edges."""
    edges = []
    for start, end in turns:
        inside = [span for span in spans if span[0] < end and span[1] > start]
        edges.append(
            bool(inside)
            and abs(inside[0][0] - start) <= TOLERANCE
            and abs(inside[-1][1] - end) <= TOLERANCE
        )
    return edges


def alone(turns, distance):
    """Lists the turns that are so many seconds away from all others, at least."""
    turns = sorted(turns)
    latest = itertools.accumulate((end for _, end in turns), max)
    before = [-np.inf, *latest][: len(turns)]
    after = [start for start, _ in turns[1:]] + [np.inf]
    return [
        turn
        for turn, earlier, later in zip(turns, before, after)
        if turn[0] - earlier >= distance and later - turn[1] >= distance
    ]


def _row(title, turns, spans, others=()):
    """Returns the row of some turns; segments in others are counted as such."""
    edges = right(turns, spans)
    lost = sum(not any(a < end and b > start for a, b in spans) for start, end in turns)
    spoken = [*turns, *others]
    none = sum(not any(a < end and b > start for start, end in spoken) for a, b in spans)
    counts = [f"{len(turns):,}", shared.share(np.mean(edges)), f"{lost:,}"]
    return [title, *counts, f"{len(spans):,}", f"{none:,}"]


def _sentence_rows(folder, path):
    """Yields a row for each way of spoiling."""
    rng = np.random.default_rng(0)
    chosen = rng.permutation(sentences_of(folder))[: FLAGS.sentences]
    parts, *times = zip(*joined(chosen, rng, _PAUSES))
    samples = np.concatenate([*parts, np.zeros(RATE, np.float32)])
    turns = list(zip(*times))
    for title, (spoil, rate, channels) in SPOILED.items():
        sound = spoil(rng, samples.astype(np.float64))
        if rate != RATE:
            sound = signal.resample_poly(sound, rate, RATE)
        sound = np.repeat(sound[:, None] / max(1, np.abs(sound).max()), channels, axis=1)
        soundfile.write(path, sound, rate, "PCM_16")
        yield _row(title, turns, found(path))


def _spoken(path):
    """Yields when each turn of a transcription is loud, in seconds."""
    sentences = path.parents[2] / "sentences/wav" / path.stem
    for _, name, times, _ in iemocap.turns(path):
        sound = sentences / f"{name}.wav"
        if sound.is_file():
            first, last = loud_span(decoding.load_audio(str(sound)))
            start, _ = iemocap.seconds(path, 1, times)
            yield start + first / RATE, start + last / RATE


def _dialog_rows(folder):
    """Yields rows of the turns of all dialogs, by how far they are from others."""
    chosen = {title: [] for title in DISTANCES}
    turns, spans, clock = [], [], 0
    for path in sorted(Path(folder).glob("Session*/dialog/transcriptions/Ses*.txt")):
        (film,) = path.parents[1].glob(f"*/**/{path.stem}.avi")
        # All on one line of time, each dialog far behind the last.
        spoken = [(clock + start, clock + end) for start, end in _spoken(path)]
        turns += spoken
        spans += [(clock + start, clock + end) for start, end in found(film)]
        for title, distance in DISTANCES.items():
            chosen[title] += alone(spoken, distance)
        clock += 10_000
    for title, few in chosen.items():
        yield _row(f"dialogs, {title}", few, spans, turns)


def main():
    """Runs the benchmark by the flags."""
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        if FLAGS.sentences_dir:
            rows += _sentence_rows(FLAGS.sentences_dir, Path(temporary) / "talk.wav")
    if FLAGS.dialogs_dir:
        rows += _dialog_rows(FLAGS.dialogs_dir)
    header = ["recording", "turns", "edges within .2 s", "turns not found", "segments"]
    text = shared.markdown([*header, "segments outside of turns"], rows)
    files.write_text(Path(FLAGS.output_dir) / "results.md", text)
    progress.console.print(text)


if __name__ == "__main__":
    flag_kit.define("path", "sentences_dir", None, "Folder of recordings of single sentences.")
    flags.DEFINE_integer("sentences", 200, "How many of them are joined.", lower_bound=1)
    default = speech.SpeechSettings().min_silence
    flags.DEFINE_float("min_silence", default, "Seconds; shorter pauses end no segment.")
    flag_kit.define("path", "dialogs_dir", None, "Corpus in IEMOCAP's layout.")
    flag_kit.define("path", "output_dir", None, "Where the table goes.", required=True)
    cli.run(main)
