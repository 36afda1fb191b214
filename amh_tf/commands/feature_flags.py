"""The flags by which somebody says what makes the features, or how those of folds were made."""

from amh_tf import feature_kinds
from amh_tf.commands import flag_kit
from amh_tf.features.pretrained import choice

_define = flag_kit.define
_ENCODER = (
    "paper for the paper's, or a pretrained encoder: a folder in Hugging Face's layout, or an ONNX "
    "file with a JSON file beside it (docs/encoders.md)"
)
_DECLARED = {
    "audio": f"Folds: how they were made. {feature_kinds.MFCC} for "
    f"{feature_kinds.EXPECTED['audio']}, of sound at 16 kHz in 16 bits, not normalized (and "
    "--use_energy or --trim_silence, if they were made so): runs on them take recordings. "
    "Anything else is a description that results show, such as "
    f"{feature_kinds.EXAMPLES['audio']!r}. Default: unknown.",
    "text": "Folds whose text is vectors: a description of how they were made, which results show, "
    f"such as {feature_kinds.EXAMPLES['text']!r}. Default: unknown.",
    "video": f"Folds: how they were made. {feature_kinds.RESNET} for "
    f"{feature_kinds.EXPECTED['video']}, with the --resnet_weights that made them (and "
    "--resnet_dtype, --noresnet_resize); or a description.",
}


def define():
    """Flags of what makes the features."""
    for modality, name in choice.FLAGS.items():
        about = f"Features of {modality}, of recordings: {_ENCODER}. Default: paper."
        _define("path", name, None, f"{about} {_DECLARED[modality]}".rstrip())
    _define_encoders()


@flag_kit.group("Pretrained encoders")
def _define_encoders():
    for modality in choice.FLAGS:
        _define("string", f"{modality}_layer", choice.LAST, f"Of its encoder: {choice.LAYER}.")
    _define(
        "float",
        "audio_steps_per_second",
        None,
        "To how many steps a second the encoder's vectors of sound are averaged. Default: "
        f"{choice.STEPS_PER_SECOND:g}, so that 750 steps are "
        f"{750 / choice.STEPS_PER_SECOND:g} s, or the encoder's own where it gives fewer.",
    )
    _define(
        "enum",
        "encoder_dtype",
        choice.DTYPES[0],
        "Precision of encoders in folders.",
        enum_values=list(choice.DTYPES),
    )
    _define(
        "integer",
        "encoder_batch",
        choice.BATCH,
        "Recordings, texts or pictures that an encoder computes side by side.",
        lower_bound=1,
    )


def define_places():
    """Flags of where the encoders of a data set are now."""
    for modality, name in choice.FLAGS.items():
        _define(
            "path",
            name,
            None,
            f"Where the encoder is now that made the {modality} features of the data set.",
        )


def declaration(modality):
    """Says what features are made as here, and the flag that says so."""
    kind, expected = feature_kinds.MADE_HERE[modality], feature_kinds.EXPECTED[modality]
    return f"{expected} (--{choice.FLAGS[modality]}={kind})"
