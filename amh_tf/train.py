"""Trains a model and scores it: python -m amh_tf.train --hops=7

Without --data_dir it writes the planted-cue set (synthetic) to the user's cache and trains
on that. A run that was stopped goes on with the same command.
"""

import dataclasses

from amh_tf import cli, config, flag_defs, progress
from amh_tf.corpora import planted
from amh_tf.data import writer
from amh_tf.training import distribution, run_folder, runs, startup

flag_defs.define_data()
flag_defs.define_model()
flag_defs.define_training()
flag_defs.define_distribution()


def _planted_set():
    """Returns the default data set as a `Source`, and its folder, written or not."""
    source = planted.read()
    folder = flag_defs.cache_dir() / f"planted-{source.fingerprint[:8]}-{writer.LAYOUT}"
    return source, folder.resolve()


def main():
    """Trains by the flags."""
    # First of all: workers cannot be joined once TensorFlow has been used.
    team = distribution.make_team(flag_defs.FLAGS.distribution)
    # Every flag is checked before any data is written.
    data, model = flag_defs.data_config(), flag_defs.model_config()
    training, seeds = flag_defs.training_config(), flag_defs.seeds()
    config.RunConfig(data, model, training, data_fingerprint="", seeds=seeds)
    source = None
    if not data.data_dir:
        source, folder = _planted_set()
        data = dataclasses.replace(data, data_dir=str(folder))
    run_dir = flag_defs.run_dir(data, model)
    begun = run_folder.RunFolder(run_dir).begun_kernel()
    if flag_defs.FLAGS.distribution == "none":
        startup.prepare(training.batch_split, model, begun=begun)
    else:  # which has used TensorFlow, so that its threads are set, even where it is one device
        startup.load_kernel(model, begun)
    if source is not None:
        writer.write(source, data.data_dir, progress=progress.bar)
    run_config, fold = runs.configure(data, training, model, seeds)
    runs.train_and_evaluate(run_config, fold, run_dir, team, flag_defs.FLAGS.data_service)
    if not team.is_chief:
        return
    own_data = (
        "python -m amh_tf.prepare --source=folds --source_dir=FOLD --output_dir=DATA\n"
        "             python -m amh_tf.train --data_dir=DATA"
    )
    progress.console.print(
        f"The run is in {run_dir}: model.keras, metrics.json, predictions.csv, "
        "confusion_matrix.png.\n\nNext:\n"
        f"  curves     tensorboard --logdir={run_dir / 'logs'}\n"
        f"  any split  python -m amh_tf.evaluate --run_dir={run_dir} --split=train"
        + ("" if flag_defs.FLAGS.data_dir else f"\n  your data  {own_data}")
    )


if __name__ == "__main__":
    cli.run(main, on_stop="the same command goes on from the last save")
