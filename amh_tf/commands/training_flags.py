"""The flags of training and scoring, and the configurations made from them.

Only entry points import this. Flags of preparing stand in `preparation_flags`, those of
predicting in `prediction_flags`.

Each entry point defines the groups it needs, so that its --help lists those alone and a flag
that means nothing to it is refused.
"""

from pathlib import Path

from absl import flags

from amh_tf import config, errors, feature_kinds, files, locations, recipes, schema
from amh_tf.commands import flag_kit

FLAGS = flags.FLAGS
_define = flag_kit.define


def _default_recipe():
    return recipes.DEFAULT if FLAGS["data_dir"].value else recipes.PLANTED


def _given(names):
    """Returns settings by name: the flag's where it is given, else the recipe's."""
    recipe = recipes.settings(FLAGS.recipe or _default_recipe(), FLAGS.model)
    return {
        name: recipe[name] if name in recipe and not FLAGS[name].present else FLAGS[name].value
        for name in names
    }


def define_data():
    """Flags that say where the batches come from."""
    data = config.DataConfig("")
    _define(
        "path",
        "data_dir",
        None,
        "Data folder that amh_tf.prepare wrote. Without it, the planted-cue set (synthetic) is "
        "written to --cache_dir and used. May be a URL of an object store: s3://, gs://, hdfs://.",
    )
    _define("path", "cache_dir", None, "Where the planted-cue set is kept; the user's cache.")
    _define("string", "protocol", None, "How the data set is split; its first protocol.")
    _define("integer", "fold", data.fold, "Fold of the protocol, counted from 0.")
    _define("integer", "batch_size", data.batch_size, "Utterances per batch.")
    _define(
        "integer",
        "shuffle_megabytes",
        data.shuffle_megabytes,
        "Size of the shuffle buffer, were it to hold whole records. From an object store it does, "
        "and a train split of at most half of it stays in memory.",
    )
    _define(
        "boolean",
        "bucketing",
        data.bucketing,
        "Whether training batches hold utterances of about the same length, as far as the shuffle "
        "buffer allows.",
    )
    _define_verify()


def _define_verify():
    _define(
        "enum",
        "verify",
        config.DataConfig("").verify,
        "How shards are checked before each pass: bytes, records and labels, or SHA-256 too.",
        enum_values=config.VERIFY_LEVELS,
    )


def define_model():
    """Flags that shape the model."""
    model = config.ModelConfig(vocabulary_size=2)
    _define(
        "enum",
        "recipe",
        None,
        "Defaults of the flags of batches, model and training. Those shown here are the authors'; "
        f"BUILD.md lists what other recipes change. Default: {recipes.DEFAULT}, and without "
        f"--data_dir {recipes.PLANTED}.",
        enum_values=list(recipes.RECIPES),
    )
    _define("enum", "model", model.model, "Which model.", enum_values=list(config.MODELS))
    _define(
        "string",
        "modalities",
        None,
        "Which modalities: letters of a, t, v. RNN-attn takes one, MHA two. Default: all that the "
        "data set has.",
    )
    _define(
        "integer",
        "hops",
        None,
        "Number of attention hops, at least 1. Default: 7 for AMH, 2 for MHA.",
    )
    for modality in schema.MODALITIES:
        for name, kind, meaning in (
            ("units", "integer", "Hidden size of the encoder"),
            ("layers", "integer", "Number of recurrent layers"),
            ("dropout", "float", "Drop rate on the encoder's inputs"),
        ):
            full = f"{modality}_{name}"
            _define(kind, full, getattr(model, full), f"{meaning} over {modality}.")
    _define(
        "float",
        "modality_dropout",
        model.modality_dropout,
        "Probability, in training, to take a whole modality away from an utterance.",
    )
    _define(
        "enum",
        "standardize",
        model.standardize,
        "What audio and video are standardized by: mean and deviation of the training part, which "
        "go with the model, or of each speaker's recordings, test speakers' among them.",
        enum_values=config.STANDARDIZE,
    )
    _define(
        "integer",
        "audio_stride",
        model.audio_stride,
        "Steps of audio averaged into one; 0: by the length of the utterances.",
    )
    for name, meaning in (
        ("state_dropout", "Drop rate on the states that encoders give."),
        ("audio_speed", "In training, largest change of an utterance's speed, such as 0.1."),
        (
            "audio_time_mask",
            "In training, largest share of steps that a mask takes out; two masks.",
        ),
        (
            "audio_frequency_mask",
            "In training, largest share of coefficients that a mask takes out; two masks.",
        ),
        ("audio_level", "In training, deviation of what is added to an utterance's level."),
        ("audio_noise", "In training, deviation of noise in audio, standardized."),
        ("video_noise", "In training, deviation of noise in video, standardized."),
    ):
        _define("float", name, getattr(model, name), meaning)
    _define(
        "enum",
        "cell",
        None,
        "Encoders. Default: gru for AMH and MDRE, lstm for MHA and RNN-attn.",
        enum_values=["gru", "lstm"],
    )
    _define(
        "boolean",
        "bidirectional",
        None,
        "Whether encoders read both ways. Default: they do for MHA and RNN-attn.",
    )
    _define(
        "boolean",
        "reset_after",
        model.reset_after,
        "Whether a GRU's reset gate is applied after the recurrent product, as cuDNN does.",
    )
    _define(
        "enum",
        "dtype",
        model.dtype,
        "Precision of the computation; weights stay float32.",
        enum_values=config.DTYPES,
    )
    _define(
        "enum",
        "kernel",
        model.kernel,
        "How recurrences are computed: compiled is fastest on processors and needs a C++ compiler "
        "once, packed is fast there without, keras on GPUs; auto picks. The result is the same.",
        enum_values=config.KERNELS,
    )


