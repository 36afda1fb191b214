"""Scores a trained run: python -m amh_tf.evaluate --run_dir=DIR [--split=test]

Writes metrics.json, the predictions and a picture of the confusion matrix into the run's
folder, and prints the scores. With --drop=video, or --drop=all_subsets, it scores the run as if
modalities were absent, and writes metrics_dropped.json and metrics_dropped.md instead.
"""

from amh_tf import api, progress
from amh_tf.commands import cli, training_flags

training_flags.define_evaluation()


def main():
    """Scores by the flags."""
    flags = training_flags.FLAGS
    run = api.Run(flags.run_dir)
    run.evaluate(flags.split, drop=flags.drop, data_dir=flags.data_dir, verify=flags.verify)
    if flags.drop is not None:
        from amh_tf.training import absence

        progress.console.print(f"Scores and table are in {flags.run_dir}: {absence.SCORES_FILE}.")
        return
    progress.console.print(f"Scores, predictions and picture are in {flags.run_dir}.")


if __name__ == "__main__":
    cli.run(main)
