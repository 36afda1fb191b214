"""The flags of predicting one clip. Only its entry point imports this."""

from absl import flags

from amh_tf.commands import flag_kit, preparation_flags
from amh_tf.corpora import recording
from amh_tf.prediction import clip

FLAGS = flags.FLAGS
FORMATS = ("table", "json")
_define = flag_kit.define


def define():
    """Flags of predicting one clip."""
    _define("path", "run_dir", None, "Folder of the run (required).", required=True)
    _define("path", "video", None, "Film that shows the speaker.")
    _define("path", "audio", None, "Sound; the film's where not given, --audio= for none.")
    _define("text", "text", None, "What is said; recognized where not given, --text= for none.")
    _define("float", "start", None, "Start of the utterance in the film, in seconds.")
    _define("float", "end", None, "End of the utterance in the film, in seconds.")
    _define(
        "enum",
        "side",
        "whole",
        "Half of the picture that shows the speaker.",
        enum_values=list(recording.SIDES),
    )
    _define(
        "path",
        "resnet_weights",
        None,
        "Weights of ResNet-101, those that the data set was made with.",
    )
    preparation_flags.define_recognizer()
    _define(
        "paths",
        "enroll",
        [],
        "Other recordings of the same speaker, with commas between them, for a model that "
        "standardizes by the speaker. Labels are not needed.",
    )
    _define(
        "path",
        "data_dir",
        None,
        "Where the run's data set lies now. Older runs need it, and those that began before it was "
        "said how the features were made.",
    )
    _define("enum", "format", "table", "What to print.", enum_values=list(FORMATS))
    _define("path", "attention", None, "Picture to draw of what each hop attended to.")


def chosen_clip():
    """Makes the `Clip` of the flags."""
    names = ("video", "audio", "text", "start", "end", "side")
    return clip.Clip(**{name: FLAGS[name].value for name in names})
