"""Scores a trained run: python -m amh_tf.evaluate --run_dir=DIR [--split=test]

Writes metrics.json, the predictions and a picture of the confusion matrix into the run's
folder, and prints the scores. With --drop=video, or --drop=all_subsets, it scores the run as if
modalities were absent, and writes metrics_dropped.json and metrics_dropped.md instead.
"""

from amh_tf import progress
from amh_tf.commands import cli, training_flags
from amh_tf.data import manifest
from amh_tf.training import run_folder

training_flags.define_evaluation()


def main():
    """Scores by the flags."""
    flags = training_flags.FLAGS
    folder = run_folder.RunFolder(flags.run_dir)
    run_config = folder.load_config()
    folder.check_trained()
    manifest.load(flags.data_dir or run_config.data.data_dir)
    with cli.libraries():
        from amh_tf.training import absence, runs, startup
    startup.prepare(run_config.training.batch_split, run_config.model, begun=run_config.kernel)
    if flags.drop is not None:
        absence.evaluate(flags.run_dir, flags.split, flags.drop, flags.data_dir, flags.verify)
        progress.console.print(f"Scores and table are in {flags.run_dir}: {absence.SCORES_FILE}.")
        return
    runs.evaluate(flags.run_dir, flags.split, flags.data_dir, flags.verify)
    progress.console.print(f"Scores, predictions and picture are in {flags.run_dir}.")


if __name__ == "__main__":
    cli.run(main)
