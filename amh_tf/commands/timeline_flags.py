"""The flags of a timeline. Only its entry point imports this."""

from absl import flags

from amh_tf import errors
from amh_tf.commands import extraction_flags, flag_kit, prediction_flags
from amh_tf.corpora import recording
from amh_tf.features import speech
from amh_tf.prediction.timeline import choices
from amh_tf.segments import reading

FLAGS = flags.FLAGS
_define = flag_kit.define


def define():
    """Flags of a timeline."""
    _define_recording()
    _define_speech()
    prediction_flags.define_run()
    extraction_flags.define_recognizer()
    _define_output()


@flag_kit.group("Recording")
def _define_recording():
    _define("path", "video", None, "Video of the whole recording.")
    _define("path", "audio", None, "Its sound; the video's where not given, --audio= for none.")
    _define(
        "path",
        "segments",
        None,
        "File that says who speaks when, and perhaps what: RTTM, SRT, WebVTT, CSV (start, end, "
        "speaker, text, side), TextGrid, JSON, or IEMOCAP's transcription (.txt). Default: speech "
        "is found in the sound.",
    )
    _define("string", "encoding", None, "Encoding of that file, where it is not UTF-8.")
    _define(
        "enum",
        "side",
        "whole",
        "Half of the picture that shows the speaker, where the segments do not say.",
        enum_values=list(recording.SIDES),
    )
    _define(
        "enum",
        "speaker_statistics",
        choices.SPEAKER_STATISTICS[0],
        "For a model that standardizes by the speaker: by each segment alone, as predict does, or "
        "by all segments of its speaker in the recording, as in training.",
        enum_values=list(choices.SPEAKER_STATISTICS),
    )
    _define(
        "paths",
        "enroll",
        [],
        "Other recordings of the same speaker, with commas between them, for such a model.",
    )


@flag_kit.group("Speech")
def _define_speech():
    default = speech.SpeechSettings()
    _define("float", "vad_threshold", default.threshold, "Probability from which it is speech.")
    _define("float", "min_speech", default.min_speech, "Seconds; shorter speech is left out.")
    _define("float", "min_silence", default.min_silence, "Seconds; shorter pauses end no segment.")
    _define(
        "float",
        "max_segment",
        None,
        "Seconds; longer speech is cut at its quietest places. Default: as much as the model "
        "reads.",
    )


@flag_kit.group("Output")
def _define_output():
    _define("path", "output", None, "File to write (required).", required=True)
    _define(
        "enum",
        "format",
        None,
        "Its format. Default: by its ending, .html, .csv, .json, .srt, .vtt or .TextGrid.",
        enum_values=list(choices.FORMATS),
    )
    _define(
        "enum",
        "media",
        "auto",
        "What the page plays: the recording, in the page up to 20 MB and beside it above; always "
        "beside it (link); or nothing.",
        enum_values=list(choices.MEDIA),
    )


def check():
    """Refuses files that are not there, and settings that cannot be.

    Raises:
        InputError: If there are any.
    """
    if not (FLAGS.video or FLAGS.audio):
        raise errors.refusal(
            "There is no recording", "a video or a sound", "neither", "Set --video or --audio."
        )
    prediction_flags.check_sources()
    if FLAGS.segments:
        reading.check(FLAGS.segments)
    most = {} if FLAGS.max_segment is None else {"max_segment": FLAGS.max_segment}
    speech.SpeechSettings(FLAGS.vad_threshold, FLAGS.min_speech, FLAGS.min_silence, **most)
    if not FLAGS.segments:
        speech.Detector()  # or its extra is not installed
    choices.format_of(FLAGS.output, FLAGS.format)
    sources = FLAGS.video, FLAGS.audio, FLAGS.segments, *FLAGS.enroll
    choices.check_output(FLAGS.output, sources)
