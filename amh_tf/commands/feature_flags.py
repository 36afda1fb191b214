"""The flags by which somebody says how the features of folds were made.

Only the entry point of preparing imports this.
"""

from absl import flags

from amh_tf import checking, errors, feature_kinds
from amh_tf.commands import flag_kit
from amh_tf.extraction import settings
from amh_tf.features import resnet_options

FLAGS = flags.FLAGS
_define = flag_kit.define

FLAG_NAMES = {"audio": "audio_features", "video": "video_features"}
# Flags that say more of features that are made as here.
_MORE = {
    "audio": ("use_energy", "trim_silence"),
    "video": ("resnet_weights", "resnet_dtype", "resnet_resize"),
}


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
        "Default: nobody knows.",
    )
    _define(
        "string",
        "video_features",
        None,
        f"Folds: the same of video. {feature_kinds.RESNET} for {feature_kinds.EXPECTED['video']}, "
        "with the --resnet_weights that made them (and --resnet_dtype, --noresnet_resize).",
    )


def check_source():
    """Refuses what is said of features that are made or known by the command itself.

    Raises:
        ValueError: If the source is not folds.
    """
    for name in FLAG_NAMES.values():
        if FLAGS[name].value is not None and FLAGS.source != "folds":
            raise errors.InputError(
                f"`{name}` is of no use here. Expected the source folds, whose arrays do not say "
                f"how they were made. Received: {name}={FLAGS[name].value!r}, "
                f"source={FLAGS.source!r}. Leave --{name} out."
            )


def meant(modality):
    """Says what features are made as here, and the flag that says so."""
    kind, expected = feature_kinds.MADE_HERE[modality], feature_kinds.EXPECTED[modality]
    return f"{expected} (--{FLAG_NAMES[modality]}={kind})"


def declared():
    """Returns how the features of folds were made: dict from modality to its record.

    Raises:
        ValueError: If what is said cannot be, or the weights of ResNet-101 are missing.
    """
    found = {}
    for modality, name in FLAG_NAMES.items():
        said, kind = FLAGS[name].value, feature_kinds.MADE_HERE[modality]
        if said is not None and said.strip().lower() == kind:
            found[modality] = {"kind": kind, **(_mfcc() if modality == "audio" else _resnet())}
            continue
        for more in _MORE[modality]:
            if FLAGS[more].present:
                raise errors.InputError(
                    f"`{more}` says nothing of these features. Expected --{name}={kind} beside it. "
                    f"Received: {more}={FLAGS[more].value!r}, {name}={said!r}. Set --{name}, or "
                    f"leave --{more} out."
                )
        if said is not None:
            checking.require(
                checking.is_name(said) and said.strip(),
                name,
                "is no description",
                f"{kind}, or {checking.NAME}",
                said,
                f"Set it with --{name}.",
            )
            found[modality] = {"kind": feature_kinds.OTHER, "description": said}
    return found


def _mfcc():
    trimmed = FLAGS.trim_silence or 0.0
    checking.require(
        0 <= trimmed <= settings.MAX_DECIBELS,
        "trim_silence",
        "is out of range",
        f"decibels from 0 to {settings.MAX_DECIBELS}",
        trimmed,
        "Set it with --trim_silence.",
    )
    made = {"use_energy": FLAGS.use_energy}
    return {**made, "trim_silence": trimmed} if trimmed else made


def _resnet():
    checking.require(
        FLAGS.resnet_weights,
        "resnet_weights",
        "is missing",
        "the weights that made the features, which a clip's must be made with too",
        None,
        "Set it with --resnet_weights, or describe the features in words with --video_features.",
    )
    resnet_options.check_weights(FLAGS.resnet_weights)
    from amh_tf.features import feature_net

    weights, dtype, resize = (FLAGS[name].value for name in _MORE["video"])
    network = feature_net.FeatureNet(weights, dtype=dtype, resize=resize)
    network.load()  # a file of other weights is refused now
    return feature_net.record(network, weights, dtype, resize)
