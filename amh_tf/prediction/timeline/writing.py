"""From the settings of a timeline to its file: where work is kept, and what the user is told."""

import tempfile

from amh_tf import errors, folders
from amh_tf.features import speech, transcribe
from amh_tf.features.pretrained import choice
from amh_tf.prediction.timeline import choices, making
from amh_tf.prediction.timeline import work as works

_ASR = {
    "asr": transcribe.AUTO,
    "asr_model": None,
    "asr_language": None,
    "asr_compute_type": "default",
}
_SPEECH = {
    "vad_threshold": "threshold",
    "min_speech": "min_speech",
    "min_silence": "min_silence",
    "max_segment": "max_segment",
}


def make(predictor, settings):
    """Makes a timeline, and writes it.

    Args:
        predictor: `amh_tf.prediction.predictor.Predictor`.
        settings: Dict of what `Run.timeline` takes, without `data_dir`.

    Returns:
        `result.Timeline`.

    Raises:
        InputError: As for `making.make`; then nothing is written. What is done so far stays where
            the work is stopped in any other way, and the same call continues from it.
    """
    settings = dict(settings)
    output, kind = settings.pop("output", None), settings.pop("format", None)
    media = settings.pop("media", choices.MEDIA[0])
    choices.check_media(media)
    if output is not None:
        kind = choices.format_of(output, kind)
        sources = [settings.get(name) for name in ("video", "audio", "segments")]
        choices.check_output(output, [*sources, *settings.get("enroll", ())])
    request = _request(predictor, settings)
    if output is None:
        with tempfile.TemporaryDirectory() as folder:
            return making.make(predictor, request, folder)
    work = works.Work(f"{output}{works.ENDING}")
    with folders.locked(work.path, "output"):
        try:
            timeline = making.make(predictor, request, work.path)
            timeline.notes.extend(timeline.write(output, kind, media))
        except errors.InputError:  # it would come again
            work.remove()
            raise
        work.remove()
    return timeline


def _request(predictor, settings):
    """Returns the `making.Request` of settings."""
    recognizer = tuple(settings.pop(name, default) for name, default in _ASR.items())
    chosen = {
        field: value
        for name, field in _SPEECH.items()
        if (value := settings.pop(name, None)) is not None
    }
    longest = making.longest(predictor.settings, predictor.inputs)
    settings["enroll"] = tuple(settings.get("enroll", ()))
    encoders = {modality: settings.pop(name, None) for modality, name in choice.FLAGS.items()}
    return making.Request(
        encoders=encoders,
        recognizer=recognizer,
        finding=speech.SpeechSettings(**{"max_segment": longest, **chosen}),
        **settings,
    )
