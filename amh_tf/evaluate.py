"""Scores a trained run: python -m amh_tf.evaluate --run_dir=DIR [--split=test]

Writes metrics.json, the predictions and a picture of the confusion matrix into the run's
folder, and prints the scores. With --drop=video, or --drop=all_subsets, it scores the run as if
modalities were absent, and writes metrics_dropped.json and metrics_dropped.md instead.
"""

from amh_tf import progress
from amh_tf.commands import cli, training_flags
from amh_tf.training import absence, run_folder, runs, startup

training_flags.define_evaluation()


def main():
    """Scores by the flags."""
    flags = training_flags.FLAGS
    run_config = run_folder.RunFolder(flags.run_dir).load_config()
    startup.prepare(run_config.training.batch_split, run_config.model, begun=run_config.kernel)
    if flags.drop is not None:
        absence.evaluate(flags.run_dir, flags.split, flags.drop, flags.data_dir, flags.verify)
        progress.console.print(f"Scores and table are in {flags.run_dir}: {absence.SCORES_FILE}.")
        return
    runs.evaluate(flags.run_dir, flags.split, flags.data_dir, flags.verify)
    progress.console.print(f"Scores, predictions and picture are in {flags.run_dir}.")


if __name__ == "__main__":
    cli.run(main)
