"""Trains AMH at several hops and seeds on one data set and tabulates the test scores:

python -m tools.benchmark_planted --data_dir=DATA --output_dir=DIR

DATA is a planted-cue set (synthetic) of 3,000 / 400 / 400 utterances. Runs that are finished are
not repeated, so that the command can be stopped and given again. Writes `results.md` to DIR.
"""

from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
from absl import flags

from amh_tf import files, progress
from amh_tf.commands import flag_kit
from tools import shared

FLAGS = flags.FLAGS
# Test scores of the authors' code on a set of the same make, over three runs: WA and UA.
AUTHORS = {
    "1": (".579 ± .018", ".467"),
    "2": (".764 ± .005", ".678"),
    "3": (".786 ± .008", ".696"),
    "7": (".796 ± .018", ".700"),
}


def _train(hops, seed):
    """Trains one run in its own process and returns its test report."""
    run_dir = Path(FLAGS.output_dir) / f"hops_{hops}-seed_{seed}"
    train = ["-m", "amh_tf.train", f"--hops={hops}", f"--seed={seed}", f"--recipe={FLAGS.recipe}"]
    folders = [f"--data_dir={FLAGS.data_dir}", f"--run_dir={run_dir}"]
    shared.run(*train, *folders, *FLAGS.extra, log=run_dir.with_suffix(".log"))
    return files.read_json(run_dir / "metrics.json", "the scores of a run")["test"]


def main():
    """Runs the benchmark by the flags."""
    output = Path(FLAGS.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    header, rows = ["hops", "WA", "UA", "authors' WA", "authors' UA"], []
    with progress.bar(len(FLAGS.hops) * len(FLAGS.seeds), "benchmark", "runs") as bar:
        for hops in FLAGS.hops:
            reports = []
            for seed in FLAGS.seeds:
                reports.append(_train(hops, seed))
                bar.advance()
            scores = [
                shared.spread([report[name]["value"] for report in reports])
                for name in ("weighted_accuracy", "unweighted_accuracy")
            ]
            rows.append([hops, *scores, *AUTHORS.get(hops, ("", ""))])
            files.write_text(output / "results.md", shared.markdown(header, rows))
    progress.console.print(shared.markdown(header, rows) + "best attainable: WA .90, UA .88")


if __name__ == "__main__":
    flag_kit.define("path", "data_dir", None, "Data folder to train on.", required=True)
    flag_kit.define("path", "output_dir", None, "Where runs and tables go.", required=True)
    flags.DEFINE_list("hops", ["1", "2", "3", "7"], "Numbers of hops to compare.")
    flags.DEFINE_list("seeds", ["1", "2", "3"], "Seeds of each.")
    flags.DEFINE_string("recipe", "authors", "Recipe of all runs.")
    flags.DEFINE_list("extra", [], "Further flags for amh_tf.train.")
    cli.run(main)
