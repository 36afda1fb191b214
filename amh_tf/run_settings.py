"""From settings by their names, which are those of the flags, to a run's configurations.

Whatever is not set has its recipe's value, or else the configuration's own default.
"""

import dataclasses
from pathlib import Path

from amh_tf import config, errors, feature_kinds, files, locations, recipes, schema


def _chosen(kind, settings):
    """Returns what a configuration takes of the settings, and of their recipe."""
    default = recipes.DEFAULT if settings.get("data_dir") else recipes.PLANTED
    model = settings.get("model", config.ModelConfig.model)
    merged = {**recipes.settings(settings.get("recipe") or default, model), **settings}
    return {
        field.name: merged[field.name] for field in dataclasses.fields(kind) if field.name in merged
    }


def data_config(settings):
    """Makes the `DataConfig` of settings; `data_dir` is empty where none is set.

    Args:
        settings: Dict from name to value of what is set.

    Raises:
        InputError: If a setting is impossible.
    """
    if settings.get("data_dir") == "":
        raise errors.refusal(
            "`data_dir` is empty",
            "a data folder, or no --data_dir",
            "data_dir=''",
            "Set it with --data_dir.",
        )
    folder = locations.resolve(settings["data_dir"]) if settings.get("data_dir") else ""
    return config.DataConfig(**{**_chosen(config.DataConfig, settings), "data_dir": folder})


def model_config(settings, features=None):
    """Makes the `ModelConfig` of settings; the data set's widths and sizes come later.

    Args:
        settings: Dict from name to value of what is set.
        features: What the data set says of its features, as in `amh_tf.feature_kinds`, or None.

    Raises:
        InputError: If a setting is impossible.
    """
    modalities = feature_kinds.present(features)
    if settings.get("modalities") is not None:
        modalities = schema.modalities_from_letters(settings["modalities"])
    own = {"vocabulary_size": 2, "modalities": modalities, "num_hops": settings.get("hops")}
    return config.ModelConfig(**{**_chosen(config.ModelConfig, settings), **own})


def training_config(settings):
    """Makes the `TrainingConfig` of settings.

    Args:
        settings: Dict from name to value of what is set.

    Raises:
        InputError: If a setting is impossible.
    """
    return config.TrainingConfig(**_chosen(config.TrainingConfig, settings))


def run_dir(settings, data, model):
    """Returns the run's folder: the one that is set, or a name made of data, model, fold and seed.

    Args:
        settings: Dict from name to value of what is set.
        data: `DataConfig`.
        model: `ModelConfig`.

    Raises:
        InputError: If it is not on this machine.
    """
    if settings.get("run_dir"):
        locations.check_local("run_dir", settings["run_dir"])
        return Path(settings["run_dir"])
    seed = "-".join(map(str, settings.get("seeds", ()))) or settings.get(
        "seed", config.TrainingConfig().seed
    )
    name = f"{model.row}-fold_{data.fold}-seed_{seed}"
    return Path("runs") / Path(data.data_dir).name / name


def cache_dir(settings):
    """Returns the folder for data that can be made again.

    Args:
        settings: Dict from name to value of what is set.

    Raises:
        InputError: If it is not on this machine.
    """
    if settings.get("cache_dir"):
        locations.check_local("cache_dir", settings["cache_dir"])
        return Path(settings["cache_dir"])
    return files.user_cache("--cache_dir")
