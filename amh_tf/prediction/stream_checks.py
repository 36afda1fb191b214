"""What a stream takes, and which models can be run on one."""

import numpy as np

from amh_tf import errors, feature_kinds
from amh_tf.features import decoding, samples


def check_model(settings, inputs, speaker):
    """Refuses a model whose answer on the sound so far needs what comes later.

    Args:
        settings: Its `amh_tf.config.ModelConfig`.
        inputs: Its `amh_tf.runs.run_inputs.RunInputs`.
        speaker: `speakers.Speaker`.

    Raises:
        InputError: If it is one.
    """
    if settings.bidirectional:
        raise errors.refusal(
            "The model cannot be run on a stream: its encoders also read from the end of the "
            "recording, which has not come yet",
            "encoders that read forward alone",
            f"{settings.title} with bidirectional encoders",
            "Train with --bidirectional=false.",
        )
    if "audio" in settings.modalities and inputs.trim_silence:
        raise errors.refusal(
            "The model cannot be run on a stream: its data set leaves out the silence around "
            "what is said, which is known once the loudest sound has come",
            "a data set of whole recordings",
            f"trim_silence={inputs.trim_silence:g}",
            "Prepare the data set with --trim_silence=0, and train on that.",
        )
    if settings.by_speaker and not speaker:
        raise errors.refusal(
            "The model standardizes by the speaker, of whom a stream knows nothing before its end",
            "other recordings of the same speaker",
            "none",
            "Set them with --enroll, or train with --standardize=global.",
        )


def check_features(features):
    """Refuses features of sound that an encoder makes of whole recordings.

    Args:
        features: What the run says of its features.

    Raises:
        InputError: If they are. What cannot be made of any recording is refused elsewhere.
    """
    kind = feature_kinds.record(features, "audio")["kind"]
    of_no_recording = (
        *(feature_kinds.OTHER, feature_kinds.SYNTHETIC, feature_kinds.ABSENT),
        feature_kinds.UNKNOWN,
    )
    if kind not in (feature_kinds.MFCC, *of_no_recording):
        raise errors.refusal(
            "The sound features of this run cannot be made of a stream",
            "MFCC, which the sound around a step decides",
            kind,
            "Predict the recording as a whole, or train on a data set with MFCC.",
        )


def samples_of(piece, rate):
    """Returns samples as those of a file are read, `(samples,)` float32; there may be none.

    Args:
        piece, rate: As for `Stream.feed`.

    Raises:
        InputError: If they are not sound at 16 kHz.
    """
    if rate != decoding.SAMPLE_RATE:
        raise errors.refusal(
            "The sound has another sample rate",
            f"{decoding.SAMPLE_RATE} Hz",
            f"rate={rate}",
            f"Convert the pieces with `amh_tf.prediction.Resampler({rate})`.",
        )
    piece = samples.as_array(piece)
    if not piece.size:
        return np.zeros(0, np.float32)
    if piece.dtype.kind == "f" and not np.isfinite(piece).all():
        raise errors.refusal(
            "The sound holds samples that are not numbers", "finite samples", "NaN or infinity"
        )
    return np.concatenate([*samples.Samples(piece, rate).blocks(0, len(piece))])


def vectors(name, piece, width):
    """Returns features that came as such, `(n, width)` float32.

    Args:
        name: "text" or "video".
        piece: An array.
        width: Width of a step.

    Raises:
        InputError: If they are not features of that width.
    """
    piece = samples.as_array(piece)
    if piece.dtype.kind != "f" or piece.shape[1:] != (width,) or not np.isfinite(piece).all():
        pictures = "uint8 of shape (n, height, width, 3), or " if name == "video" else ""
        raise errors.refusal(
            f"`{name}` does not suit the model",
            f"{pictures}finite floats of shape (n, {width})",
            f"{piece.dtype} of shape {piece.shape}",
        )
    return piece.astype(np.float32)
