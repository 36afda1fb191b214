"""Scores a trained run: python -m amh_tf.evaluate --run_dir=DIR [--split=test]

Writes metrics.json, the predictions and a picture of the confusion matrix into the run's
folder, and prints the scores.
"""

from amh_tf import cli, flag_defs, progress
from amh_tf.training import halves, run_folder, runs

flag_defs.define_evaluation()


def main():
    """Scores by the flags."""
    flags = flag_defs.FLAGS
    run_config = run_folder.RunFolder(flags.run_dir).load_config()
    halves.set_threads(run_config.training.batch_split, run_config.model.kernel)
    runs.evaluate(flags.run_dir, flags.split, flags.data_dir, flags.verify)
    progress.console.print(f"Scores, predictions and picture are in {flags.run_dir}.")


if __name__ == "__main__":
    cli.run(main)
