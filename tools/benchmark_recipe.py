"""Measures what each ingredient of the recipe for small corpora costs in training time:

python tools/benchmark_recipe.py --output_dir=DIR

Trains on random numbers as long as RAVDESS' recordings, with the whole recipe and without one
ingredient at a time, one step of each in turn, and compares the seconds of neighbouring steps.
Writes `recipe_cost.md` and `recipe_cost.json` to DIR.
"""

import json
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

FLAGS = flags.FLAGS
STEPS, DEVIATION = 240, 60  # of 10 ms: a recording of RAVDESS without its silence
# By name: settings of the model that are off, and of the loss.
WITHOUT = {
    "standardization": ({"standardize": "none"}, {}),
    "speed": ({"audio_speed": 0.0}, {}),
    "time masks": ({"audio_time_mask": 0.0}, {}),
    "noise": ({"audio_noise": 0.0, "video_noise": 0.0}, {}),
    "label smoothing": ({}, {"label_smoothing": 0.0}),
    "logit adjustment": ({}, {"class_offsets": None}),
    "all of these": (
        {"standardize": "none", "audio_speed": 0.0, "audio_time_mask": 0.0, "audio_noise": 0.0}
        | {"video_noise": 0.0},
        {"label_smoothing": 0.0, "class_offsets": None},
    ),
}


def _batch(model_config):
    """Makes a batch of random numbers: inputs and labels."""
    rng = np.random.default_rng(0)
    rows = recipes.settings("small_corpus")["batch_size"]
    lengths = np.clip(rng.normal(STEPS, DEVIATION, rows), 90, 400).astype(np.int32)
    shape = (rows, int(lengths.max()), model_config.audio_width)
    inputs = {"audio": rng.standard_normal(shape, np.float32), "audio_length": lengths}
    if "video" in model_config.modalities:
        inputs["video"] = rng.standard_normal((rows, 1, model_config.video_width), np.float32)
        inputs["video_length"] = np.ones(rows, np.int32)
    labels = rng.integers(0, model_config.num_classes, rows).astype(np.int32)
    return {name: tf.constant(value) for name, value in inputs.items()}, tf.constant(labels)


def _train_step(described, without, loss_without):
    """Builds a model with the recipe but for what is left out; returns its training step."""
    settings = recipes.settings("small_corpus")
    fields = config.ModelConfig.__dataclass_fields__
    chosen = {name: value for name, value in settings.items() if name in fields}
    chosen = {**chosen, "audio_stride": 4, **described, **without}
    model_config = config.ModelConfig(vocabulary_size=2, num_classes=8, video_width=35, **chosen)
    model = models.build(model_config)
    counts = np.array([96, *[192] * 7])
    loss = {
        "label_smoothing": settings["label_smoothing"],
        "class_offsets": losses.class_offsets(counts, 0.4),
        **loss_without,
    }
    strategy = tf.distribute.get_strategy()
    optimizer = step.make_optimizer(1e-3)
    made = step.make_train_step(model, optimizer, strategy, 1.0, losses.Loss(**loss))
    return made, _batch(model_config)


def _seconds(train_step, batch):
    start = time.perf_counter()
    train_step(*batch).numpy()
    return time.perf_counter() - start


def _measure(described, advance):
    """Returns the seconds of every step, `(rounds,)`, by what is left out; "" for nothing."""
    steps = {"": _train_step(described, {}, {})}
    steps |= {name: _train_step(described, *without) for name, without in WITHOUT.items()}
    for made in steps.values():
        _seconds(*made)
    times = {name: [] for name in steps}
    for number in range(FLAGS.rounds):
        for name in list(steps)[:: 1 if number % 2 else -1]:
            times[name].append(_seconds(*steps[name]))
        advance()
    return {name: np.array(values) for name, values in times.items()}


def _cost(times, name):
    """Returns what an ingredient adds to the time without it, in percent, with its interval."""
    ratios = times[""] / times[name] - 1
    rng = np.random.default_rng(0)
    drawn = np.median(rng.choice(ratios, (2000, len(ratios))), axis=1)
    return [100 * float(v) for v in (np.median(ratios), *np.quantile(drawn, [0.025, 0.975]))]


def main():
    """Measures by the flags."""
    compiled.load()
    rows = {
        "RNN-attn (A)": {"model": "rnn_attn", "modalities": ("audio",)},
        "AMH-3 (A+V)": {"num_hops": 3, "modalities": ("audio", "video")},
    }
    found = {}
    with progress.bar(len(rows) * FLAGS.rounds, "measuring", "rounds") as bar:
        for title, described in rows.items():
            times = _measure(described, bar.advance)
            costs = {name: _cost(times, name) for name in WITHOUT}
            found[title] = {"ms": 1000 * float(np.median(times[""])), "percent": costs}
    lines = ["| ingredient | " + " | ".join(f"{title}, %" for title in found) + " |"]
    lines.append("|---" * (1 + len(found)) + "|")
    for name in WITHOUT:
        cells = [
            "{:+.1f} [{:+.1f}, {:+.1f}]".format(*one["percent"][name]) for one in found.values()
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    step_times = [f"{one['ms']:.1f} ms" for one in found.values()]
    lines.append("| a step of the whole recipe | " + " | ".join(step_times) + " |")
    output = Path(FLAGS.output_dir)
    files.write_text(output / "recipe_cost.json", json.dumps(found, indent=1) + "\n")
    files.write_text(output / "recipe_cost.md", "\n".join(lines) + "\n")
    progress.console.print("\n".join(lines))


if __name__ == "__main__":
    flag_kit.define("path", "output_dir", None, "Where the tables go.", required=True)
    flags.DEFINE_integer("rounds", 60, "Steps of each.", lower_bound=3)
    cli.run(main)
