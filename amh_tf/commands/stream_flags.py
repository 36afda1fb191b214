"""The flags of predicting sound while it comes. Only `amh_tf.predict` imports this."""

from absl import flags

from amh_tf import errors
from amh_tf.commands import flag_kit
from amh_tf.features import resampling

FLAGS = flags.FLAGS
_define = flag_kit.define
# What is said of a clip and means nothing to a stream, and the other way round.
_OF_CLIPS = (
    *("video", "audio", "start", "end", "side", "attention", "resnet_weights"),
    *("asr", "asr_model", "asr_language", "asr_compute_type"),
)
_OF_STREAMS = ("sample_rate", "stream_window")


@flag_kit.group("Stream")
def define():
    """Flags of predicting a stream."""
    _define(
        "boolean",
        "stream",
        False,
        "Predict raw sound from standard input while it comes: PCM, 16 bits, little-endian, one "
        "channel. Prints a line each half second.",
    )
    _define("integer", "sample_rate", resampling.SAMPLE_RATE, "Samples a second of the stream.")
    _define(
        "float",
        "stream_window",
        None,
        "Seconds after which a new span begins. Default: the longest input of the model.",
    )


def check():
    """Refuses flags that do not suit each other.

    Raises:
        InputError: If there are any.
    """
    names = _OF_CLIPS if FLAGS.stream else _OF_STREAMS
    others = [f"--{name}" for name in names if FLAGS[name].value != FLAGS[name].default]
    if others:
        raise errors.refusal(
            f"{', '.join(others)} cannot be used with{'' if FLAGS.stream else 'out'} --stream",
            "what is said of a stream" if FLAGS.stream else "what is said of a clip",
            ", ".join(others),
            f"Leave {'it' if len(others) == 1 else 'them'} out.",
        )
    if FLAGS.stream:
        resampling.check_live(FLAGS.sample_rate)
