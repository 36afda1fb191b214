"""From one clip to the probabilities of the classes."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from amh_tf import errors, feature_kinds, models, schema
from amh_tf.corpora import recording
from amh_tf.data import moments
from amh_tf.extraction import extracted_source, extractor, reading
from amh_tf.extraction import settings as extraction_settings
from amh_tf.features import (
    decoding,
    media,
    pictures,
    resnet_weights,
    text,
    transcribe,
    video,
)
from amh_tf.training import run_folder, run_inputs

NAME = "the clip"
# What enrolment files hold no pictures, by their endings.
SOUND_ENDINGS = (
    *(".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".wma", ".sph"),
    *(".au", ".caf", ".w64", ".amr", ".ac3", ".mka"),
)


@dataclasses.dataclass(frozen=True)
class Clip:
    """What to listen to and look at.

    Attributes:
        video, audio: Files, or None. Without `audio`, the sound is the film's; "" is none.
        text: What is said; None to have it recognized, "" for none.
        start, end: Span in seconds of the film and of its sound, or of `audio` where there is
            no film; None for the whole.
        side: Half of the picture that shows the speaker, one of `recording.SIDES`.
    """

    video: str | None = None
    audio: str | None = None
    text: str | None = None
    start: float | None = None
    end: float | None = None
    side: str = "whole"

    def __post_init__(self):
        if not (self.video or self.audio or self.text):
            raise errors.InputError(
                "There is no clip. Expected a film, sound or text. Received: none of them. Set "
                "them with --video, --audio and --text."
            )

    def recording(self):
        """Returns it as a `recording.Recording`."""
        sound = self.video if self.audio is None else self.audio or None
        shared = sound is not None and (sound == self.video or not self.video)
        return recording.Recording(
            id=NAME,
            label=0,
            group=NAME,
            audio=sound,
            audio_start=self.start if shared else None,
            audio_end=self.end if shared else None,
            video=self.video,
            video_start=self.start,
            video_end=self.end,
            side=self.side,
        )


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a model says of a clip, and what it was given.

    Attributes:
        data: Name of the data set that the model was trained on.
        classes: Class names.
        probabilities: `(classes,)` float32.
        text: What was said or recognized, or "" for none.
        words: The words that the model was given, those that it does not know among them.
        known: For each of them, whether the model knows it.
        waveform: `(samples,)` float32 at 16 kHz, or None.
        frames: `(n, 224, 224, 3)` uint8, or None.
        hops: List of (modality, weights): what each hop attended to, one weight for each
            step of the modality; empty for a model without attention.
        audio_stride: How many steps of sound, of 10 ms, are one of the model's.
        audio_start: How many of them the silence before the first took.
        notes: What the user should know, one line each.
    """

    data: str
    classes: tuple
    probabilities: np.ndarray
    text: str
    words: list
    known: list
    waveform: np.ndarray | None
    frames: np.ndarray | None
    hops: list
    notes: list
    audio_stride: int = 1
    audio_start: int = 0

    @property
    def best(self):
        """The most probable class."""
        return self.classes[int(self.probabilities.argmax())]


