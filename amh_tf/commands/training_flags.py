"""The flags of training and scoring.

Only entry points import this. Flags of preparing are in `preparation_flags`, those of
predicting in `prediction_flags`.

Each entry point defines the groups it needs, so that its --help lists those alone and a flag
that means nothing to it is refused.
"""

from absl import flags

from amh_tf import config, errors, recipes, schema
from amh_tf.commands import cache_flags, flag_kit
from amh_tf.training import workers

FLAGS = flags.FLAGS
_define = flag_kit.define
_COMPUTATION = ("dtype", "kernel", "batch_split")
# What is done to features between a shard and the encoders.
_FEATURE_SETTINGS = ("standardize", "audio_stride", *config.AUGMENTATIONS)


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
            "another folder.",
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
        enum_values=workers.KINDS,
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
    _define("path", "data_dir", None, "Where the run's data set is now, if it moved.")
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
    _define("list", "folds", None, "Folds to train, such as 0,1. Default: all.")
    _define("integer", "jobs", 1, "Folds to train side by side.", lower_bound=1, upper_bound=64)


def chosen_folds():
    """Returns the numbers of the folds to train, or None for all.

    Raises:
        ValueError: If the flag does not hold numbers.
    """
    if FLAGS.folds is None:
        return None
    if not FLAGS.folds or not all(number.isdecimal() for number in FLAGS.folds):
        raise errors.refusal(
            "`folds` is not a list of folds",
            "numbers from 0 on, with commas between them",
            f"folds={','.join(FLAGS.folds)!r}",
            "Set it with --folds.",
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


def chosen():
    """Returns the flags of training that are set, by name; seeds as numbers.

    Raises:
        InputError: If a seed is not a number.
    """
    return flag_kit.chosen(numbers=("seeds",))
