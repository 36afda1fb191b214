"""Trains a model and scores it: python -m amh_tf.train --hops=7

Without --data_dir it writes the planted-cue set (synthetic) to the user's cache and trains
on that. A run that was stopped goes on with the same command.
"""

import dataclasses

from amh_tf import config, feature_kinds, progress
from amh_tf.commands import cli, training_flags
from amh_tf.corpora import planted
from amh_tf.data import manifest
from amh_tf.training import run_folder

training_flags.define_data()
training_flags.define_model()
training_flags.define_training()
training_flags.define_distribution()


def _planted_set(layout):
    """Returns the default data set as a `Source`, and its folder, written or not."""
    source = planted.read()
    folder = training_flags.cache_dir() / f"planted-{source.fingerprint[:8]}-{layout}"
    return source, folder.resolve()


def _make_team(name):
    """Makes the team before all else: workers cannot be joined once TensorFlow has been used."""
    with cli.libraries():
        from amh_tf.training import distribution
    return distribution.make_team(name)


def main():
    """Trains by the flags."""
    flags = training_flags.FLAGS
    # Every flag is checked before any data is written.
    data = training_flags.data_config()
    team = None if flags.distribution == "none" else _make_team(flags.distribution)
    features = manifest.load(data.data_dir).features if data.data_dir else None
    model = training_flags.model_config(features)
    training, seeds = training_flags.training_config(), training_flags.seeds()
    config.RunConfig(data, model, training, data_fingerprint="", seeds=seeds)
    with cli.libraries():
        from amh_tf.data import writer
        from amh_tf.training import runs, startup
    source = None
    if not data.data_dir:
        source, folder = _planted_set(writer.LAYOUT)
        data = dataclasses.replace(data, data_dir=str(folder))
    run_dir = training_flags.run_dir(data, model)
    begun = run_folder.RunFolder(run_dir).begun_kernel()
    if team is None:
        startup.prepare(training.batch_split, model, begun=begun)
    else:  # which has used TensorFlow, so that its threads are set, even where it is one device
        startup.load_kernel(model, begun)
    if source is not None:
        writer.write(source, data.data_dir, progress=progress.bar)
    run_config, fold = runs.configure(data, training, model, seeds)
    runs.train_and_evaluate(run_config, fold, run_dir, team, flags.data_service)
    if team is not None and not team.is_chief:
        return
    progress.console.print(
        f"The run is in {run_dir}: model.keras, metrics.json, predictions.csv, "
        "confusion_matrix.png.\n\nNext:"
    )
    for what, command in _next_commands(run_dir, run_config, fold):
        progress.console.print(f"  {what:<11}{command}")


def _next_commands(run_dir, run_config, fold):
    """Yields what can be done with a run, and the command that does it."""
    yield "curves", f"tensorboard --logdir={run_dir / 'logs'}"
    yield "any split", f"{cli.command('evaluate')} --run_dir={run_dir} --split=train"
    made = [
        modality
        for modality in run_config.model.modalities
        if feature_kinds.can_make(fold.manifest.features, modality)
    ]
    if made:
        clip = "--video=clip.mp4" if "video" in made else "--audio=clip.wav" * ("audio" in made)
        words = "--text='what is said'" * ("text" in made)
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
    cli.run(main, on_stop="the same command goes on from the last save")
