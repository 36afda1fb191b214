"""Measures how long a stream takes for a piece of sound of 100 ms:

python -m tools.benchmark_stream --seconds=120

Models of the paper's sizes, with random weights, whose values change no time. Pictures' features
and words come with the sound. Prints for each model the time to take a piece in, and to answer
after it, at the median and the 99th percentile; the real-time factor, the processor time of both
for each second of sound; and by how much the process grew.
"""

import resource
import tempfile
import time
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
import tensorflow as tf
from absl import flags

from amh_tf import progress
from amh_tf.prediction import predictor, stream
from tests.prediction import small_runs
from tools import shared

FLAGS = flags.FLAGS
PIECE, RATE = 1600, 16000
PICTURES_PER_SECOND, WORDS_PER_SECOND = 3, 2.5
_SIZES = {
    "audio_units": 200, "text_units": 200, "video_units": 128, "embedding_width": 300,
}  # fmt: skip
_ONE_WAY = {"bidirectional": False}
MODELS = {
    "AMH-7 (A+T+V)": {"num_hops": 7},
    "AMH-7 (A+T+V), 3 seeds": {"num_hops": 7, "seeds": (1, 2, 3)},
    "AMH-2 (A+T)": {"num_hops": 2, "modalities": ("audio", "text")},
    "MDRE (A+T)": {"model": "mdre", "modalities": ("audio", "text")},
    "MHA-2 (A+T), forward": {"model": "mha", "modalities": ("audio", "text"), **_ONE_WAY},
    "RNN-attn (A), forward": {"model": "rnn_attn", "modalities": ("audio",), **_ONE_WAY},
}


def _memory():
    """Returns the most that the process has taken, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _others(number, modalities):
    """Returns what comes beside the piece of a number: a word, and a picture's features."""
    coming = {}
    start, end = number * PIECE / RATE, (number + 1) * PIECE / RATE
    if "text" in modalities and int(end * WORDS_PER_SECOND) > int(start * WORDS_PER_SECOND):
        coming["text"] = small_runs.VOCABULARY[2 + number % 10]
    if "video" in modalities and int(end * PICTURES_PER_SECOND) > int(start * PICTURES_PER_SECOND):
        coming["video"] = np.random.default_rng(number).uniform(0, 1, (1, 2048))
    return coming


def _measure(own, modalities, sound):
    """Returns wall seconds of taking in and of both, and processor seconds of both, by piece."""
    times = []
    for number, piece in enumerate(np.split(sound, range(PIECE, len(sound), PIECE))):
        if own.seconds + PIECE / RATE > own.longest:
            own.reset()
        others = _others(number, modalities)
        processor, begin = time.process_time(), time.perf_counter()
        own.feed(piece, **others)
        middle = time.perf_counter()
        own.answer()
        end = time.perf_counter()
        times.append((middle - begin, end - begin, time.process_time() - processor))
    return np.array(times).T


def main():
    """Runs the benchmark by the flags."""
    for count in ("inter", "intra"):
        getattr(tf.config.threading, f"set_{count}_op_parallelism_threads")(1)
    sound = small_runs.sound(FLAGS.seconds)
    table = []
    for title in FLAGS.models or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            settings = {**_SIZES, **MODELS[title]}
            loaded = predictor.Predictor(small_runs.write(Path(folder) / "run", **settings))
        own = stream.Stream(loaded)
        warm_up = sound[: RATE * 8]
        _measure(own, loaded.settings.modalities, warm_up)
        own.reset()
        before = _memory()
        take, both, processor = 1000 * _measure(own, loaded.settings.modalities, sound)
        percentiles = [*np.percentile(take, (50, 99)), *np.percentile(both, (50, 99))]
        percentiles += [*np.percentile(processor, (50, 99))]
        factor = processor.sum() / 1000 / FLAGS.seconds
        grown = _memory() - before
        table.append(
            [title, *(f"{value:.1f}" for value in percentiles), f"{factor:.3f}", f"{grown:.0f}"]
        )
    header = ["model", "take, ms p50", "p99", "take and answer, ms p50", "p99"]
    header += ["processor time, ms p50", "p99", "real-time factor", "grown, MiB"]
    progress.console.print(shared.markdown(header, table))


if __name__ == "__main__":
    flags.DEFINE_integer("seconds", 120, "Seconds of sound for each model.", lower_bound=10)
    flags.DEFINE_multi_enum("models", None, list(MODELS), "Which models; all by default.")
    cli.run(main)
