"""Trains AMH at several hops and seeds on one data set and tabulates the test scores:

python tools/benchmark_planted.py --data_dir=DATA --output_dir=DIR

DATA is a planted-cue set (synthetic) of 3,000 / 400 / 400 utterances. Runs that are finished
are not repeated, so that the command can be stopped and given again. Writes `results.json`
and `results.md` to DIR.
"""

import json
import subprocess
import sys
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
from absl import flags

from amh_tf import errors, files, progress
from amh_tf.commands import flag_kit

FLAGS = flags.FLAGS

# Test scores of the authors' code on a set of the same make, over three runs: mean WA, its
# standard deviation, mean UA.
AUTHORS = {
    1: (0.579, 0.018, 0.467),
    2: (0.764, 0.005, 0.678),
    3: (0.786, 0.008, 0.696),
    7: (0.796, 0.018, 0.700),
}
ATTAINABLE = "best attainable: WA .90, UA .88"


def _train(hops, seed):
    """Trains one run in a process of its own and returns its test report."""
    run_dir = Path(FLAGS.output_dir) / f"hops_{hops}-seed_{seed}"
    command = [sys.executable, "-m", "amh_tf.train", f"--hops={hops}", f"--seed={seed}"]
    command.append(f"--recipe={FLAGS.recipe}")
    command += [f"--data_dir={FLAGS.data_dir}", f"--run_dir={run_dir}", *FLAGS.extra]
    with open(run_dir.with_suffix(".log"), "w", encoding="utf-8") as log:
        status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    if status.returncode:
        raise errors.InputError(
            f"A run has failed. Expected exit code 0. Received: {status.returncode}. "
            f"See {run_dir.with_suffix('.log')}."
        )
    return json.loads((run_dir / "metrics.json").read_text(encoding="utf-8"))["test"]


def _table(results):
    lines = [
        "| hops | WA | UA | authors' WA | authors' UA |",
        "|---|---|---|---|---|",
    ]
    for hops, scores in results.items():
        cells = [
            f"{np.mean(values):.3f} ± {np.std(values, ddof=1) if len(values) > 1 else 0:.3f}"
            for values in (scores["weighted_accuracy"], scores["unweighted_accuracy"])
        ]
        accuracy, spread, recall = AUTHORS.get(hops, (None,) * 3)
        cells += (
            ["", ""] if accuracy is None else [f"{accuracy:.3f} ± {spread:.3f}", f"{recall:.3f}"]
        )
        lines.append(f"| {hops} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    """Runs the benchmark by the flags."""
    output = Path(FLAGS.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    hops, seeds = ([int(value) for value in values] for values in (FLAGS.hops, FLAGS.seeds))
    results = {}
    with progress.bar(len(hops) * len(seeds), "benchmark", "runs") as bar:
        for count in hops:
            reports = []
            for seed in seeds:
                reports.append(_train(count, seed))
                bar.advance()
            results[count] = {
                name: [report[name]["value"] for report in reports]
                for name in ("weighted_accuracy", "unweighted_accuracy")
            }
            files.write_text(output / "results.json", json.dumps(results, indent=1) + "\n")
            files.write_text(output / "results.md", _table(results))
    progress.console.print(_table(results) + ATTAINABLE)


if __name__ == "__main__":
    flag_kit.define("path", "data_dir", None, "Data folder to train on.", required=True)
    flag_kit.define("path", "output_dir", None, "Where runs and tables go.", required=True)
    flags.DEFINE_list("hops", ["1", "2", "3", "7"], "Numbers of hops to compare.")
    flags.DEFINE_list("seeds", ["1", "2", "3"], "Seeds of each.")
    flags.DEFINE_string("recipe", "authors", "Recipe of all runs.")
    flags.DEFINE_list("extra", [], "Further flags for amh_tf.train.")
    cli.run(main)
