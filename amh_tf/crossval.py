"""Cross-validates a model:

python -m amh_tf.crossval --flagfile=flags/amh_7.flags --data_dir=DATA --output_dir=DIR

Trains and tests every fold of the data set's protocol, skipping those that are done, and
writes mean and standard deviation of each score, the pooled predictions and their confusion
matrix.
"""

from amh_tf import errors, locations, progress, run_settings
from amh_tf.commands import cli, training_flags
from amh_tf.data import manifest

training_flags.define_data()
training_flags.define_model()
training_flags.define_training()
training_flags.define_crossvalidation()


def main():
    """Cross-validates by the flags."""
    flags = training_flags.FLAGS
    locations.check_local("output_dir", flags.output_dir)
    settings = training_flags.chosen()
    data, training = run_settings.data_config(settings), run_settings.training_config(settings)
    chosen = training_flags.chosen_folds()
    if not data.data_dir:
        raise errors.refusal(
            "`data_dir` is missing",
            "a data folder with folds",
            "none",
            "Make one with `python -m amh_tf.prepare`, and set it with --data_dir.",
        )
    model = run_settings.model_config(settings, manifest.load(data.data_dir).features)
    with cli.libraries():
        from amh_tf.training import crossvalidation, runs
    run_config, fold = runs.configure(data, training, model, settings.get("seeds", ()))
    crossvalidation.run(run_config, fold.manifest, flags.output_dir, chosen, flags.jobs)
    progress.console.print(
        f"Runs, crossval.json, predictions.csv and confusion_matrix.png are in "
        f"{flags.output_dir}.\n\nNext:\n"
        f"  {cli.command('report')} --runs={flags.output_dir} --output_dir=REPORT"
    )


if __name__ == "__main__":
    cli.run(main, on_stop="the same command continues from the last save")
