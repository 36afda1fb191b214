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
# How features may be changed in training.
AUGMENTATIONS = (
    *("audio_speed", "audio_time_mask", "audio_frequency_mask", "audio_level"),
    *("audio_noise", "video_noise"),
)


def _setting(default, meaning, flag=None, **bounds):
    """Makes a field that a flag sets.

    Args:
        default: Its default.
        meaning: What it is, as --help shows it.
        flag: The flag's name, where it is not the field's.
        **bounds: As for `checking.require_settings`.
    """
    metadata = {"help": meaning, "flag": flag, **bounds}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Where the batches come from.

    Attributes:
        data_dir: Data folder that `amh_tf.prepare` wrote, or the URL of a copy in a store.
    """

    data_dir: str
    protocol: str | None = _setting(None, "How the data set is split; its first protocol.")
    fold: int = _setting(0, "Fold of the protocol, counted from 0.", least=0)
    batch_size: int = _setting(128, "Utterances per batch, over all devices.", least=1)
    shuffle_megabytes: int = _setting(
        1024, "Size of the shuffle buffer, were it to hold whole records.", least=1
    )
    bucketing: bool = _setting(
        True,
        "Whether training batches hold utterances of about the same length, as far as the shuffle "
        "buffer allows.",
    )
    verify: str = _setting(
        "sizes",
        "How shards are checked before each pass: bytes, records and labels, or SHA-256 too.",
        choices=VERIFY_LEVELS,
    )

    def __post_init__(self):
        checking.require_settings(self)


def _units(default, modality):
    return _setting(default, f"Hidden size of the encoder over {modality}.", least=1)


def _layers(modality):
    return _setting(1, f"Number of recurrent layers over {modality}.", least=1, most=100)


def _rate(default, meaning):
    return _setting(default, meaning, below=1, expected="a drop rate of at least 0 and below 1")


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The shape of a model. Defaults are the authors' (Yoon et al., 2020, section 4.2).

    Defaults of `num_hops`, `cell` and `bidirectional` are as `MODELS` says. An `audio_stride` of 0,
    until the data set is known, is as many steps as leave `LONG_ENOUGH` of an utterance,
    `WIDEST_STRIDE` at most. `layers.FrameAverage` and `layers.Augmentation` say how features are
    changed in training, `layers.ModalityEncoder` what the kernels are.

    Attributes:
        modalities: Names of the modalities used, in the order audio, text, video.
        num_classes: Number of emotions.
        audio_width: Width of a step of audio.
        video_width: Width of a step of video.
        embedding_width: Width of a word's vector.
        vocabulary_size: Number of word ids, padding and unknown included.
    """

    vocabulary_size: int
    model: str = _setting("amh", "Which model.", choices=tuple(MODELS))
    modalities: tuple = schema.MODALITIES
    num_hops: int | None = _setting(
        None,
        "Number of attention hops, at least 1. Default: 7 for AMH, 2 for MHA.",
        flag="hops",
    )
    num_classes: int = 7
    audio_width: int = 120
    video_width: int = 2048
    embedding_width: int = 300
    audio_units: int = _units(200, "audio")
    text_units: int = _units(200, "text")
    video_units: int = _units(128, "video")
    audio_layers: int = _layers("audio")
    text_layers: int = _layers("text")
    video_layers: int = _layers("video")
    audio_dropout: float = _rate(0.3, "Drop rate on the inputs of the encoder over audio.")
    text_dropout: float = _rate(0.7, "Drop rate on the inputs of the encoder over text.")
    video_dropout: float = _rate(0.3, "Drop rate on the inputs of the encoder over video.")
    modality_dropout: float = _rate(
        0.0, "Probability, in training, to take a whole modality away from an utterance."
    )
    state_dropout: float = _rate(0.0, "Drop rate on the states that encoders give.")
    standardize: str = _setting(
        "none",
        "What audio and video are standardized by: mean and deviation of the training part, which "
        "go with the model, or of each speaker's recordings, test speakers' among them.",
        choices=STANDARDIZE,
    )
    audio_stride: int = _setting(
        1,
        "Steps of audio averaged into one; 0: by the length of the utterances.",
        least=0,
        most=MAX_STRIDE,
    )
    audio_speed: float = _setting(
        0.0, "In training, largest change of an utterance's speed, such as 0.1.", below=0.9
    )
    audio_time_mask: float = _setting(
        0.0, "In training, largest share of steps that a mask takes out; two masks.", below=0.9
    )
    audio_frequency_mask: float = _setting(
        0.0,
        "In training, largest share of coefficients that a mask takes out; two masks.",
        below=0.9,
    )
    audio_level: float = _setting(
        0.0, "In training, deviation of what is added to an utterance's level.", below=100.0
    )
    audio_noise: float = _setting(
        0.0, "In training, deviation of noise in audio, standardized.", below=100.0
    )
    video_noise: float = _setting(
        0.0, "In training, deviation of noise in video, standardized.", below=100.0
    )
    cell: str | None = _setting(
        None,
        "Encoders. Default: gru for AMH and MDRE, lstm for MHA and RNN-attn.",
        choices=("gru", "lstm"),
    )
    bidirectional: bool | None = _setting(
        None, "Whether encoders read both ways. Default: they do for MHA and RNN-attn."
    )
    reset_after: bool = _setting(
        False,
        "Whether a GRU's reset gate is applied after the recurrent product, as cuDNN does.",
    )
    dtype: str = _setting(
        "float32", "Precision of the computation; weights stay float32.", choices=DTYPES
    )
    kernel: str = _setting(
        "auto",
        "How recurrences are computed: compiled is fastest on processors and needs a C++ compiler "
        "once, packed is fast there without, keras on GPUs; auto picks. The result is the same.",
        choices=KERNELS,
    )

    def __post_init__(self):
        object.__setattr__(self, "modalities", tuple(self.modalities))
        checking.require_choice(self, "model", MODELS)
        for name, default in MODELS[self.model].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        self._check_modalities()
        self._check_hops()
        checking.require_integer(self, "vocabulary_size", 2, most=1 << 31)
        checking.require_integer(self, "num_classes", 2)
        for name in ("audio_width", "video_width", "embedding_width"):
            checking.require_integer(self, name, 1)
        checking.require_settings(self)
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


