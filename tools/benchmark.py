"""Measures training and inference beside stock Keras, PyTorch and the machine's own limit:

python tools/benchmark.py --output_dir=DIR

Writes `speed.json`, `speed.md` and `speed.png` to DIR. Measures may be taken one by one: what
DIR holds of the others stays. The machine should do nothing else meanwhile. PyTorch is
measured where it is installed.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
from absl import flags

from amh_tf import errors, files, progress
from amh_tf.commands import flag_kit
from tools.speed import bench as benches
from tools.speed import details, growth, machine, pictures, pythons, report, table

FLAGS = flags.FLAGS

MEASURES = {
    "training": lambda bench: table.measure(bench, "training"),
    "inference": lambda bench: table.measure(bench, "inference"),
    "pipeline": details.pipeline,
    "hops": details.hops,
    "growth": growth.steps,
    "busy": lambda bench: details.busy(bench, FLAGS.busy),
    "scaling": growth.utterances,
    "pythons": lambda bench: pythons.measure(bench, FLAGS.python),
}


def _measures():
    """Lists the measures that the flags ask for."""
    chosen = list(FLAGS.measures)
    extra = {"busy": FLAGS.busy, "scaling": FLAGS.scaling, "pythons": FLAGS.python}
    for name, asked in extra.items():
        if asked and name not in chosen:
            chosen.append(name)
    if "busy" in chosen and not FLAGS.busy:
        raise errors.InputError(
            "It is not said how busy the machine shall be. Expected a number of processes. "
            "Received: --busy=0. Set it with --busy, for example --busy=4."
        )
    if "pythons" in chosen and not FLAGS.python:
        raise errors.InputError(
            "There is nothing to compare with. Expected another interpreter in whose environment "
            "this package is installed. Received: none. Set it with --python."
        )
    return chosen


def main():
    """Runs the benchmark by the flags."""
    output = Path(FLAGS.output_dir)
    stored = output / "speed.json"
    results = files.read_json(stored, "a benchmark's results") if stored.exists() else {}
    chosen = _measures()
    bench = benches.Bench(
        output,
        utterances=FLAGS.utterances or (24 if FLAGS.quick else 1280),
        rounds=1 if FLAGS.quick else FLAGS.rounds,
        candidates=tuple(FLAGS.candidates),
        quick=FLAGS.quick,
        progress=progress.bar,
    )
    results["machine"] = machine.describe()
    described = ", ".join(f"{key} {value}" for key, value in results["machine"].items())
    progress.console.print(f"Machine: {described}.")
    with progress.bar(len(chosen), "benchmark", "measures") as bar:
        for name in chosen:
            bar.note(name)
            bench.notes[:] = ["A quick run: its figures mean nothing."] if FLAGS.quick else []
            results[name] = MEASURES[name](bench)
            results[name]["notes"] = list(bench.notes)
            results["notes"] = sorted(
                f"{note} ({name})"
                for name in MEASURES
                for note in results.get(name, {}).get("notes", ())
            )
            # As files have it: keys are text, whether measured now or before.
            results = json.loads(json.dumps(results))
            files.write_text(stored, json.dumps(results, indent=1) + "\n")
            files.write_text(output / "speed.md", report.markdown(results))
            pictures.draw(results, output / "speed.png")
            bar.advance()
    progress.console.print((output / "speed.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    default = ["training", "inference", "pipeline", "hops", "growth"]
    flag_kit.define("path", "output_dir", None, "Where results and data go.", required=True)
    flags.DEFINE_integer("rounds", 3, "How often everything is measured.", lower_bound=1)
    flags.DEFINE_integer("utterances", None, "Size of the synthetic set; default 1,280.", 1)
    flags.DEFINE_list("measures", default, f"Which of {', '.join(MEASURES)}.")
    flags.DEFINE_list("candidates", list(benches.CANDIDATES), "Candidates of the main table.")
    flags.DEFINE_integer("busy", 0, "Measure beside so many processes that compute.", 0)
    flag_kit.define(
        "path",
        "python",
        None,
        "Another interpreter to measure beside this one, in turn.",
    )
    flags.DEFINE_bool("scaling", False, "Measure 1,000 to 10,000 utterances too; 4 GB of disk.")
    flags.DEFINE_bool("quick", False, "Tiny data and one round: to see that all works.")
    for name, known in (("measures", MEASURES), ("candidates", benches.CANDIDATES)):
        flags.register_validator(
            name,
            lambda values, known=known: set(values) <= set(known),
            f"Expected some of {', '.join(known)}.",
        )
    cli.run(main)
