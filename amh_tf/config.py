"""What a run is made of: frozen dataclasses, checked when made, saved as JSON with the run."""

import dataclasses
import json

from amh_tf import checking, errors, schema

# `loss` selects the smallest, the scores the largest.
SELECTION_METRICS = (*schema.SCORES, "loss")
# How each model differs from AMH by default: encoders, and which modalities and hops suit it.
MODELS = {
    "amh": {"cell": "gru", "bidirectional": False, "num_hops": 7},
    "mdre": {"cell": "gru", "bidirectional": False, "num_hops": None},
    "mha": {"cell": "lstm", "bidirectional": True, "num_hops": 2},
    "rnn_attn": {"cell": "lstm", "bidirectional": True, "num_hops": None},
}
MODEL_NAMES = {"amh": "AMH", "mdre": "MDRE", "mha": "MHA", "rnn_attn": "RNN-attn"}
# Numbers of modalities that a model can take, and why.
MODALITY_COUNTS = {
    "amh": ((2, 3), "AMH hops between modalities"),
    "mdre": ((2, 3), "MDRE merges modalities"),
    "mha": ((2,), "MHA's attention goes back and forth between exactly two modalities"),
    "rnn_attn": ((1,), "RNN-attn reads a single modality"),
}
MAX_MHA_HOPS = 3  # the paper defines MHA-1 to MHA-3
KERNELS = ("auto", "compiled", "packed", "keras")
BATCH_SPLITS = ("auto", "on", "off")
VERIFY_LEVELS = ("sizes", "full")
DTYPES = ("float32", "bfloat16", "float16")
STANDARDIZE = ("none", "global", "speaker")
SCHEDULES = ("constant", "cosine", "plateau")
WEIGHTS = ("best", "last", "average")
MAX_STRIDE = 1000
# What `audio_stride` 0 comes to: mean steps of an utterance, and steps made into one.
LONG_ENOUGH, WIDEST_STRIDE = 50, 4
MAX_SEEDS = 100
# How features may be changed in training, and what each is below: see `layers.Augmentation`.
AUGMENTATIONS = {
    "audio_speed": 0.9,
    "audio_time_mask": 0.9,
    "audio_frequency_mask": 0.9,
    "audio_level": 100.0,
    "audio_noise": 100.0,
    "video_noise": 100.0,
}


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Where the batches come from.

    Attributes:
        data_dir: Data folder that `amh_tf.prepare` wrote.
        protocol: How the data set is split; None, until it is known, for its first protocol.
        fold: Which of the protocol's folds, counted from 0.
        batch_size: Utterances per batch, over all replicas.
        shuffle_megabytes: Size of the shuffle buffer, were it to hold whole records. From an
            object store it does, and a train split of at most half of it stays in memory.
        bucketing: Whether training batches hold utterances of about the same length.
        verify: How shards are checked before each pass: "sizes" for bytes, records and
            labels, "full" for their SHA-256 too.
    """

    data_dir: str
    protocol: str | None = None
    fold: int = 0
    batch_size: int = 128
    shuffle_megabytes: int = 1024
    bucketing: bool = True
    verify: str = "sizes"

    def __post_init__(self):
        checking.require_integer(self, "fold", 0)
        checking.require_integer(self, "batch_size", 1)
        checking.require_integer(self, "shuffle_megabytes", 1)
        checking.require_choice(self, "verify", VERIFY_LEVELS)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The shape of a model. Defaults are the authors' (Yoon et al., 2020, section 4.2).

    Attributes:
        model: Which model, one of `MODELS`.
        modalities: Names of the modalities used, in the order audio, text, video.
        num_hops: Number of attention hops, N in the paper; None for models without hops.
        num_classes: Number of emotions.
        audio_width, video_width, embedding_width: Width of a step of each modality.
        vocabulary_size: Number of word ids, padding and unknown included.
        *_units: Hidden size of each modality's encoder.
        *_layers: Number of stacked recurrent layers of each modality.
        *_dropout: Drop rate on the inputs of each modality's recurrent layers.
        modality_dropout: Probability, in training, to take a whole modality away from an
            utterance.
        state_dropout: Drop rate on the states that an encoder gives.
        standardize: What audio and video are standardized by: "none"; "global" for the training
            part's mean and deviation, which are kept in the model; "speaker" for those of each
            speaker, which become inputs of the model.
        audio_stride: How many steps of audio are averaged into one; 0, until the data set is
            known, for as many as leave `LONG_ENOUGH` of an utterance, `WIDEST_STRIDE` at most.
        audio_speed, audio_time_mask, audio_frequency_mask, audio_level, audio_noise,
        video_noise: How features are changed in training; see `layers.FrameAverage` and
            `layers.Augmentation`.
        cell: Encoders are "gru" or "lstm". Default by model, as `MODELS` says.
        bidirectional: Whether the encoders read in both directions. Default by model.
        reset_after: Whether a GRU applies its reset gate after the recurrent product.
        dtype: Precision of the computation; weights stay float32.
        kernel: How recurrences are computed; see `amh_tf.layers.ModalityEncoder`.
    """

    vocabulary_size: int
    model: str = "amh"
    modalities: tuple = schema.MODALITIES
    num_hops: int | None = None
    num_classes: int = 7
    audio_width: int = 120
    video_width: int = 2048
    embedding_width: int = 300
    audio_units: int = 200
    text_units: int = 200
    video_units: int = 128
    audio_layers: int = 1
    text_layers: int = 1
    video_layers: int = 1
    audio_dropout: float = 0.3
    text_dropout: float = 0.7
    video_dropout: float = 0.3
    modality_dropout: float = 0.0
    state_dropout: float = 0.0
    standardize: str = "none"
    audio_stride: int = 1
    audio_speed: float = 0.0
    audio_time_mask: float = 0.0
    audio_frequency_mask: float = 0.0
    audio_level: float = 0.0
    audio_noise: float = 0.0
    video_noise: float = 0.0
    cell: str | None = None
    bidirectional: bool | None = None
    reset_after: bool = False
    dtype: str = "float32"
    kernel: str = "auto"

    def __post_init__(self):
        object.__setattr__(self, "modalities", tuple(self.modalities))
        checking.require_choice(self, "model", MODELS)
        for name, default in MODELS[self.model].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        checking.require_choice(self, "dtype", DTYPES)
        checking.require_choice(self, "cell", ("gru", "lstm"))
        checking.require_choice(self, "kernel", KERNELS)
        self._check_modalities()
        self._check_hops()
        checking.require_integer(self, "vocabulary_size", 2, most=1 << 31)
        checking.require_integer(self, "num_classes", 2)
        for name in ("audio_width", "video_width", "embedding_width"):
            checking.require_integer(self, name, 1)
        for modality in schema.MODALITIES:
            checking.require_integer(self, f"{modality}_units", 1)
            checking.require_integer(self, f"{modality}_layers", 1, most=100)
            self._check_rate(f"{modality}_dropout")
        for name in ("modality_dropout", "state_dropout"):
            self._check_rate(name)
        checking.require_choice(self, "standardize", STANDARDIZE)
        checking.require_integer(self, "audio_stride", 0, most=MAX_STRIDE)
        for name, most in AUGMENTATIONS.items():
            checking.require(
                0 <= getattr(self, name) < most,
                name,
                "is out of range",
                f"a number of at least 0 and below {most}",
                getattr(self, name),
                f"Set it with --{name}.",
            )
        checking.require(
            len(self.modalities) > 1 or self.modality_dropout == 0,
            "modality_dropout",
            "means nothing to a model of one modality, which is never dropped",
            "0",
            self.modality_dropout,
            "Leave --modality_dropout out.",
        )

    @property
    def standardized(self) -> tuple:
        """The modalities that are standardized."""
        if self.standardize == "none":
            return ()
        return tuple(modality for modality in self.modalities if modality != "text")

    @property
    def by_speaker(self) -> tuple:
        """The modalities that are standardized by what comes with each utterance."""
        return self.standardized if self.standardize == "speaker" else ()

    @property
    def input_names(self) -> tuple:
        """Names of the model's inputs, in their order."""
        names = [name for m in self.modalities for name in (m, f"{m}_length")]
        return (*names, *self.statistics_names)

    @property
    def statistics_names(self) -> tuple:
        """Names of the inputs that hold means and deviations of speakers."""
        return tuple(f"{m}_{what}" for m in self.by_speaker for what in ("mean", "deviation"))

    def _check_rate(self, name):
        checking.require(
            0 <= getattr(self, name) < 1,
            name,
            "is out of range",
            "a drop rate of at least 0 and below 1",
            getattr(self, name),
            f"Set it with --{name}.",
        )

    def _check_modalities(self):
        counts, reason = MODALITY_COUNTS[self.model]
        ordered = tuple(name for name in schema.MODALITIES if name in self.modalities)
        letters = "".join(str(name)[:1] for name in self.modalities)
        checking.require(
            self.modalities == ordered and len(ordered) in counts,
            "modalities",
            f"do not suit the model: {reason}",
            f"{' or '.join(map(str, counts))} of the letters a, t, v",
            letters,
            "Set them with --modalities.",
        )

    def _check_hops(self):
        if MODELS[self.model]["num_hops"] is None:
            checking.require(
                self.num_hops is None,
                "num_hops",
                f"means nothing to {MODEL_NAMES[self.model]}, which has no hops",
                "no number of hops",
                self.num_hops,
                "Leave --hops out.",
            )
        else:
            most = MAX_MHA_HOPS if self.model == "mha" else 1000
            checking.require_integer(self, "num_hops", 1, most=most, flag="hops")

    @property
    def row(self):
        """The model's row of the paper's tables as a short name, such as "amh_7-atv"."""
        hops = "" if self.num_hops is None else f"_{self.num_hops}"
        return f"{self.model}{hops}-{''.join(name[0] for name in self.modalities)}"

    @property
    def title(self):
        """The model's row of the paper's tables, such as "AMH-7 (A+T+V)"."""
        hops = "" if self.num_hops is None else f"-{self.num_hops}"
        letters = "+".join(name[0].upper() for name in self.modalities)
        return f"{MODEL_NAMES[self.model]}{hops} ({letters})"


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. Defaults are the authors' recipe.

    Attributes:
        seed: Seed of the initial weights, dropout and the order of the batches.
        learning_rate: Adam's step size.
        clip_norm: Each gradient tensor is scaled down to this norm by itself.
        validation_interval: Epochs between two validations.
        patience: Validations without gain after which training stops; 0 for never.
        max_epochs: Training stops after this many epochs at the latest.
        max_steps: Training stops after this many steps at the latest; None for no limit.
        selection_metric: Score on the dev split that picks the best weights.
        class_weight: "none", or "balanced" to weigh each class by its inverse frequency.
        logit_adjustment: Times the logarithm of each class's share that training adds to the
            logits: rare classes are answered more often; 0 for none, 1 for all classes alike.
        embedding: "pretrained" to start from the data set's vectors, or "random".
        batch_split: Whether a batch is computed as two halves side by side: "on", "off", or
            "auto" for on where there are cores for it, no compiled kernel and no GPU.
        schedule: How the step size changes: "constant"; "cosine" down to 0 at the last step;
            "plateau" for a half of it after every `PLATEAU` validations without gain.
        warmup: Share of all steps in which it grows from 0, linearly; cosine alone.
        weight_decay: Share of a weight, times the step size, that every step takes away. Biases
            and word vectors are left alone.
        label_smoothing: Share of each label that is spread over all classes.
        mixup: Parameter of the beta distribution by which pairs of utterances are mixed before
            the last layer; 0 for none.
        weights: Which weights stand in the end: the "best" on the dev split, the "last", or the
            "average" of those after each of the last epochs.
        average_share: Share of the steps that the average is taken over.
        shuffle_labels: Whether labels of the training part are exchanged at random: a control,
            which must end at chance.
    """

    seed: int = 1
    learning_rate: float = 1e-3
    clip_norm: float = 1.0
    validation_interval: float = 0.3
    patience: int = 15
    max_epochs: int = 100
    max_steps: int | None = None
    selection_metric: str = "weighted_accuracy"
    class_weight: str = "none"
    logit_adjustment: float = 0.0
    embedding: str = "pretrained"
    batch_split: str = "auto"
    schedule: str = "constant"
    warmup: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    weights: str = "best"
    average_share: float = 0.25
    shuffle_labels: bool = False

    def __post_init__(self):
        for name in ("learning_rate", "clip_norm", "validation_interval"):
            value = getattr(self, name)
            checking.require(
                0 < value <= 1e6,
                name,
                "is out of range",
                "a number above 0 and at most a million",
                value,
                f"Set it with --{name}.",
            )
        checking.require_integer(self, "seed", 0, most=(1 << 32) - 1)
        checking.require_integer(self, "patience", 0, most=1 << 31)
        checking.require_integer(self, "max_epochs", 1, most=1 << 31)
        if self.max_steps is not None:
            checking.require_integer(self, "max_steps", 1, most=1 << 31)
        checking.require_choice(self, "selection_metric", SELECTION_METRICS)
        checking.require_choice(self, "class_weight", ("none", "balanced"))
        checking.require_choice(self, "embedding", ("pretrained", "random"))
        checking.require_choice(self, "batch_split", BATCH_SPLITS)
        checking.require_choice(self, "schedule", SCHEDULES)
        checking.require_choice(self, "weights", WEIGHTS)
        for name, most in (
            ("warmup", 1.0),
            ("weight_decay", 1e6),
            ("label_smoothing", 1.0),
            ("mixup", 1e6),
            ("logit_adjustment", 100.0),
            ("average_share", 1.0),
        ):
            checking.require(
                0 <= getattr(self, name) < most,
                name,
                "is out of range",
                f"a number of at least 0 and below {most:g}",
                getattr(self, name),
                f"Set it with --{name}.",
            )
        checking.require(
            self.warmup == 0 or self.schedule == "cosine",
            "warmup",
            "means nothing to this schedule",
            "0, or --schedule=cosine",
            self.warmup,
            "Leave --warmup out.",
        )


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """One run: data, model, training, and what the data set was.

    Attributes:
        data, model, training: The three parts.
        data_fingerprint: The manifest's fingerprint, so that a run is never continued or
            scored on another data set by mistake.
        seeds: Seeds of the members of an ensemble, each trained as a run of its own; empty for
            one model, of `training.seed`.
        kernel: What recurrences are computed with, one of `KERNELS` but "auto", to which a run
            that was begun keeps; None where that is not known.
    """

    data: DataConfig
    model: ModelConfig
    training: TrainingConfig
    data_fingerprint: str
    seeds: tuple = ()
    kernel: str | None = None

    def __post_init__(self):
        object.__setattr__(self, "seeds", tuple(self.seeds))
        if self.kernel is not None:
            checking.require_choice(self, "kernel", KERNELS)
        if len(set(self.seeds)) != len(self.seeds) or len(self.seeds) > MAX_SEEDS:
            raise errors.InputError(
                f"`seeds` cannot be used. Expected at most {MAX_SEEDS} different integers. "
                f"Received: seeds={','.join(map(str, self.seeds))}. Set them with --seeds."
            )
        for seed in self.seeds:
            dataclasses.replace(self.training, seed=seed)

    @property
    def variant(self) -> str:
        """What sets the run apart from others of the same model, such as "by speaker"; or ""."""
        said = {"none": "", "global": "standardized", "speaker": "standardized by speaker"}
        parts = [said[self.model.standardize]]
        parts += [f"{len(self.seeds)} seeds averaged"] if self.seeds else []
        parts += ["labels shuffled"] if self.training.shuffle_labels else []
        return ", ".join(filter(None, parts))

    def members(self):
        """Returns the `RunConfig` of every member of an ensemble."""
        return [
            dataclasses.replace(
                self, seeds=(), training=dataclasses.replace(self.training, seed=seed)
            )
            for seed in self.seeds
        ]

    def to_json(self):
        """Returns the configuration as indented JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_dict(cls, fields):
        """Makes the configuration that `to_json` described.

        Raises:
            ValueError: If a field is missing, unknown or impossible.
        """
        try:
            return cls(
                data=DataConfig(**fields["data"]),
                model=ModelConfig(**fields["model"]),
                training=TrainingConfig(**fields["training"]),
                data_fingerprint=fields["data_fingerprint"],
                seeds=tuple(fields.get("seeds", ())),
                kernel=fields.get("kernel"),
            )
        except (KeyError, TypeError) as error:
            raise errors.InputError(
                "The settings are not those of a run. Expected what `amh_tf.train` of this "
                f"version writes. Received: {type(error).__name__}: {error}."
            ) from error

    def differences(self, other):
        """Lists the settings in which another run differs.

        Where the data lies and how it is checked is no difference, what it holds is. With which
        kernel a run was begun is none either.

        Returns:
            List of (name, own value, other's value), in the order of the fields.
        """
        found = []
        for part in ("data", "model", "training"):
            own, others = (dataclasses.asdict(getattr(run, part)) for run in (self, other))
            found += [
                (name, own[name], others[name])
                for name in own
                if own[name] != others[name] and name not in ("data_dir", "verify")
            ]
        if self.seeds != other.seeds:
            found.append(("seeds", self.seeds, other.seeds))
        if self.data_fingerprint != other.data_fingerprint:
            found.append(("data_fingerprint", self.data_fingerprint, other.data_fingerprint))
        return found
