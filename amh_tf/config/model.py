"""The shape of a model."""

import dataclasses

from amh_tf import checking, schema
from amh_tf.config import fields
from amh_tf.config.architectures import MODELS, Architecture

KERNELS = ("auto", "compiled", "packed", "keras")
DTYPES = ("float32", "bfloat16", "float16")
STANDARDIZE = ("none", "global", "speaker")
MAX_STRIDE = 1000
# What `audio_stride` 0 comes to: mean steps of an utterance, and steps made into one.
LONG_ENOUGH, WIDEST_STRIDE = 50, 4
# How features may be changed in training.
AUGMENTATIONS = (
    *("audio_speed", "audio_time_mask", "audio_frequency_mask", "audio_level"),
    *("audio_noise", "video_noise"),
)


def _defaults(name):
    """Says a setting's default of each model, such as "gru for AMH and MDRE, lstm for MHA"."""
    titles = {}
    for architecture in MODELS.values():
        titles.setdefault(getattr(architecture, name), []).append(architecture.title)
    return ", ".join(
        f"{value} for {' and '.join(names)}" for value, names in titles.items() if value is not None
    )


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The shape of a model. Defaults are the authors' (Yoon et al., 2020, section 4.2).

    Defaults of `num_hops`, `cell` and `bidirectional` are as its row of `MODELS` says. An
    `audio_stride` of 0, until the data set is known, is as many steps as leave `LONG_ENOUGH` of an
    utterance, `WIDEST_STRIDE` at most. `layers.FrameAverage` and `layers.Augmentation` say how
    features are changed in training, `layers.ModalityEncoder` what the kernels are.

    Attributes:
        modalities: Names of the modalities used, in the order audio, text, video.
        num_classes: Number of emotions.
        audio_width: Width of a step of audio.
        video_width: Width of a step of video.
        text_width: Width of a step of text that is vectors; 0 where it is word ids.
        embedding_width: Width of a word's vector.
        vocabulary_size: Number of word ids, padding and unknown included.
    """

    vocabulary_size: int
    model: str = fields.setting("amh", "Which model.", choices=tuple(MODELS))
    modalities: tuple[str, ...] = schema.MODALITIES
    num_hops: int | None = fields.setting(
        None,
        f"Number of attention hops, at least 1. Default: {_defaults('num_hops')}.",
        flag="hops",
    )
    num_classes: int = 7
    audio_width: int = 120
    video_width: int = 2048
    text_width: int = 0
    embedding_width: int = 300
    audio_units: int = fields.units(200, "audio")
    text_units: int = fields.units(200, "text")
    video_units: int = fields.units(128, "video")
    audio_layers: int = fields.layers("audio")
    text_layers: int = fields.layers("text")
    video_layers: int = fields.layers("video")
    audio_dropout: float = fields.rate(0.3, "Drop rate on the inputs of the encoder over audio.")
    text_dropout: float = fields.rate(0.7, "Drop rate on the inputs of the encoder over text.")
    video_dropout: float = fields.rate(0.3, "Drop rate on the inputs of the encoder over video.")
    modality_dropout: float = fields.rate(
        0.0, "Probability, in training, of dropping a whole modality of an utterance."
    )
    state_dropout: float = fields.rate(0.0, "Drop rate on the states that encoders give.")
    standardize: str = fields.setting(
        "none",
        "What audio and video are standardized by: mean and deviation of the training part, which "
        "go with the model, or of each speaker's recordings, test speakers' among them.",
        choices=STANDARDIZE,
    )
    audio_stride: int = fields.setting(
        1,
        "Steps of audio averaged into one; 0: by the length of the utterances.",
        least=0,
        most=MAX_STRIDE,
    )
    audio_speed: float = fields.setting(
        0.0, "In training, largest change of an utterance's speed, such as 0.1.", below=0.9
    )
    audio_time_mask: float = fields.setting(
        0.0, "In training, largest share of steps that a mask takes out; two masks.", below=0.9
    )
    audio_frequency_mask: float = fields.setting(
        0.0,
        "In training, largest share of coefficients that a mask takes out; two masks.",
        below=0.9,
    )
    audio_level: float = fields.setting(
        0.0, "In training, deviation of what is added to an utterance's level.", below=100.0
    )
    audio_noise: float = fields.setting(
        0.0, "In training, deviation of noise in audio, standardized.", below=100.0
    )
    video_noise: float = fields.setting(
        0.0, "In training, deviation of noise in video, standardized.", below=100.0
    )
    cell: str | None = fields.setting(
        None,
        f"Encoders. Default: {_defaults('cell')}.",
        choices=("gru", "lstm"),
    )
    bidirectional: bool | None = fields.setting(
        None, f"Whether encoders read both ways. Default: {_defaults('bidirectional')}."
    )
    reset_after: bool = fields.setting(
        False,
        "Whether a GRU's reset gate is applied after the recurrent product, as cuDNN does.",
    )
    dtype: str = fields.setting(
        "float32", "Precision of the computation; weights stay float32.", choices=DTYPES
    )
    kernel: str = fields.setting(
        "auto",
        "How recurrences are computed: compiled is fastest on processors and needs a C++ compiler "
        "once, packed is fast there without, keras on GPUs; auto picks. The result is the same.",
        choices=KERNELS,
    )

    def __post_init__(self):
        object.__setattr__(self, "modalities", tuple(self.modalities))
        checking.require_choice(self, "model", MODELS)
        for name in ("num_hops", "cell", "bidirectional"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, getattr(self.architecture, name))
        self._check_modalities()
        self._check_hops()
        checking.require_integer(self, "vocabulary_size", 2, most=1 << 31)
        checking.require_integer(self, "num_classes", 2)
        for name in ("audio_width", "video_width", "embedding_width"):
            checking.require_integer(self, name, 1)
        checking.require_integer(self, "text_width", 0)
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
    def architecture(self) -> Architecture:
        """What sets the model apart from others."""
        return MODELS[self.model]

    def reads_word_ids(self, modality: str = "text") -> bool:
        """Returns whether the model reads a modality, and as word ids rather than vectors."""
        return modality == "text" and modality in self.modalities and not self.text_width

    def input_spec(self, name: str) -> tuple[tuple[int | None, ...], str]:
        """Returns an input's shape, without the batch and with None for time, and its dtype.

        Args:
            name: One of `input_names`.
        """
        modality, _, what = name.partition("_")
        if what == "length":
            return (), "int32"
        if self.reads_word_ids(modality):
            return (None,), "int32"
        width = getattr(self, f"{modality}_width")
        return ((width,) if what else (None, width)), "float32"

    @property
    def standardized(self) -> tuple[str, ...]:
        """The modalities that are standardized: never text, whatever it is."""
        if self.standardize == "none":
            return ()
        return tuple(modality for modality in self.modalities if modality != "text")

    @property
    def by_speaker(self) -> tuple[str, ...]:
        """The modalities that are standardized by what comes with each utterance."""
        return self.standardized if self.standardize == "speaker" else ()

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the model's inputs, in their order."""
        names = [name for m in self.modalities for name in (m, f"{m}_length")]
        return (*names, *self.statistics_names)

    @property
    def statistics_names(self) -> tuple[str, ...]:
        """Names of the inputs that hold means and deviations of speakers."""
        return tuple(
            f"{m}_{statistic}" for m in self.by_speaker for statistic in ("mean", "deviation")
        )

    def _check_modalities(self):
        counts = self.architecture.modality_counts
        ordered = tuple(name for name in schema.MODALITIES if name in self.modalities)
        letters = "".join(str(name)[:1] for name in self.modalities)
        checking.require(
            self.modalities == ordered and len(ordered) in counts,
            "modalities",
            f"do not suit the model: {self.architecture.why}",
            f"{' or '.join(map(str, counts))} of the letters a, t, v",
            letters,
            "Set them with --modalities.",
        )

    def _check_hops(self):
        if self.architecture.num_hops is None:
            checking.require(
                self.num_hops is None,
                "num_hops",
                f"means nothing to {self.architecture.title}, which has no hops",
                "no number of hops",
                self.num_hops,
                "Leave --hops out.",
            )
        else:
            most = self.architecture.max_hops
            checking.require_integer(self, "num_hops", 1, most=most, flag="hops")

    @property
    def row(self) -> str:
        """The model's row of the paper's tables as a short name, such as "amh_7-atv"."""
        hops = "" if self.num_hops is None else f"_{self.num_hops}"
        return f"{self.model}{hops}-{''.join(name[0] for name in self.modalities)}"

    @property
    def title(self) -> str:
        """The model's row of the paper's tables, such as "AMH-7 (A+T+V)"."""
        hops = "" if self.num_hops is None else f"-{self.num_hops}"
        letters = "+".join(name[0].upper() for name in self.modalities)
        return f"{self.architecture.title}{hops} ({letters})"
