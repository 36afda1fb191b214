"""Measures how fast raw recordings become features:

python tools/benchmark_features.py --output_dir=DIR

Makes a film of its own (synthetic), as large as a dialog of IEMOCAP, in a temporary folder.
Speeds are per second of processor time, all threads counted, and so per core. Prints a table
and writes `results.json` and `results.md` to DIR.
"""

import fractions
import json
import tempfile
import time
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
import soundfile
from absl import flags

from amh_tf import files, progress
from amh_tf.commands import flag_kit
from amh_tf.features import audio, decoding, media, video

FLAGS = flags.FLAGS

FRAME_RATE = 30
WIDTH, HEIGHT = 720, 480
UTTERANCE_SECONDS = 4.5  # the mean of IEMOCAP


def _measured(work):
    """Runs some work once untimed and then several times.

    Returns:
        Median seconds of processor time and of wall time.
    """
    work()
    times = []
    for _ in range(FLAGS.repeats):
        processor, wall = time.process_time(), time.perf_counter()
        work()
        times.append((time.process_time() - processor, time.perf_counter() - wall))
    return np.median(times, axis=0)


def _write_sound(folder, rate, ending):
    path = folder / f"{rate}{ending}"
    samples = 0.1 * np.random.default_rng(0).standard_normal(round(rate * UTTERANCE_SECONDS))
    soundfile.write(path, samples, rate, "PCM_16")
    return path


def _write_film(folder, codec, ending):
    """Writes a picture of coloured squares that moves."""
    av = media.library("av")
    path = folder / f"{codec}{ending}"
    coarse = np.random.default_rng(0).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    picture = coarse.repeat(8, axis=0).repeat(8, axis=1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FRAME_RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 1_000_000
        for number in range(FLAGS.film_seconds * FRAME_RATE):
            moved = np.roll(picture, (number, 2 * number), axis=(0, 1))
            frame = av.VideoFrame.from_ndarray(moved, format="rgb24")
            frame.pts, frame.time_base = number, fractions.Fraction(1, FRAME_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _sound_rows(folder):
    for rate, ending in ((16000, ".wav"), (44100, ".wav"), (16000, ".flac")):
        path = _write_sound(folder, rate, ending)

        def work(path=path):
            for _ in range(20):
                audio.mfcc_with_deltas(decoding.load_audio(path)).numpy()

        yield f"sound: {rate} Hz {ending[1:]} to MFCC", "x real time", 20 * UTTERANCE_SECONDS, work


def _film_rows(folder):
    count = FLAGS.film_seconds * FRAME_RATE
    starts = np.arange(0, FLAGS.film_seconds - UTTERANCE_SECONDS, UTTERANCE_SECONDS / 2)
    spans = [
        (start, start + UTTERANCE_SECONDS, side)
        for start, side in zip(starts.round(3).tolist(), ["left", "right"] * len(starts))
    ]
    for codec, ending in (("mpeg4", ".avi"), ("libx264", ".mp4")):
        path = _write_film(folder, codec, ending)

        def work(path=path):
            for _, found in video.frames_of(path, spans):
                if isinstance(found, Exception):
                    raise found

        name = f"film: {codec} {WIDTH}x{HEIGHT}, {len(spans)} overlapping utterances"
        yield name, "frames/s decoded", count, work


def _network_rows():
    frames = np.random.default_rng(0).integers(0, 256, (32, 256, 341, 3), np.uint8)
    for dtype in ("float32", "bfloat16"):
        net = video.FeatureNet(FLAGS.resnet_weights, dtype=dtype)
        yield f"ResNet-101, {dtype}", "frames/s", len(frames), lambda net=net: net(frames)


def _table(results):
    lines = ["| work | unit | per core | wall, all cores |", "|---|---|---|---|"]
    for row in results:
        lines.append(
            f"| {row['work']} | {row['unit']} | {row['per_core']:,.1f} | {row['wall']:,.1f} |"
        )
    return "\n".join(lines) + "\n"


def main():
    """Runs the benchmark by the flags."""
    output = Path(FLAGS.output_dir)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        rows = (*_sound_rows(Path(folder)), *_film_rows(Path(folder)), *_network_rows())
        with progress.bar(len(rows), "benchmark", "rows") as bar:
            for name, unit, amount, work in rows:
                processor, wall = _measured(work)
                results.append(
                    {
                        "work": name,
                        "unit": unit,
                        "per_core": amount / processor,
                        "wall": amount / wall,
                    }
                )
                bar.advance()
    files.write_text(output / "results.json", json.dumps(results, indent=1) + "\n")
    files.write_text(output / "results.md", _table(results))
    progress.console.print(_table(results))


if __name__ == "__main__":
    flag_kit.define("path", "output_dir", None, "Where the table goes.", required=True)
    flags.DEFINE_integer("repeats", 5, "Timed runs; the median counts.", lower_bound=1)
    flags.DEFINE_integer("film_seconds", 20, "Length of the film.", lower_bound=10)
    flag_kit.define("path", "resnet_weights", "random", "Weights; their values change no speed.")
    cli.run(main)
