"""Trains a model and scores it: python -m amh_tf.train --hops=7

Without --data_dir it writes the planted-cue set (synthetic) to the user's cache and trains
on that. A run that was stopped continues with the same command.
"""

from amh_tf import feature_kinds, progress
from amh_tf.api import entry, training
from amh_tf.commands import cli, training_flags


def define():
    """Defines the command's flags."""
    training_flags.define_data()
    training_flags.define_model()
    training_flags.define_training()
    training_flags.define_distribution()


def main():
    """Trains by the flags."""
    trained = training.fit(training_flags.chosen())
    if not trained.is_chief:
        return
    run_dir = trained.run_dir
    progress.console.print(
        f"The run is in {run_dir}: model.keras, metrics.json, predictions.csv, "
        "confusion_matrix.png.\n\nNext:"
    )
    for title, command in _next_commands(run_dir, trained.run_config, trained.fold):
        progress.console.print(f"  {title:<11}{command}")


def _next_commands(run_dir, run_config, fold):
    """Yields what can be done with a run, and the command that does it."""
    yield "curves", f"tensorboard --logdir={run_dir / 'logs'}"
    yield "any split", f"{cli.command('evaluate')} --run_dir={run_dir} --split=train"
    modalities = [
        modality
        for modality in run_config.model.modalities
        if feature_kinds.can_make(fold.manifest.features, modality)
    ]
    if modalities:
        clip = (
            "--video=clip.mp4"
            if "video" in modalities
            else "--audio=clip.wav" * ("audio" in modalities)
        )
        words = "--text='what is said'" * ("text" in modalities)
        yield (
            "a clip",
            " ".join(filter(None, [f"{cli.command('predict')} --run_dir={run_dir}", clip, words])),
        )
    yield "serve it", f"{cli.command('export')} --run_dir={run_dir} --output_dir=exported"
    folds = fold.manifest.protocols[fold.protocol]["folds"]
    if len(folds) > 1:
        yield "all folds", f"{cli.command('crossval')} --output_dir=DIR, and the flags of this run"
    if not training_flags.FLAGS.data_dir:
        yield (
            "your data",
            f"{cli.command('prepare')} --source=folds --source_dir=FOLD --output_dir=DATA",
        )
        yield "", f"{cli.command('train')} --data_dir=DATA"


if __name__ == "__main__":
    define()
    cli.run(main, on_stop="the same command continues from the last save")
else:
    entry.make_callable(__name__, training.train)
