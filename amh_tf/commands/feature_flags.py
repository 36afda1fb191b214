"""The flags by which somebody says how the features of folds were made.

Only the entry point of preparing imports this.
"""

from amh_tf import feature_kinds, preparation
from amh_tf.commands import flag_kit

_define = flag_kit.define


def define():
    """Flags of how the features of folds were made."""
    _define(
        "string",
        "audio_features",
        None,
        f"Folds: how the audio features were made. {feature_kinds.MFCC} for "
        f"{feature_kinds.EXPECTED['audio']}, of sound at 16 kHz in 16 bits, not normalized (and "
        "--use_energy or --trim_silence, if they were made so): runs on them take recordings. "
        "Anything else is a description that results show, such as 'wav2vec 2.0, layer 12'. "
        "Default: unknown.",
    )
    _define(
        "string",
        "video_features",
        None,
        f"Folds: the same of video. {feature_kinds.RESNET} for {feature_kinds.EXPECTED['video']}, "
        "with the --resnet_weights that made them (and --resnet_dtype, --noresnet_resize).",
    )


def declaration(modality):
    """Says what features are made as here, and the flag that says so."""
    kind, expected = feature_kinds.MADE_HERE[modality], feature_kinds.EXPECTED[modality]
    return f"{expected} (--{preparation.DECLARED[modality]}={kind})"
