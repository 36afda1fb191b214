"""Measures training and inference beside stock Keras, PyTorch, JAX and the machine's own limit:

python -m tools.benchmark --output_dir=DIR

Writes `speed.json`, `speed.md` and `speed.png` to DIR. Measures may be taken one by one: what
DIR has of the others stays. The machine should do nothing else meanwhile. PyTorch and JAX are
measured where the interpreter --peers_python has them. --measures=gpu compares the paths on a GPU.
"""

import json
import os
import sys
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
from absl import flags

from amh_tf import errors, files, progress
from amh_tf.commands import flag_kit
from tools.speed import bench as benches
from tools.speed import report
from tools.speed.measures import MEASURES

FLAGS = flags.FLAGS
FORMAT = 2  # of speed.json


def _stored(path):
    """Returns the results that a folder has already."""
    results = {"format": FORMAT}
    if path.exists():
        results = files.read_json(path, "a benchmark's results")
    if results.get("format") != FORMAT:
        raise errors.refusal(
            f"{str(path)!r} is of another version",
            f"format {FORMAT}",
            f"{results.get('format')}",
            "Set another folder with --output_dir.",
        )
    return results


def main():
    """Runs the benchmark by the flags."""
    # Engines live side by side, and each would take all of a GPU's memory.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    output = Path(FLAGS.output_dir)
    results = _stored(output / "speed.json") | {"machine": benches.machine(FLAGS.peers_python)}
    optional = {"busy": FLAGS.busy, "scaling": FLAGS.scaling, "pythons": FLAGS.python}
    chosen = dict.fromkeys([*FLAGS.measures, *(name for name in optional if optional[name])])
    bench = benches.Bench(
        output,
        utterances=FLAGS.utterances or (24 if FLAGS.quick else 1280),
        rounds=1 if FLAGS.quick else FLAGS.rounds,
        candidates=tuple(FLAGS.candidates),
        quick=FLAGS.quick,
        busy=FLAGS.busy,
        python=FLAGS.python,
        peers_python=FLAGS.peers_python,
        progress=progress.bar,
    )
    with progress.bar(len(chosen), "benchmark", "measures") as bar:
        for name in chosen:
            bar.note(name)
            bench.notes[:] = ["A quick run: its figures mean nothing."] if FLAGS.quick else []
            results[name] = {**MEASURES[name](bench), "notes": list(bench.notes)}
            files.write_text(output / "speed.json", json.dumps(results, indent=1) + "\n")
            files.write_text(output / "speed.md", report.page(results))
            if "training" in results:
                report.draw(results, output / "speed.png")
            bar.advance()
    progress.console.print((output / "speed.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    default = ["training", "inference", "pipeline", "hops"]
    python = "Another interpreter to measure beside this one, in turn."
    flag_kit.define("path", "output_dir", None, "Where results and data go.", required=True)
    peers = "Interpreter with PyTorch and JAX; default: this one."
    flags.DEFINE_integer("rounds", 3, "How often everything is measured.", lower_bound=1)
    flags.DEFINE_integer("utterances", None, "Size of the synthetic set; default 1,280.", 1)
    flags.DEFINE_list("measures", default, f"Which of {', '.join(MEASURES)}.")
    flags.DEFINE_list("candidates", list(benches.CANDIDATES), "Candidates of the main table.")
    flags.DEFINE_integer("busy", 0, "Measure beside so many processes that compute.", 0)
    flag_kit.define("path", "python", None, python)
    flag_kit.define("path", "peers_python", sys.executable, peers)
    flags.DEFINE_bool("scaling", False, "Measure 1,000 to 10,000 utterances too; 4 GB of disk.")
    flags.DEFINE_bool("quick", False, "Tiny data and one round: to see that all works.")
    for name, choices in (("measures", MEASURES), ("candidates", benches.CANDIDATES)):
        flags.register_validator(
            name,
            lambda values, choices=choices: set(values) <= set(choices),
            f"Expected some of {', '.join(choices)}.",
        )
    cli.run(main)
