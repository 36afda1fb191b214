"""The flags of predicting one clip. Only its entry point imports this."""

from absl import flags

from amh_tf import checking, errors
from amh_tf.commands import cache_flags, extraction_flags, feature_flags, flag_kit
from amh_tf.corpora import recording
from amh_tf.data import manifest
from amh_tf.features import film, media, resnet_options
from amh_tf.features.pretrained import choice, encoder_files

FLAGS = flags.FLAGS
FORMATS = ("table", "json")
_define = flag_kit.define


def define():
    """Flags of predicting one clip."""
    _define_clip()
    define_run()
    extraction_flags.define_recognizer()
    _define_output()


@flag_kit.group("Clip")
def _define_clip():
    _define("path", "video", None, "Video that shows the speaker.")
    _define("path", "audio", None, "Sound; the video's where not given, --audio= for none.")
    _define("text", "text", None, "What is said; recognized where not given, --text= for none.")
    _define("float", "start", None, "Start of the utterance in the video, in seconds.")
    _define("float", "end", None, "End of the utterance in the video, in seconds.")
    _define(
        "enum",
        "side",
        "whole",
        "Half of the picture that shows the speaker.",
        enum_values=list(recording.SIDES),
    )
    _define(
        "paths",
        "enroll",
        [],
        "Other recordings of the same speaker, with commas between them, for a model that "
        "standardizes by the speaker. Labels are not needed.",
    )


@flag_kit.group("Run")
def define_run():
    """Flags that say which run predicts, and what its features need."""
    _define("path", "run_dir", None, "Folder of the run (required).", required=True)
    _define(
        "path",
        "data_dir",
        None,
        "Where the run's data set is now. Older runs need it, and those that began before it was "
        "said how the features were made.",
    )
    cache_flags.define()
    _define(
        "path",
        "resnet_weights",
        None,
        "Weights of ResNet-101, the same that the data set was made with.",
    )
    feature_flags.define_places()


@flag_kit.group("Output")
def _define_output():
    _define("enum", "format", "table", "What to print.", enum_values=list(FORMATS))
    _define("path", "attention", None, "Picture to draw of what each hop attended to.")


def take_clip(arguments):
    """Takes the clip that is given without a flag: a video or a sound.

    Args:
        arguments: What was given besides flags.

    Raises:
        ValueError: If there are several, one that a flag names too, or it cannot be read.
    """
    if not arguments:
        return
    if len(arguments) > 1 or FLAGS.video or FLAGS.audio:
        paths = {name: FLAGS[name].value for name in ("video", "audio")}
        others = [f"--{name}={path}" for name, path in paths.items() if path]
        raise errors.refusal(
            "There is more than one clip",
            "one file, or else --video and --audio",
            " ".join([*arguments, *others]),
            "Give one command for each clip.",
        )
    (path,) = arguments
    FLAGS["video" if film.is_film(path) else "audio"].parse(path)


def check():
    """Refuses files and folders that are not there, and a picture that cannot be drawn.

    Raises:
        InputError: If there are any.
    """
    if FLAGS.attention:
        checking.require_picture("attention", FLAGS.attention)
    check_sources()


def check_sources():
    """Refuses recordings, weights, encoders and a data set that are not there.

    Raises:
        InputError: If there are any.
    """
    for path in filter(None, [FLAGS.video, FLAGS.audio, *FLAGS.enroll]):
        media.check_file(path)
    if FLAGS.resnet_weights is not None:
        resnet_options.check_weights(FLAGS.resnet_weights)
    for modality, name in choice.FLAGS.items():
        if FLAGS[name].value is not None:
            encoder_files.check(modality, choice.Choice(FLAGS[name].value))
    if FLAGS.data_dir:
        manifest.load(FLAGS.data_dir)


def chosen_clip():
    """Makes the `Clip` of the flags."""
    from amh_tf.prediction import clip

    names = ("video", "audio", "text", "start", "end", "side")
    return clip.Clip(**{name: FLAGS[name].value for name in names})
