"""What a data folder is prepared from, and how: settings by the names of the flags."""

import dataclasses

from amh_tf import checking, errors, feature_kinds, imports, schema
from amh_tf.corpora import (
    cremad,
    emobox,
    emodb,
    iemocap,
    meld,
    planted,
    ravdess,
    savee,
    table,
    tess,
    urdu,
)
from amh_tf.data import dev_part, protocol_folds
from amh_tf.extraction import groups, settings
from amh_tf.features import resnet_options, transcribe
from amh_tf.features.pretrained import choice, encoder_settings

# Readers that need nothing but the folder of the release.
_READERS = {
    "meld": meld.read,
    "cremad": cremad.read,
    "emodb": emodb.read,
    "savee": savee.read,
    "tess": tess.read,
    "urdu": urdu.read,
}
# Corpora of single recordings with silence around what is said, and how loud it may be.
ACTED, ACTED_SILENCE = ("ravdess", "cremad", "emodb", "savee", "tess"), 40.0
ENCODED = ("meld", "table")  # whose tables people edit
RAW_SOURCES = ("iemocap", "ravdess", *_READERS, "emobox", "table")
SOURCES = ("folds", "planted", *RAW_SOURCES)
# By modality, what says more of features of folds that are declared to be made as here.
_MORE = {
    "audio": ("use_energy", "trim_silence"),
    "text": (),
    "video": ("resnet_weights", "resnet_dtype", "resnet_resize"),
}
_CHOICES = {
    "source": SOURCES,
    "left_speaker": tuple(iemocap.LEFT_SPEAKERS),
    "ravdess_channel": tuple(ravdess.CHANNELS),
    "feature_dtype": schema.FEATURE_DTYPES,
    "transcripts": tuple(settings.TRANSCRIPTS),
    "unspaced_scripts": schema.UNSPACED_SCRIPTS,
    "resnet_dtype": resnet_options.DTYPES,
    "video_region": schema.VIDEO_REGIONS,
    "asr": (transcribe.AUTO, *transcribe.RECOGNIZERS),
    "on_error": tuple(groups.ON_ERROR),
    "encoder_dtype": choice.DTYPES,
}


