"""Cross-validates rows of the paper's tables and reports them, in one command:

python -m tools.run_tables --data_dir=DATA --output_dir=DIR --rows=amh_1,amh_2,amh_3
python -m tools.run_tables --data_dir=DATA --output_dir=DIR --table=2

Each row is a file in flags/. Folds that are done are not repeated, so that the command can
be stopped and given again. What follows `--extra=` goes to every cross-validation.
"""

from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
from absl import flags

from amh_tf import errors, progress
from amh_tf.commands import flag_kit
from tools import shared

FLAGS = flags.FLAGS
FLAG_FILES = shared.ROOT / "flags"
TABLES = {
    "1": [
        *(f"rnn_attn_{letters}" for letters in ("a", "t", "v")),
        *(f"mdre_{letters}" for letters in ("at", "tv", "av", "atv")),
        *(f"mha_{letters}" for letters in ("at", "tv", "av")),
        "amh_7",
    ],
    "2": [f"amh_{hops}" for hops in range(1, 10)],
}


def main():
    """Runs the rows by the flags."""
    output, rows = Path(FLAGS.output_dir), FLAGS.rows or TABLES[FLAGS.table]
    unknown = [row for row in rows if not (FLAG_FILES / f"{row}.flags").is_file()]
    if unknown:
        choices = ", ".join(sorted(path.stem for path in FLAG_FILES.glob("*.flags")))
        raise errors.refusal(
            "There is no such row",
            f"some of {choices}",
            f"{', '.join(unknown)}",
            "Set them with --rows.",
        )
    for number, row in enumerate(rows):
        progress.console.print(f"\n{row}: row {number + 1} of {len(rows)}")
        command = ["-m", "amh_tf.crossval", f"--flagfile={FLAG_FILES / row}.flags"]
        command += [f"--data_dir={FLAGS.data_dir}", f"--output_dir={output / row}"]
        shared.run(*command, f"--jobs={FLAGS.jobs}", *FLAGS.extra)
    shared.run("-m", "amh_tf.report", f"--runs={output}", f"--output_dir={output / 'report'}")


if __name__ == "__main__":
    flag_kit.define("path", "data_dir", None, "Data folder with folds (required).", required=True)
    flag_kit.define("path", "output_dir", None, "Where everything goes (required).", required=True)
    flags.DEFINE_list("rows", None, "Rows to run: names of files in flags/; a whole table.")
    flags.DEFINE_enum("table", "1", list(TABLES), "Which table, where no rows are named.")
    flags.DEFINE_integer("jobs", 1, "Folds to train side by side.", lower_bound=1)
    flags.DEFINE_list("extra", [], "Further flags for amh_tf.crossval.")
    cli.run(main, on_stop="the same command continues from the last save")