def predict(
    run_dir,
    clip,
    weights=None,
    asr=transcribe.AUTO,
    asr_model=None,
    asr_language=None,
    asr_compute_type="default",
    data_dir=None,
    enroll=(),
):
    """Predicts one clip.

    Args:
        run_dir: Folder of a trained run.
        clip: `Clip`.
        weights: Weights file of ResNet-101, the one that the data set was made with.
        asr, asr_model, asr_language, asr_compute_type: Speech recognizer, its model, the language
            that is spoken and the precision; see `extractor.start_recognizer`.
        data_dir: Where the run's data set lies now, to go by what that says of itself today; None
            for what the run has noted.
        enroll: Other recordings of the same speaker, sound or films, by which a model that
            standardizes by the speaker does so; without them the clip itself.

    Returns:
        `Prediction`.

    Raises:
        ValueError: If the run has no model, nobody has said that its features are those that are
            made here, the weights are others, or the clip cannot be read.
        ImportError: If a package of an extra is needed and not installed.
    """
    folder = run_folder.RunFolder(run_dir)
    run_config = folder.load_config()
    inputs = run_inputs.load(run_dir, run_config, data_dir)
    model = folder.load_model()
    used = run_config.model.modalities
    notes = [f"No {name} is read: the model has none." for name in _unused(clip, used)]
    maker = _maker(inputs, used, clip, weights)
    spoken = clip.recording()
    waveform = frames = None
    told = set()
    audio_start = 0
    sequences = {
        "audio": np.zeros((0, inputs.widths["audio"]), np.float32),
        "text": np.zeros(0, np.int32),
        "video": np.zeros((0, inputs.widths["video"]), np.float32),
    }
    if spoken.audio and ("audio" in used or ("text" in used and clip.text is None)):
        waveform = reading.sound(spoken, told)
    if "audio" in used and waveform is not None:
        sequences["audio"], audio_start = maker.audio_features_from(waveform)
    if "video" in used and clip.video:
        frames = maker.frames(spoken, told)
        sequences["video"] = maker.video_features(frames)
        frames = (
            np.stack([pictures.crop_centre(frame) for frame in frames]) if len(frames) else None
        )
    notes += [media.say(note, 1) for note in sorted(told)]
    recognizer = asr, asr_model, asr_language, asr_compute_type
    said = _text(clip, used, waveform, recognizer, inputs, notes)
    words = text.words(said, maker.settings.unspaced_scripts)[: maker.settings.max_lengths["text"]]
    sequences["text"] = extracted_source.word_ids(words, inputs.word_table())
    notes += _about(sequences, used, waveform, frames, maker.settings.max_lengths)
    statistics = _statistics(run_config.model, maker, sequences, enroll, notes)
    probabilities, hops = _run(model, run_config, sequences, statistics)
    return Prediction(
        data=inputs.data + (" (synthetic)" * (inputs.synthetic and "synth" not in inputs.data)),
        classes=inputs.classes,
        probabilities=probabilities,
        text=said,
        words=words,
        known=[number != schema.UNKNOWN_ID for number in sequences["text"]],
        waveform=waveform,
        frames=frames,
        hops=hops,
        notes=notes,
        audio_stride=run_config.model.audio_stride,
        audio_start=audio_start,
    )


def _statistics(settings, maker, sequences, enroll, notes):
    """Returns the speaker's means and deviations, as inputs of the model."""
    if not settings.by_speaker:
        if enroll:
            notes.append(
                "Nothing is taken from --enroll: the model does not standardize by speaker."
            )
        return {}
    found = {}
    for modality in settings.by_speaker:
        held = moments.Moments.none(sequences[modality].shape[1])
        # An absent modality is not standardized, and its features may be none that are made here.
        for path in enroll if len(sequences[modality]) else ():
            held += moments.Moments.of(_enrolled(path, modality, maker))
        if not held.count and len(sequences[modality]):
            held = moments.Moments.of(sequences[modality])
            notes.append(
                f"The speaker's {modality} is known by this clip alone: the model was trained with "
                "all recordings of each speaker. --enroll=FILES gives it more."
            )
        found[f"{modality}_mean"] = held.mean.astype(np.float32)[np.newaxis]
        found[f"{modality}_deviation"] = held.deviation().astype(np.float32)[np.newaxis]
    return found


def _enrolled(path, modality, maker):
    """Makes the features of another recording of the speaker."""
    spoken = Clip(audio=path).recording() if modality == "audio" else Clip(video=path).recording()
    if modality == "audio":
        return maker.audio_features(reading.sound(spoken))
    if pathlib.Path(path).suffix.lower() in SOUND_ENDINGS:
        return np.zeros((0, schema.VIDEO_WIDTH), np.float32)
    return maker.video_features(maker.frames(spoken))


def _unused(clip, used):
    given = {"audio": clip.audio, "text": clip.text, "video": clip.video}
    return [name for name, value in given.items() if value and name not in used]


def _read(clip, used):
    """Lists the modalities of a clip that a model reads."""
    sound = bool(clip.recording().audio)
    there = {
        "audio": sound,
        "text": bool(clip.text) or (clip.text is None and sound),
        "video": bool(clip.video),
    }
    return [name for name in used if there[name]]


