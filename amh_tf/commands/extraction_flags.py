"""The flags of extraction: what is made of raw recordings, and by what."""

from amh_tf import schema
from amh_tf.commands import flag_kit
from amh_tf.extraction import groups
from amh_tf.features import resnet_options, transcribe

_define = flag_kit.define


@flag_kit.group("Features")
def define():
    """Flags that say what is made of raw recordings."""
    _define(
        "string",
        "modalities",
        None,
        "Which modalities to extract: letters of a, t, v. Default: all that the corpus has.",
    )
    _define(
        "enum",
        "unspaced_scripts",
        schema.UNSPACED_SCRIPTS[0],
        "How texts in Chinese, Japanese, Thai and other scripts without spaces are cut: into "
        "characters, or at spaces alone where they were cut into words before.",
        enum_values=list(schema.UNSPACED_SCRIPTS),
    )
    _define(
        "boolean",
        "use_energy",
        False,
        "Whether the log energy replaces the first MFCC, as Kaldi's --use-energy.",
    )
    _define(
        "float",
        "trim_silence",
        None,
        "Decibels below an utterance's loudest frame, such as 40: what is softer before and after "
        "all else is left out. 0 keeps it. Default: 40 for corpora of single acted recordings "
        "(ravdess, cremad, emodb, savee, tess), else 0.",
    )
    _define("path", "glove", None, "GloVe's text file; without it word vectors start at random.")
    _define(
        "enum",
        "video_region",
        schema.VIDEO_REGIONS[0],
        "What of a picture features are made of: the half that shows the speaker, where the corpus "
        "says one; the whole; or the face that is found in the half (extra faces), and the half "
        "where none is found.",
        enum_values=list(schema.VIDEO_REGIONS),
    )
    define_resnet()
    define_recognizer()
    _define_work()


@flag_kit.group("Work")
def _define_work():
    _define(
        "enum",
        "on_error",
        "stop",
        "What a recording does that cannot be used: stop the command, or be skipped and listed "
        "in problems.csv.",
        enum_values=list(groups.ON_ERROR),
    )
    _define("boolean", "keep_work", False, "Whether to keep OUTPUT_DIR.work at the end.")
    _define("string", "runner", None, "Runner of Apache Beam, such as DirectRunner. Default: none.")
    _define("string", "beam_options", "", "Options of Beam in one string, as on a command line.")


@flag_kit.group("Network for pictures")
def define_resnet(default_dtype="float32"):
    """Flags of the network that makes the features of pictures."""
    _define(
        "path",
        "resnet_weights",
        None,
        "Weights of ResNet-101: a Keras file, a torchvision state as .npz or .safetensors, or "
        "random (for tests alone).",
    )
    _define(
        "enum",
        "resnet_dtype",
        default_dtype,
        "Precision of ResNet-101; bfloat16 is faster where the processor has it.",
        enum_values=list(resnet_options.DTYPES),
    )
    _define(
        "boolean",
        "resnet_resize",
        True,
        "Whether pictures are scaled to a shorter side of 256 before their middle is cut out; "
        "without it, it is cut out of the picture as it is, as the paper has it.",
    )


@flag_kit.group("Speech recognizer")
def define_recognizer():
    """Flags of the speech recognizer."""
    _define(
        "enum",
        "asr",
        transcribe.AUTO,
        "Speech recognizer. faster-whisper (Whisper: about a hundred languages, fit for results), "
        "google (a service: recordings leave this machine), or pocketsphinx (clear US English "
        "alone; it mistakes most words of real speakers and is fit for trying out). auto: "
        "faster-whisper where it is installed and has a model, else pocketsphinx.",
        enum_values=[transcribe.AUTO, *transcribe.RECOGNIZERS],
    )
    _define(
        "path",
        "asr_model",
        None,
        "Its model: a folder for faster-whisper and pocketsphinx, a name for google. Default for "
        "faster-whisper: the largest that it has fetched before.",
    )
    _define(
        "string",
        "asr_language",
        None,
        "Language that is spoken, such as en, de, zh or en-GB. Default: the corpus' own; where it "
        "is not known, Whisper finds it out for each utterance.",
    )
    _define(
        "string",
        "asr_compute_type",
        "default",
        "Precision of faster-whisper, such as int8, which is faster, float16 or float32.",
    )
