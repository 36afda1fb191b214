"""What features are made of raw recordings."""

import dataclasses

from amh_tf import checking, errors, schema
from amh_tf.features import resnet_options, transcribe

TRANSCRIPTS = ("reference", "asr")
MAX_DECIBELS = 200  # of silence that is left out


@dataclasses.dataclass(frozen=True)
class Settings:
    """What features are made of raw recordings, and how.

    Attributes:
        modalities: Which of `schema.MODALITIES` are made; the others are absent.
        max_lengths: Dict from modality to the number of steps that are kept.
        use_energy: Whether the log energy replaces the first MFCC.
        trim_silence: Frames of sound before and after all that are no more than so many decibels
            below the loudest are left out; 0 to keep all. See `features.silence`.
        resnet_weights: Weights file of ResNet-101, or "random"; see `resnet_weights.read`.
            None where there is no video among the modalities, or another encoder reads it.
        resnet_dtype: Precision of ResNet-101: "float32" or "bfloat16".
        resnet_resize: Whether pictures are scaled before their middle is cut out; see
            `feature_net.FeatureNet`.
        video_region: Which region of the pictures features are made of, one of
            `schema.VIDEO_REGIONS`; see `features.regions`.
        transcripts: "reference" for the corpus' own words, "asr" for recognized ones.
        asr: Which recognizer, one of `transcribe.RECOGNIZERS`, or `transcribe.AUTO`.
        asr_model: The recognizer's model, or None for its default.
        asr_language: BCP-47 code of the language that is spoken, or None where that is not known.
        asr_compute_type: Precision of faster-whisper, such as "int8".
        unspaced_scripts: How scripts without spaces between words are cut, one of
            `schema.UNSPACED_SCRIPTS`.
        encoders: Dict from modality to the `pretrained.choice.Choice` of the encoder that makes
            its features; the others are the paper's.
    """

    modalities: tuple = schema.MODALITIES
    max_lengths: dict = dataclasses.field(default_factory=lambda: dict(schema.MAX_LENGTHS))
    use_energy: bool = False
    trim_silence: float = 0.0
    resnet_weights: str | None = None
    resnet_dtype: str = "float32"
    resnet_resize: bool = True
    video_region: str = schema.VIDEO_REGIONS[0]
    transcripts: str = "reference"
    asr: str = transcribe.AUTO
    asr_model: str | None = None
    asr_language: str | None = None
    asr_compute_type: str = "default"
    unspaced_scripts: str = schema.UNSPACED_SCRIPTS[0]
    encoders: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        checking.require(
            0 <= self.trim_silence <= MAX_DECIBELS,
            "trim_silence",
            "is out of range",
            f"decibels from 0 to {MAX_DECIBELS}",
            self.trim_silence,
            "Set it with --trim_silence.",
        )
        checking.require_choice(self, "resnet_dtype", resnet_options.DTYPES)
        checking.require_choice(self, "video_region", schema.VIDEO_REGIONS)
        checking.require_choice(self, "transcripts", TRANSCRIPTS)
        checking.require_choice(self, "asr", (transcribe.AUTO, *transcribe.RECOGNIZERS))
        transcribe.check_language(self.asr_language)
        checking.require_choice(self, "unspaced_scripts", schema.UNSPACED_SCRIPTS)
        if "video" in self.modalities and not ("video" in self.encoders or self.resnet_weights):
            raise errors.refusal(
                "`resnet_weights` is missing",
                "the weights of ResNet-101, which make the features of pictures",
                "none",
                "Leave the pictures out with --modalities=at, set --video_features to another "
                "encoder, or get the weights.\n"
                f"{resnet_options.HOW_TO_GET}",
            )

    @property
    def needs_sound(self):
        """Whether the sound of a recording is read."""
        return "audio" in self.modalities or self.recognizes

    @property
    def recognizes(self):
        """Whether words are recognized."""
        return "text" in self.modalities and self.transcripts == "asr"


def choose_modalities(corpus, letters: str | None = None, transcripts: str = "reference") -> tuple:
    """Chooses the modalities to extract.

    Args:
        corpus: `recording.Corpus`.
        letters: Selection such as "atv", or None for all that the corpus has.
        transcripts: One of `TRANSCRIPTS`. Recognized words come of any sound.

    Returns:
        Tuple of modalities; list of notes on those that the corpus does not have.

    Raises:
        ValueError: If one is asked for that no recording has.
    """
    recordings = corpus.recordings
    has = {
        "audio": any(utterance.audio for utterance in recordings),
        "text": any(
            utterance.audio if transcripts == "asr" else utterance.transcript
            for utterance in recordings
        ),
        "video": any(utterance.video for utterance in recordings),
    }
    absent = [name for name in schema.MODALITIES if not has[name]]
    if letters is None:
        notes = [f"Left out: {name}, which {corpus.name} does not have." for name in absent]
        if "text" in absent and has["audio"]:
            notes[absent.index("text")] += " Words can be recognized: --transcripts=asr."
        return tuple(name for name in schema.MODALITIES if has[name]), notes
    chosen = schema.modalities_from_letters(letters)
    if set(chosen) & set(absent):
        raise errors.refusal(
            f"{corpus.name} does not have the requested modalities",
            f"some of its modalities: {', '.join(name for name in schema.MODALITIES if has[name])}",
            f"modalities={letters!r}",
            "Set them with --modalities, or leave the flag out for all that there are; words "
            "can be recognized with --transcripts=asr.",
        )
    return chosen, []