@dataclasses.dataclass(frozen=True)
class Preparation:
    """Every setting of `amh_tf.prepare`; each means what the flag of its name says.

    Raises:
        InputError: If one is impossible, or does not suit the source.
    """

    source: str
    source_dir: str | None = None
    output_dir: str = ""
    encoding: str | None = None
    name: str | None = None
    labels: str | None = None
    left_speaker: str = "auto"
    ravdess_channel: str = "speech"
    audio_dir: str | None = None
    max_audio_length: int = schema.MAX_LENGTHS["audio"]
    max_text_length: int = schema.MAX_LENGTHS["text"]
    max_video_length: int = schema.MAX_LENGTHS["video"]
    records_per_shard: int = 256
    feature_dtype: str = "float32"
    protocols: tuple[str, ...] | None = None
    num_folds: int = protocol_folds.NUM_FOLDS
    fold_seed: int = 0
    fold_repeats: int = 1
    dev_speakers: int = dev_part.SPEAKERS
    transcripts: str = "reference"
    classes: tuple[str, ...] = schema.PAPER_CLASSES
    audio_features: str | None = None
    text_features: str | None = None
    video_features: str | None = None
    audio_layer: str = choice.LAST
    text_layer: str = choice.LAST
    video_layer: str = choice.LAST
    audio_steps_per_second: float | None = None
    encoder_dtype: str = choice.DTYPES[0]
    encoder_batch: int = choice.BATCH
    planted_seed: int = 1
    planted_sizes: tuple[int, ...] = tuple(planted.SIZES.values())
    modalities: str | None = None
    unspaced_scripts: str = schema.UNSPACED_SCRIPTS[0]
    use_energy: bool = False
    trim_silence: float | None = None
    resnet_weights: str | None = None
    resnet_dtype: str = "float32"
    resnet_resize: bool = True
    video_region: str = schema.VIDEO_REGIONS[0]
    asr: str = transcribe.AUTO
    asr_model: str | None = None
    asr_language: str | None = None
    asr_compute_type: str = "default"
    glove: str | None = None
    on_error: str = "stop"
    keep_work: bool = False
    runner: str | None = None
    beam_options: str = ""

    def __post_init__(self):
        for name, choices in _CHOICES.items():
            checking.require_choice(self, name, choices)
        for name in (*(f"max_{m}_length" for m in schema.MODALITIES), "records_per_shard"):
            checking.require_integer(self, name, 1, most=1 << 31)
        for name in ("planted_seed", "fold_seed"):
            checking.require_integer(self, name, 0, most=1 << 62)
        sizes = self.planted_sizes
        if len(sizes) != 3 or not all(checking.is_integer(size, 1) for size in sizes):
            raise errors.refusal(
                "`planted_sizes` is not a set of sizes",
                "three integers of at least 1",
                f"planted_sizes={','.join(map(str, sizes))}",
                "Set it with --planted_sizes=TRAIN,DEV,TEST.",
            )
        encoder_settings.check(self, self.source == "folds", RAW_SOURCES)
        if self.is_set("video_region") and self.source not in RAW_SOURCES:
            raise errors.refusal(
                "`video_region` is not used by this source",
                "a source of raw recordings",
                f"video_region={self.video_region!r}, source={self.source!r}",
                "Leave --video_region out.",
            )

    def is_set(self, name: str) -> bool:
        """Returns whether a setting is another than its default."""
        return getattr(self, name) != type(self).__dataclass_fields__[name].default

    @property
    def max_lengths(self) -> dict[str, int]:
        """Number of steps that are kept, by modality."""
        return {name: getattr(self, f"max_{name}_length") for name in schema.MODALITIES}

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes of the planted-cue set, by split."""
        return dict(zip(schema.SPLITS, self.planted_sizes))

    def place(self) -> str:
        """Returns where the source is.

        Raises:
            InputError: If that is not said.
        """
        if not self.source_dir:
            expected = {
                "folds": "the folder of one preprocessed fold",
                "table": "the file of a table",
                "emobox": "the folder of a corpus in EmoBox's data",
            }.get(self.source, "the folder of the release")
            raise errors.refusal(
                "`source_dir` is missing", expected, "none", "Set it with --source_dir."
            )
        return self.source_dir


def corpus(chosen: Preparation):
    """Reads the corpus of raw recordings that settings name.

    Returns:
        `amh_tf.corpora.recording.Corpus`.

    Raises:
        InputError: If it cannot be read.
    """
    options = {"labels": chosen.labels} if chosen.labels else {}
    if chosen.encoding:
        if chosen.source not in ENCODED:
            raise errors.refusal(
                "`encoding` is not used by this source",
                f"one of the sources {', '.join(ENCODED)}",
                f"encoding={chosen.encoding!r}, source={chosen.source!r}",
                "Leave --encoding out.",
            )
        options["encoding"] = chosen.encoding
    place = chosen.place()
    if chosen.source == "iemocap":
        return iemocap.read(place, left_speaker=chosen.left_speaker, **options)
    if chosen.source == "ravdess":
        return ravdess.read(place, channel=chosen.ravdess_channel, **options)
    if chosen.source == "emobox":
        return emobox.read(place, audio_dir=chosen.audio_dir, **options)
    if chosen.source in _READERS:
        return _READERS[chosen.source](place, **options)
    return table.read(place, name=chosen.name, **options)


def extraction_settings(chosen: Preparation, corpus):
    """Makes the `amh_tf.extraction.settings.Settings` of settings.

    Args:
        chosen: `Preparation`.
        corpus: `amh_tf.corpora.recording.Corpus`, which says what there is to extract.

    Returns:
        `Settings`; list of notes on the modalities that the corpus does not have.

    Raises:
        InputError: If a modality is asked for that the corpus does not have, or the weights of
            ResNet-101 are missing.
    """
    trim_silence = chosen.trim_silence
    if trim_silence is None:
        trim_silence = ACTED_SILENCE if chosen.source in ACTED else 0.0
    names = ["use_energy", "resnet_dtype", "resnet_resize", "transcripts", "asr", "asr_model"]
    names += ["asr_compute_type", "unspaced_scripts", "video_region"]
    modalities, notes = settings.choose_modalities(corpus, chosen.modalities, chosen.transcripts)
    extraction = settings.Settings(
        modalities=modalities,
        max_lengths=chosen.max_lengths,
        trim_silence=trim_silence,
        asr_language=chosen.asr_language or corpus.language,
        resnet_weights=chosen.resnet_weights if "video" in modalities else None,
        encoders=encoder_settings.choices(chosen, modalities),
        **{name: getattr(chosen, name) for name in names},
    )
    return extraction, notes


def declared(chosen: Preparation) -> dict:
    """Returns how the features of folds were made: dict from modality to its record.

    Raises:
        InputError: If what is said cannot be, or the weights of ResNet-101 are missing.
    """
    records, recipes = {}, {"audio": _mfcc, "text": lambda _: {}, "video": _resnet}
    for modality, name in choice.FLAGS.items():
        declaration, kind = getattr(chosen, name), feature_kinds.MADE_HERE[modality]
        if declaration is not None and declaration.strip().lower() == kind:
            records[modality] = {"kind": kind, **recipes[modality](chosen)}
            continue
        for more in _MORE[modality]:
            if chosen.is_set(more):
                raise errors.refusal(
                    f"`{more}` says nothing of these features",
                    f"--{name}={kind} beside it",
                    f"{more}={getattr(chosen, more)!r}, {name}={declaration!r}",
                    f"Set --{name}, or leave --{more} out.",
                )
        if declaration is not None:
            checking.require(
                checking.is_name(declaration) and declaration.strip(),
                name,
                "is not a description",
                f"{kind}, or {checking.NAME}",
                declaration,
                f"Set it with --{name}.",
            )
            records[modality] = {"kind": feature_kinds.OTHER, "description": declaration}
    return records


def _mfcc(chosen):
    trimmed = chosen.trim_silence or 0.0
    checking.require(
        0 <= trimmed <= settings.MAX_DECIBELS,
        "trim_silence",
        "is out of range",
        f"decibels from 0 to {settings.MAX_DECIBELS}",
        trimmed,
        "Set it with --trim_silence.",
    )
    recipe = {"use_energy": chosen.use_energy}
    return {**recipe, "trim_silence": trimmed} if trimmed else recipe


def _resnet(chosen):
    checking.require(
        chosen.resnet_weights,
        "resnet_weights",
        "is missing",
        "the weights that made the features, which a clip's must be made with too",
        None,
        "Set it with --resnet_weights, or describe the features in words with --video_features.",
    )
    resnet_options.check_weights(chosen.resnet_weights)
    with imports.libraries():
        from amh_tf.features import feature_net
    weights, dtype, resize = (getattr(chosen, name) for name in _MORE["video"])
    network = feature_net.FeatureNet(weights, dtype=dtype, resize=resize)
    network.load()  # a file of other weights is refused now
    return feature_net.record(network, weights, dtype, resize)
