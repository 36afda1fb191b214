"""The flags of training and scoring, and the configurations made from them.

Only entry points import this. Flags of preparing stand in `preparation_flags`, those of
predicting in `prediction_flags`.

Each entry point defines the groups it needs, so that its --help lists those alone and a flag
that means nothing to it is refused.
"""

from pathlib import Path

from absl import flags

from amh_tf import config, errors, feature_kinds, files, locations, recipes, schema
from amh_tf.commands import cache_flags, flag_kit

FLAGS = flags.FLAGS
_define = flag_kit.define
_COMPUTATION = ("dtype", "kernel", "batch_split")
# What is done to features between a shard and the encoders.
_FEATURE_SETTINGS = ("standardize", "audio_stride", *config.AUGMENTATIONS)


def _default_recipe():
    return recipes.DEFAULT if FLAGS["data_dir"].value else recipes.PLANTED


def _given(names):
    """Returns settings by name: the flag's where it is given, else the recipe's."""
    recipe = recipes.settings(FLAGS.recipe or _default_recipe(), FLAGS.model)
    return {
        name: recipe[name] if name in recipe and not FLAGS[name].present else FLAGS[name].value
        for name in names
    }


@flag_kit.group("Data")
def define_data():
    """Flags that say where the batches come from."""
    _define(
        "path",
        "data_dir",
        None,
        "Data folder that amh_tf.prepare wrote. Without it, the planted-cue set (synthetic) is "
        "written to --cache_dir and used. May be the URL of a copy in an object store, which is "
        "fetched to --cache_dir: s3://, gs://, az://, hdfs://.",
    )
    cache_flags.define("the planted-cue set and ")
    flag_kit.define_settings(config.DataConfig)


@flag_kit.group("Model")
def define_model():
    """Flags that shape the model."""
    _define(
        "enum",
        "recipe",
        None,
        "Defaults of the flags of batches, model and training. Those shown here are the authors'; "
        f"docs/training.md lists what other recipes change. Default: {recipes.DEFAULT}, and "
        f"without --data_dir {recipes.PLANTED}.",
        enum_values=list(recipes.RECIPES),
    )
    _define(
        "string",
        "modalities",
        None,
        "Which modalities: letters of a, t, v. RNN-attn takes one, MHA two. Default: all that the "
        "data set has.",
    )
    with flag_kit.group("Features, as the model takes them"):
        flag_kit.define_settings(config.ModelConfig, only=_FEATURE_SETTINGS)
    leave = (*_FEATURE_SETTINGS, *_COMPUTATION)
    flag_kit.define_settings(config.ModelConfig, leave=leave)


@flag_kit.group("Training")
def define_training():
    """Flags of the training recipe, and of how it and the model are computed."""
    flag_kit.define_settings(config.TrainingConfig, leave=_COMPUTATION)
    _define(
        "list",
        "seeds",
        [],
        "Seeds of an ensemble, such as 1,2,3: one run whose models' probabilities are averaged.",
    )
    with flag_kit.group("Run"):
        _define(
            "path",
            "run_dir",
            None,
            "Folder of the run. Default: runs/DATA/MODEL-MODALITIES-FOLD-SEED. Other settings need "
            "a folder of their own.",
        )
    with flag_kit.group("Computation"):
        for configured in (config.ModelConfig, config.TrainingConfig):
            flag_kit.define_settings(configured, only=_COMPUTATION)


@flag_kit.group("Computation")
def define_distribution():
    """Flags of training on several devices or machines."""
    _define(
        "enum",
        "distribution",
        "none",
        "Train on one device, on all devices of this machine, or on the workers that TF_CONFIG "
        "names.",
        enum_values=["none", "mirrored", "multi_worker"],
    )
    _define(
        "string",
        "data_service",
        None,
        "Address of a tf.data service that makes the training batches, as grpc://host:port.",
    )


@flag_kit.group("Scores")
def define_evaluation():
    """Flags of scoring a run."""
    _define("path", "run_dir", None, "Folder of the run (required).", required=True)
    _define("path", "data_dir", None, "Where the run's data set lies now, if it moved.")
    cache_flags.define()
    _define("enum", "split", "test", "Split to score.", enum_values=schema.SPLITS)
    flag_kit.define_settings(config.DataConfig, only=("verify",))
    _define(
        "list",
        "drop",
        None,
        "Modalities to score without, such as video or video,audio, or all_subsets to score "
        "with every selection of the model's modalities.",
    )