def define_training():
    """Flags of the training recipe."""
    training = config.TrainingConfig()
    for name, kind, meaning in (
        ("seed", "integer", "Seed of weights, dropout and order."),
        ("learning_rate", "float", "Adam's step size."),
        ("clip_norm", "float", "Norm to which each gradient tensor is clipped."),
        ("validation_interval", "float", "Epochs between validations."),
        ("patience", "integer", "Validations without gain before training stops; 0: never."),
        ("max_epochs", "integer", "Epochs after which training stops at the latest."),
        ("max_steps", "integer", "Steps after which training stops at the latest."),
        ("warmup", "float", "Share of the steps in which the step size grows from 0."),
        ("weight_decay", "float", "Share of a weight that a step takes away, times its size."),
        ("label_smoothing", "float", "Share of a label that is spread over all classes."),
        ("logit_adjustment", "float", "Times log of a class's share in the loss; 0 for none."),
        ("mixup", "float", "Beta distribution's parameter for mixing pairs; 0 for none."),
        ("average_share", "float", "Share of the steps over which weights are averaged."),
    ):
        _define(kind, name, getattr(training, name), meaning)
    _define(
        "enum",
        "selection_metric",
        training.selection_metric,
        "Score on the dev split that picks the best weights.",
        enum_values=config.SELECTION_METRICS,
    )
    _define(
        "list",
        "seeds",
        [],
        "Seeds of an ensemble, such as 1,2,3: one run whose models' probabilities are averaged.",
    )
    _define(
        "enum",
        "schedule",
        training.schedule,
        "How the step size goes: cosine falls to 0 at the last step, plateau halves it where the "
        "dev score does not grow.",
        enum_values=config.SCHEDULES,
    )
    _define(
        "enum",
        "weights",
        training.weights,
        "Which weights stand in the end: the best on dev, the last, or an average of late ones.",
        enum_values=config.WEIGHTS,
    )
    _define(
        "boolean",
        "shuffle_labels",
        training.shuffle_labels,
        "A control: train on labels exchanged at random, which must end at chance.",
    )
    _define(
        "enum",
        "class_weight",
        training.class_weight,
        "Weights of the classes in the loss.",
        enum_values=["none", "balanced"],
    )
    _define(
        "enum",
        "embedding",
        training.embedding,
        "Where word vectors start: the data set's, or random.",
        enum_values=["pretrained", "random"],
    )
    _define(
        "enum",
        "batch_split",
        training.batch_split,
        "Whether a batch is computed as two halves side by side; auto: where that is faster, that "
        "is on two cores or more without the compiled kernel and without a GPU.",
        enum_values=config.BATCH_SPLITS,
    )
    _define(
        "path",
        "run_dir",
        None,
        "Folder of the run. Default: runs/DATA/MODEL-MODALITIES-FOLD-SEED. Other settings need a "
        "folder of their own.",
    )


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


def define_evaluation():
    """Flags of scoring a run."""
    _define("path", "run_dir", None, "Folder of the run (required).", required=True)
    _define("path", "data_dir", None, "Where the run's data set lies now, if it moved.")
    _define("enum", "split", "test", "Split to score.", enum_values=schema.SPLITS)
    _define_verify()
    _define(
        "list",
        "drop",
        None,
        "Modalities to score without, such as video or video,audio, or all_subsets to score "
        "with every selection of the model's modalities.",
    )


def define_verification():
    """Flags of checking a data set."""
    _define("path", "data_dir", None, "Data folder to check; or else a corpus: --source.")


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