def _maker(inputs, used, clip, weights):
    """Makes the `Extractor` of the features that the run's data set has."""
    for modality in _read(clip, used):
        problem = feature_kinds.refusal(inputs.features, modality)
        if problem:
            raise errors.InputError(f"This run, on {inputs.data}, cannot take the clip. {problem}")
    recipe = inputs.features or {}
    heard, pictured = (feature_kinds.record(recipe, name) for name in ("audio", "video"))
    if weights is None and pictured.get("weights") == resnet_weights.RANDOM:
        weights = resnet_weights.RANDOM
    wanted = [name for name in ("audio", "text") if name in used]
    if "video" in used and clip.video:
        wanted.append("video")
    maker = extractor.Extractor(
        extraction_settings.Settings(
            modalities=tuple(wanted),
            max_lengths={**schema.MAX_LENGTHS, **recipe.get("max_lengths", {})},
            use_energy=heard.get("use_energy", False),
            trim_silence=heard.get("trim_silence", 0.0),
            resnet_weights=weights if "video" in wanted else None,
            resnet_dtype=pictured.get("dtype", "float32"),
            resnet_resize=pictured.get("resize", True),
            unspaced_scripts=text.unspaced_scripts(recipe),
        )
    )
    if "video" in wanted:
        _check_weights(maker.recipe["video"], pictured)
    return maker


def _check_weights(own, pictured):
    if own["fingerprint"] != pictured.get("fingerprint"):
        raise errors.InputError(
            "These are not the weights that the run's data set was made with. Expected the "
            f"weights of {pictured.get('weights')!r}. Received: others, {own['weights']!r}. Set "
            "them with --resnet_weights."
        )


def _text(clip, used, waveform, recognizer, inputs, notes):
    if "text" not in used:
        return ""
    if clip.text is not None or waveform is None:
        return clip.text or ""
    recognizer = extractor.start_recognizer(*recognizer)
    trained = (inputs.features.get("text") or {}).get("recognizer")
    if inputs.transcripts == "reference":
        notes.append(
            f"The words are recognized ({recognizer.description}), with errors; the model was "
            "trained on reference transcripts. --text gives the words."
        )
    elif trained not in (None, recognizer.description):
        notes.append(f"The words of the training data were recognized by {trained}.")
    return recognizer(waveform)


def _about(sequences, used, waveform, frames, max_lengths):
    """Says what the model does not get."""
    absent = [name for name in used if not len(sequences[name])]
    if len(absent) == len(used):
        raise errors.InputError(
            f"The clip holds nothing for the model. Expected some of {', '.join(used)}. Received: "
            "none of them. Set them with --video, --audio and --text."
        )
    for name in absent:
        yield f"There is no {name}; the model goes on without it."
    if "audio" not in absent and waveform is not None and "audio" in used:
        seconds = max_lengths["audio"] / 100
        if len(sequences["audio"]) >= max_lengths["audio"] and (
            len(waveform) / decoding.SAMPLE_RATE > seconds + 0.1
        ):
            yield f"Only the first {seconds:.1f} s of the sound are heard, as in training."
    if frames is not None and len(frames) == max_lengths["video"]:
        seconds = max_lengths["video"] / video.PICTURES_PER_SECOND
        yield f"No more than the first {seconds:.1f} s of the film are seen, as in training."


def _run(model, run_config, sequences, statistics):
    """Returns probabilities, `(classes,)`, and what each hop attended to."""
    batch = dict(statistics)
    for name in run_config.model.modalities:
        sequence = sequences[name]
        batch[f"{name}_length"] = np.array([len(sequence)], np.int32)
        if not len(sequence):  # no time axis at all would not do
            sequence = np.zeros((1, *sequence.shape[1:]), sequence.dtype)
        batch[name] = sequence[np.newaxis]
    targets = _targets(model, run_config.model)
    shown_by = models.attention_model(model) if targets else lambda fed, **_: {"logits": model(fed)}
    # As one graph: the encoders of several members would each make their own.
    shown = tf.function(lambda fed: shown_by(fed, training=False), autograph=False)(batch)
    logits = np.asarray(shown["logits"][0], np.float64)
    if not np.isfinite(logits).all():
        raise errors.InputError(
            "The model gives values that are not numbers. Expected finite ones. Received: "
            f"{logits}. Train again with a smaller --learning_rate."
        )
    steps = {name: len(sequence) for name, sequence in sequences.items()}
    steps["audio"] = -(-steps["audio"] // run_config.model.audio_stride)
    weights = np.exp(logits - logits.max())
    hops = [
        (target, np.asarray(shown[f"attention_{hop}"][0])[: steps[target]])
        for hop, target in enumerate(targets, 1)
    ]
    return (weights / weights.sum()).astype(np.float32), hops


def _targets(model, settings):
    """Names the modality that each hop attends to."""
    if settings.num_hops is not None:
        member = models.members(model)[0]
        return member.get_layer("hops").targets(settings.modalities)
    return list(settings.modalities) if settings.model == "rnn_attn" else []
