"""Training a model: what `amh_tf.train` and `python -m amh_tf.train` share."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from amh_tf import config, imports, progress, run_settings
from amh_tf.api import keywords, run, settings
from amh_tf.corpora import planted
from amh_tf.data import manifest
from amh_tf.runs import run_folder
from amh_tf.storage import cache
from amh_tf.training import workers


@dataclasses.dataclass(frozen=True)
class Trained:
    """A run that was trained.

    Attributes:
        run_dir: Its folder.
        run_config: Its `amh_tf.config.RunConfig`.
        fold: The `amh_tf.data.folds.Fold` that it was trained on.
        is_chief: Whether this process wrote the folder; one worker of a team does.
    """

    run_dir: Path
    run_config: config.RunConfig
    fold: Any
    is_chief: bool


def train(
    data_dir: settings.Path | None = None,
    run_dir: settings.Path | None = None,
    *,
    recipe: str | None = None,
    quiet: bool = False,
    **more: Unpack[settings.TrainingSettings],
) -> run.Run:
    """Trains a model, and scores it on the dev and test parts.

    A run that was stopped continues where it stopped; one that is finished is not repeated. The
    first call in a process also sets the number of TensorFlow's threads, if nothing has used it
    before.

    Args:
        data_dir: Data folder that `amh_tf.prepare` wrote. Without it, the planted-cue set
            (synthetic) is written to the cache folder and used.
        run_dir: Folder of the run. Default: runs/DATA/MODEL-MODALITIES-FOLD-SEED.
        recipe: "authors" or "small_corpus": defaults of all that is not set. Default:
            "small_corpus", and without `data_dir` "authors".
        quiet: Whether nothing is printed.
        **more: Any flag of `python -m amh_tf.train --help` by its name, such as `hops=7`,
            `modalities="av"`, `seeds=(1, 2, 3)`, `max_steps=100`.

    Returns:
        The `Run`.

    Raises:
        InputError: If a setting is not known or impossible, the data cannot be read, or the run's
            folder belongs to another run.

    Example:

    >>> import amh_tf
    >>> amh_tf.train(hopps=7)
    Traceback (most recent call last):
        ...
    amh_tf.errors.InputError: `hopps` is not known to amh_tf.train. Expected 'hops', ...
    """
    keywords.check("amh_tf.train", more, settings.TrainingSettings)
    first = {"data_dir": data_dir, "run_dir": run_dir, "recipe": recipe}
    chosen = {name: value for name, value in first.items() if value is not None}
    with progress.silence(quiet):
        return run.Run(fit({**chosen, **more}).run_dir)


def fit(chosen: Mapping[str, Any]) -> Trained:
    """Trains and scores by settings.

    Args:
        chosen: Dict from the name to the value of what is set; names are the keywords of `train`.

    Returns:
        `Trained`.

    Raises:
        InputError: As for `train`.
    """
    chosen = keywords.with_paths_as_text(chosen)
    cache.use(chosen.get("cache_dir"), chosen.get("cache_gigabytes", cache.DEFAULT_GIGABYTES))
    # Every setting is checked before any data is written.
    data = run_settings.data_config(chosen)
    kind = chosen.get("distribution", "none")
    workers.is_chief(kind)  # refuses an unknown kind, or workers without names, at once
    features = manifest.load(data.data_dir).features if data.data_dir else None
    model = run_settings.model_config(chosen, features)
    training, seeds = run_settings.training_config(chosen), tuple(chosen.get("seeds", ()))
    config.RunConfig(data, model, training, data_fingerprint="", seeds=seeds)
    team = None if kind == "none" else _make_team(kind)
    with imports.libraries():
        from amh_tf.data import writer
        from amh_tf.training import runs, startup
    source = None
    if not data.data_dir:
        source, folder = _planted_set(chosen, writer.LAYOUT)
        data = dataclasses.replace(data, data_dir=str(folder))
    run_dir = run_settings.run_dir(chosen, data, model)
    kernel = run_folder.RunFolder(run_dir).begun_kernel()
    if team is None:
        startup.prepare(training.batch_split, model, begun=kernel)
    else:  # which has used TensorFlow, so that its threads are set, even where it is one device
        startup.load_kernel(model, kernel)
    if source is not None:
        writer.write(source, data.data_dir, progress=progress.bar)
    run_config, fold = runs.configure(data, training, model, seeds)
    runs.train_and_evaluate(run_config, fold, run_dir, team, chosen.get("data_service"))
    return Trained(run_dir, run_config, fold, team is None or team.is_chief)


def _make_team(kind):
    """Makes the team, before anything uses TensorFlow: workers cannot be joined after that."""
    with imports.libraries():
        from amh_tf.training import distribution
    return distribution.make_team(kind)


def _planted_set(chosen, layout):
    """Returns the default data set as a `Source`, and its folder, written or not."""
    source = planted.read()
    folder = run_settings.cache_dir(chosen) / f"planted-{source.fingerprint[:8]}-{layout}"
    return source, folder.resolve()
