"""Measures what each ingredient of the recipe for small corpora costs in training time:

python -m tools.benchmark_recipe --output_dir=DIR

Trains on random numbers as long as RAVDESS' recordings, with the whole recipe and without one
ingredient at a time, one step of each in turn, and compares the seconds of neighbouring steps.
Writes `recipe_cost.md` to DIR.
"""

import time
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
import tensorflow as tf
from absl import flags

from amh_tf import config, files, models, progress, recipes
from amh_tf.commands import flag_kit
from amh_tf.layers.kernels import compiled
from amh_tf.training import losses, step
from tools import shared

FLAGS = flags.FLAGS
STEPS, DEVIATION = 240, 60  # of 10 ms: a recording of RAVDESS without its silence
RECIPE = recipes.settings("small_corpus")
MODELS = {
    "RNN-attn (A)": {"model": "rnn_attn", "modalities": ("audio",)},
    "AMH-3 (A+V)": {"num_hops": 3, "modalities": ("audio", "video")},
}
# By name: settings of the model that are off.
WITHOUT = {
    "standardization": {"standardize": "none"},
    "speed": {"audio_speed": 0.0},
    "time masks": {"audio_time_mask": 0.0},
    "noise": {"audio_noise": 0.0, "video_noise": 0.0},
    "label smoothing": {"label_smoothing": 0.0},
    "logit adjustment": {"class_offsets": None},
}
OFFSETS = losses.class_offsets(np.array([96, *[192] * 7]), 0.4)
LOSS = {"label_smoothing": RECIPE["label_smoothing"], "class_offsets": OFFSETS}
WITHOUT["all of these"] = {key: value for off in WITHOUT.values() for key, value in off.items()}


def _batch(model):
    """Draws a batch of random numbers: inputs and labels."""
    rng, rows = np.random.default_rng(0), RECIPE["batch_size"]
    lengths = np.clip(rng.normal(STEPS, DEVIATION, rows), 90, 400).astype(np.int32)
    shape = (rows, int(lengths.max()), model.audio_width)
    inputs = {"audio": rng.standard_normal(shape, np.float32), "audio_length": lengths}
    if "video" in model.modalities:
        inputs["video"] = rng.standard_normal((rows, 1, model.video_width), np.float32)
        inputs["video_length"] = np.ones(rows, np.int32)
    labels = rng.integers(0, model.num_classes, rows).astype(np.int32)
    return {name: tf.constant(value) for name, value in inputs.items()}, tf.constant(labels)


def _step(described, off):
    """Builds a model by the recipe but for what is off; returns a function that times a step."""
    fields = config.ModelConfig.__dataclass_fields__
    settings = {**RECIPE, "audio_stride": 4, **described, **off}
    settings = {name: value for name, value in settings.items() if name in fields}
    model = config.ModelConfig(vocabulary_size=2, num_classes=8, video_width=35, **settings)
    loss = losses.Loss(**{name: off.get(name, value) for name, value in LOSS.items()})
    strategy, optimizer = tf.distribute.get_strategy(), step.make_optimizer(1e-3)
    train_step = step.make_train_step(models.build(model), optimizer, strategy, 1.0, loss)
    batch = _batch(model)

    def seconds():
        start = time.perf_counter()
        train_step(*batch).numpy()
        return time.perf_counter() - start

    seconds()
    return seconds


def main():
    """Measures by the flags."""
    compiled.load()
    columns = {}
    with progress.bar(len(MODELS) * FLAGS.rounds, "measuring", "rounds") as bar:
        for title, described in MODELS.items():
            steps = {name: _step(described, off) for name, off in {"": {}, **WITHOUT}.items()}
            times = {name: [] for name in steps}
            for number in range(FLAGS.rounds):
                for name in list(steps)[:: 1 if number % 2 else -1]:
                    times[name].append(steps[name]())
                bar.advance()
            columns[title] = {name: np.array(values) for name, values in times.items()}
    rows = []
    for name in WITHOUT:
        costs = [
            shared.median_interval(100 * (times[""] / times[name] - 1))
            for times in columns.values()
        ]
        rows.append([name, *("{:+.1f} [{:+.1f}, {:+.1f}]".format(*cost) for cost in costs)])
    whole = (f"{1000 * np.median(times['']):.1f} ms" for times in columns.values())
    rows.append(["a step of the whole recipe", *whole])
    table = shared.markdown(["ingredient", *(f"{title}, %" for title in columns)], rows)
    files.write_text(Path(FLAGS.output_dir) / "recipe_cost.md", table)
    progress.console.print(table)


if __name__ == "__main__":
    flag_kit.define("path", "output_dir", None, "Where the tables go.", required=True)
    flags.DEFINE_integer("rounds", 60, "Steps of each.", lower_bound=3)
    cli.run(main)