@flag_kit.group("Data")
def define_verification():
    """Flags of checking a data set."""
    _define("path", "data_dir", None, "Data folder to check; or else a corpus: --source.")
    cache_flags.define()


@flag_kit.group("Folds and results")
def define_crossvalidation():
    """Flags of cross-validation, besides those of training."""
    _define("path", "output_dir", None, "Where runs and summary go (required).", required=True)
    _define("list", "folds", None, "Folds to train, such as 0,1; all of them.")
    _define("integer", "jobs", 1, "Folds to train side by side.", lower_bound=1, upper_bound=64)


def chosen_folds():
    """Returns the numbers of the folds to train, or None for all.

    Raises:
        ValueError: If the flag does not hold numbers.
    """
    if FLAGS.folds is None:
        return None
    if not FLAGS.folds or not all(number.isdecimal() for number in FLAGS.folds):
        raise errors.InputError(
            "`folds` is not a list of folds. Expected numbers from 0 on, with commas between "
            f"them. Received: folds={','.join(FLAGS.folds)!r}. Set it with --folds."
        )
    return sorted({int(number) for number in FLAGS.folds})


@flag_kit.group("Report")
def define_report():
    """Flags of gathering cross-validations."""
    _define(
        "path",
        "runs",
        None,
        "Folder with cross-validations, at any depth (required).",
        required=True,
    )
    _define("path", "output_dir", None, "Folder for the report (required).", required=True)


def data_config():
    """Makes the `DataConfig` of the flags; `data_dir` is empty where none is given."""
    if FLAGS.data_dir == "":
        raise errors.InputError(
            "`data_dir` is empty. Expected a data folder, or no such flag at all. Received: "
            "data_dir=''. Set it with --data_dir."
        )
    folder = locations.resolve(FLAGS.data_dir) if FLAGS.data_dir else ""
    return config.DataConfig(
        folder,
        **_given(["protocol", "fold", "batch_size", "shuffle_megabytes", "bucketing", "verify"]),
    )


def model_config(features=None):
    """Makes the `ModelConfig` of the flags; the data set's widths and sizes come later.

    Args:
        features: What the data set says of its features, as in `amh_tf.feature_kinds`, or None.
    """
    modalities = feature_kinds.present(features)
    if FLAGS.modalities is not None:
        modalities = schema.modalities_from_letters(FLAGS.modalities)
    return config.ModelConfig(
        vocabulary_size=2,
        model=FLAGS.model,
        modalities=modalities,
        num_hops=FLAGS.hops,
        **_given(config.AUGMENTATIONS),
        **_given(
            f"{modality}_{name}"
            for modality in schema.MODALITIES
            for name in ("units", "layers", "dropout")
        ),
        **_given(["modality_dropout", "state_dropout", "standardize", "audio_stride"]),
        **_given(["cell", "bidirectional", "reset_after", "dtype", "kernel"]),
    )


def training_config():
    """Makes the `TrainingConfig` of the flags."""
    names = config.TrainingConfig.__dataclass_fields__
    return config.TrainingConfig(**_given(names))


def seeds():
    """Returns the seeds of an ensemble; empty for one model.

    Raises:
        ValueError: If the flag does not hold numbers.
    """
    if not all(seed.isdecimal() for seed in FLAGS.seeds):
        raise errors.InputError(
            "`seeds` is not a list of seeds. Expected integers of at least 0, with commas between "
            f"them. Received: seeds={','.join(FLAGS.seeds)!r}. Set them with --seeds."
        )
    return tuple(map(int, FLAGS.seeds))


def cache_dir():
    """Returns the folder for data that can be made again."""
    if FLAGS.cache_dir:
        return Path(FLAGS.cache_dir)
    return files.user_cache("--cache_dir")


def run_dir(data, model):
    """Returns the run's folder: the flag's, or a name made of data, model, fold and seed."""
    if FLAGS.run_dir:
        locations.check_local("run_dir", FLAGS.run_dir)
        return Path(FLAGS.run_dir)
    seed = "-".join(map(str, seeds())) or FLAGS.seed
    name = f"{model.row}-fold_{data.fold}-seed_{seed}"
    return Path("runs") / Path(data.data_dir).name / name
