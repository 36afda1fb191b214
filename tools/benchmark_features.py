"""Measures how fast raw recordings become features:

python -m tools.benchmark_features --output_dir=DIR

Writes its own film (synthetic), as large as a dialog of IEMOCAP, in a temporary folder.
Speeds are per second of processor time, all threads counted, and so per core. Writes `results.md`
to DIR.
"""

import functools
import tempfile
import time
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
import soundfile
from absl import flags

from amh_tf import files, progress
from amh_tf.commands import flag_kit
from amh_tf.features import audio, decoding, video
from tests.features import media_files
from tools import shared

FLAGS = flags.FLAGS
RATE, SIZE = 30, (720, 480)  # of the film
SECONDS = 4.5  # an utterance: the mean of IEMOCAP


def _measured(work):
    """Returns the median seconds of processor time and of wall time, after a run untimed."""
    work()
    times = []
    for _ in range(FLAGS.repeats):
        processor, wall = time.process_time(), time.perf_counter()
        work()
        times.append((time.process_time() - processor, time.perf_counter() - wall))
    return np.median(times, axis=0)


def _hear(path):
    for _ in range(20):
        audio.mfcc_with_deltas(decoding.load_audio(path)).numpy()


def _watch(path, spans):
    for _, frames in video.frames_of(path, spans):
        if isinstance(frames, Exception):
            raise frames


def _rows(folder):
    """Yields what is measured: its name, unit, amount and function."""
    rng = np.random.default_rng(0)
    for rate, ending in ((16000, "wav"), (44100, "wav"), (16000, "flac")):
        path = folder / f"{rate}.{ending}"
        soundfile.write(path, 0.1 * rng.standard_normal(round(rate * SECONDS)), rate, "PCM_16")
        work = functools.partial(_hear, path)
        yield f"sound: {rate} Hz {ending} to MFCC", "x real time", 20 * SECONDS, work
    coarse = rng.integers(0, 256, (SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8)
    picture = coarse.repeat(8, axis=0).repeat(8, axis=1)  # coloured squares, which move
    starts = np.arange(0, FLAGS.film_seconds - SECONDS, SECONDS / 2).round(3).tolist()
    spans = [(at, at + SECONDS, ("left", "right")[i % 2]) for i, at in enumerate(starts)]
    for codec, ending in (("mpeg4", "avi"), ("libx264", "mp4")):
        path, count = folder / f"{codec}.{ending}", FLAGS.film_seconds * RATE
        media_files.write_picture(
            path, count, RATE, codec, size=SIZE, draw=lambda n: np.roll(picture, (n, 2 * n), (0, 1))
        )
        name = f"film: {codec} {SIZE[0]}x{SIZE[1]}, {len(spans)} overlapping utterances"
        yield name, "frames/s decoded", count, functools.partial(_watch, path, spans)
    frames = rng.integers(0, 256, (32, 256, 341, 3), np.uint8)
    for dtype in ("float32", "bfloat16"):
        net = video.FeatureNet(FLAGS.resnet_weights, dtype=dtype)
        yield f"ResNet-101, {dtype}", "frames/s", len(frames), functools.partial(net, frames)


def main():
    """Runs the benchmark by the flags."""
    table = []
    with tempfile.TemporaryDirectory() as folder:
        rows = list(_rows(Path(folder)))
        with progress.bar(len(rows), "benchmark", "rows") as bar:
            for name, unit, amount, work in rows:
                table.append(
                    [name, unit, *(f"{amount / seconds:,.1f}" for seconds in _measured(work))]
                )
                bar.advance()
    text = shared.markdown(["work", "unit", "per core", "wall, all cores"], table)
    files.write_text(Path(FLAGS.output_dir) / "results.md", text)
    progress.console.print(text)


if __name__ == "__main__":
    flag_kit.define("path", "output_dir", None, "Where the table goes.", required=True)
    flags.DEFINE_integer("repeats", 5, "Timed runs; the median counts.", lower_bound=1)
    flags.DEFINE_integer("film_seconds", 20, "Length of the film.", lower_bound=10)
    flag_kit.define("path", "resnet_weights", "random", "Weights; their values change no speed.")
    cli.run(main)