def _above_0(default, meaning):
    expected = "a number above 0 and at most a million"
    return _setting(default, meaning, above=0, most=1e6, expected=expected)


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. Defaults are the authors' recipe.

    Attributes:
        clip_norm: Each gradient tensor is scaled down to it by itself.
        selection_metric: It picks the best weights on the dev split.
        class_weight: "balanced" weighs each class by its inverse frequency.
        logit_adjustment: Training adds the logarithms to the logits: rare classes are answered more
            often; 1 for all classes alike.
        schedule: See `amh_tf.training.trainer.PLATEAU`.
        warmup: The step size grows linearly; cosine alone.
        weight_decay: Biases and word vectors are left alone.
        mixup: Pairs of utterances are mixed before the last layer.
    """

    seed: int = _setting(1, "Seed of weights, dropout and order.", least=0, most=(1 << 32) - 1)
    learning_rate: float = _above_0(1e-3, "Adam's step size.")
    clip_norm: float = _above_0(1.0, "Norm to which each gradient tensor is clipped.")
    validation_interval: float = _above_0(0.3, "Epochs between validations.")
    patience: int = _setting(
        15,
        "Validations without gain before training stops; 0: never.",
        least=0,
        most=1 << 31,
    )
    max_epochs: int = _setting(
        100, "Epochs after which training stops at the latest.", least=1, most=1 << 31
    )
    max_steps: int | None = _setting(
        None, "Steps after which training stops at the latest.", least=1, most=1 << 31
    )
    selection_metric: str = _setting(
        "weighted_accuracy",
        "Score on the dev split that picks the best weights.",
        choices=SELECTION_METRICS,
    )
    class_weight: str = _setting(
        "none", "Weights of the classes in the loss.", choices=("none", "balanced")
    )
    logit_adjustment: float = _setting(
        0.0, "Times log of a class's share in the loss; 0 for none.", below=100
    )
    embedding: str = _setting(
        "pretrained",
        "Where word vectors start: the data set's, or random.",
        choices=("pretrained", "random"),
    )
    batch_split: str = _setting(
        "auto",
        "Whether a batch is computed as two halves side by side; auto: where that is faster, that "
        "is on two cores or more without the compiled kernel and without a GPU.",
        choices=BATCH_SPLITS,
    )
    schedule: str = _setting(
        "constant",
        "How the step size goes: cosine falls to 0 at the last step, plateau halves it where the "
        "dev score does not grow.",
        choices=SCHEDULES,
    )
    warmup: float = _setting(
        0.0, "Share of the steps in which the step size grows from 0.", below=1
    )
    weight_decay: float = _setting(
        0.0, "Share of a weight that a step takes away, times its size.", below=1e6
    )
    label_smoothing: float = _setting(
        0.0, "Share of a label that is spread over all classes.", below=1
    )
    mixup: float = _setting(
        0.0, "Beta distribution's parameter for mixing pairs; 0 for none.", below=1e6
    )
    weights: str = _setting(
        "best",
        "Which weights stand in the end: the best on dev, the last, or an average of late ones.",
        choices=WEIGHTS,
    )
    average_share: float = _setting(
        0.25, "Share of the steps over which weights are averaged.", below=1
    )
    shuffle_labels: bool = _setting(
        False,
        "A control: train on labels exchanged at random, which must end at chance.",
    )

    def __post_init__(self):
        checking.require_settings(self)
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
