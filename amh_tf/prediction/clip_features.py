"""From a clip to what a run's model reads: features as the run's data set has them."""

import dataclasses

import numpy as np

from amh_tf import errors, feature_kinds, schema
from amh_tf.data import moments, records
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
from amh_tf.prediction import run_encoders, speakers


@dataclasses.dataclass(frozen=True)
class ClipFeatures:
    """What a model reads of a clip, and what that was made of.

    Attributes:
        sequences: Dict from modality to `(time, width)` float32, or `(time,)` int32 word ids; no
            steps where it is absent.
        statistics: Dict from the name of an input, such as "audio_mean", to `(width,)` float32.
        text, words, waveform, frames, audio_start, notes: As in `clip.Prediction`.
    """

    sequences: dict
    statistics: dict
    text: str
    words: list
    waveform: np.ndarray | None
    frames: np.ndarray | None
    audio_start: int
    notes: list


@dataclasses.dataclass(frozen=True)
class Decoded:
    """What was decoded of a clip already.

    Attributes:
        waveform: `(samples,)` float32 at 16 kHz, or None where the sound is not needed.
        frames: `(n, height, width, 3)` uint8, or None where pictures are not needed.
        remarks: Set of those of `media` that the files deserve.
    """

    waveform: np.ndarray | None
    frames: np.ndarray | None
    remarks: frozenset = frozenset()


class ClipReader:
    """Makes the features of clips for a run.

    Args:
        model: The run's `amh_tf.config.ModelConfig`.
        inputs: Its `amh_tf.runs.run_inputs.RunInputs`.
    """

    def __init__(self, model, inputs):
        self._model, self._inputs = model, inputs
        self._words = inputs.word_table()
        self._makers, self._recognizers = {}, {}

    def read(self, clip, weights, encoders, recognizer, speaker, decoded=None):
        """Reads a clip.

        Args:
            clip: `clip.Clip`.
            weights: Weights file of ResNet-101, or None.
            encoders: Dict from modality to where its pretrained encoder is, or None.
            recognizer: Arguments of `transcribe.start_recognizer`.
            speaker: `speakers.Speaker`, or None to leave its statistics to `standardized`.
            decoded: `Decoded`, or None to read the clip's files.

        Returns:
            `ClipFeatures`.

        Raises:
            InputError: If it is not declared that the run's features are those that are made here,
                the weights are others, or the clip cannot be read.
            ImportError: If a package of an extra is needed and not installed.
        """
        used = self._model.modalities
        notes = [f"No {name} is read: the model has none." for name in _unused(clip, used)]
        maker = self.maker_of(clip, weights, encoders)
        recording = clip.recording()
        waveform = frames = None
        remarks = set(decoded.remarks if decoded else ())
        audio_start = 0
        widths = self._inputs.widths
        sequences = {
            name: np.zeros((0, *records.shape_of(name, widths)), records.dtype_of(name, widths))
            for name in schema.MODALITIES
        }
        if self.needs_sound(clip):
            waveform = decoded.waveform if decoded else reading.sound(recording, remarks)
        if "audio" in used and waveform is not None:
            sequences["audio"], audio_start = maker.audio_features_from(waveform)
        if self.needs_pictures(clip):
            frames = decoded.frames if decoded else maker.frames(recording, remarks)
            sequences["video"] = maker.video_features(frames)
            frames = (
                np.stack([pictures.crop_centre(frame) for frame in frames]) if len(frames) else None
            )
        notes += [media.say(remark, 1) for remark in sorted(remarks)]
        transcript = self._text(clip, waveform, recognizer, notes)
        most = maker.settings.max_lengths
        words, ids = self.words(transcript)
        words = words[: most["text"]]
        if not records.are_vectors("text", widths):
            sequences["text"] = ids[: most["text"]]
        elif words:
            ((_, sequences["text"], is_cut),) = maker.text_features([transcript])
            notes += [media.say(media.LONG_TEXT, 1)] * is_cut
            words = words[: len(sequences["text"])]
        rate = self._inputs.audio_steps_per_second
        notes += about(sequences, used, waveform, frames, most, rate)
        statistics = {}
        if speaker is not None:
            statistics = self._statistics(maker, sequences, speaker, notes)
        return ClipFeatures(
            sequences, statistics, transcript, words, waveform, frames, audio_start, notes
        )

    def words(self, transcript):
        """Cuts a text into words; returns all of them, and their ids, `(time,)` int32."""
        words = text.words(transcript, text.unspaced_scripts(self._inputs.features))
        return words, extracted_source.word_ids(words, self._words)

    def needs_sound(self, clip):
        """Returns whether the sound of a clip is read: to be heard, or to recognize its words."""
        used = self._model.modalities
        recognized = "text" in used and clip.text is None
        return bool(clip.recording().audio) and ("audio" in used or recognized)

    def needs_pictures(self, clip):
        """Returns whether the pictures of a clip are read."""
        return "video" in self._model.modalities and bool(clip.video)

    def standardized(self, features, speaker, clip, *sources):
        """Returns the features of a clip with what they are standardized by.

        Args:
            features: `ClipFeatures` that `read` gave without a speaker.
            speaker: `speakers.Speaker`.
            clip, *sources: As for `maker_of`.
        """
        notes = list(features.notes)
        maker = self.maker_of(clip, *sources)
        statistics = self._statistics(maker, features.sequences, speaker, notes)
        return dataclasses.replace(features, statistics=statistics, notes=notes)

    def recognizer(self, settings):
        """Returns `transcribe.start_recognizer` of its arguments, called once."""
        if settings not in self._recognizers:
            self._recognizers[settings] = transcribe.start_recognizer(*settings)
        return self._recognizers[settings]

    def _statistics(self, maker, sequences, speaker, notes):
        """Returns the speaker's means and deviations, as inputs of the model."""
        if not self._model.by_speaker:
            if speaker:
                notes.append("--enroll is ignored: the model does not standardize by speaker.")
            return {}
        statistics = {}
        for modality in self._model.by_speaker:
            sequence = sequences[modality]
            moment = moments.Moments.none(sequence.shape[1])
            # An absent modality is not standardized, and its features may be none that are made
            # here.
            if len(sequence):
                moment = speaker.moments(modality, sequence.shape[1], maker)
            if not moment.count and len(sequence):
                moment = moments.Moments.of(sequence)
                notes.append(
                    f"The speaker's {modality} is known from this clip alone: the model was "
                    "trained with all recordings of each speaker. --enroll=FILES gives it more."
                )
            statistics |= speakers.statistics_of(modality, moment)
        return statistics

    def maker_of(self, clip, *sources):
        """Returns the `maker` of what the model reads of a clip."""
        return self.maker(_read(clip, self._model.modalities), *sources)

    def maker(self, read, weights, places=None):
        """Returns the `Extractor` of the features that the run's data set has.

        Args:
            read: The modalities that the model reads of what it is given.
            weights: Weights file of ResNet-101, or None.
            places: As `encoders` of `read`; None where no encoder can run beside the model.

        Raises:
            InputError: As `read`.
        """
        inputs, used = self._inputs, self._model.modalities
        for modality in read:
            beside = places is not None
            problem = feature_kinds.refusal(inputs.features, modality, beside)
            if problem:
                raise errors.InputError(
                    f"This run, on {inputs.data}, cannot take the clip. {problem}"
                )
        recipe = inputs.features or {}
        audio_recipe, video_recipe = (
            feature_kinds.record(recipe, name) for name in ("audio", "video")
        )
        if weights is None and video_recipe.get("weights") == resnet_weights.RANDOM:
            weights = resnet_weights.RANDOM
        modalities = [name for name in ("audio", "text") if name in used]
        if "video" in read:
            modalities.append("video")
        is_resnet = "video" in modalities and video_recipe["kind"] != feature_kinds.PRETRAINED
        places = {name: (places or {}).get(name) for name in modalities if name in read}
        key = tuple(modalities), weights if is_resnet else None, tuple(places.items())
        if key not in self._makers:
            maker = extractor.Extractor(
                extraction_settings.Settings(
                    modalities=tuple(modalities),
                    max_lengths={**schema.MAX_LENGTHS, **recipe.get("max_lengths", {})},
                    use_energy=audio_recipe.get("use_energy", False),
                    trim_silence=audio_recipe.get("trim_silence", 0.0),
                    resnet_weights=weights if is_resnet else None,
                    resnet_dtype=video_recipe.get("dtype", "float32"),
                    resnet_resize=video_recipe.get("resize", True),
                    video_region=video_recipe.get("region", schema.VIDEO_REGIONS[0]),
                    unspaced_scripts=text.unspaced_scripts(recipe),
                    encoders=run_encoders.choices(recipe, places),
                )
            )
            if "video" in modalities:
                run_encoders.check_network(maker.recipe["video"], video_recipe)
            self._makers[key] = maker
        return self._makers[key]

    def _text(self, clip, waveform, recognizer, notes):
        if "text" not in self._model.modalities:
            return ""
        if clip.text is not None or waveform is None:
            return clip.text or ""
        recognize = self.recognizer(recognizer)
        trained = (self._inputs.features.get("text") or {}).get("recognizer")
        if self._inputs.transcripts == "reference":
            notes.append(
                f"The words are recognized ({recognize.description}), with errors; the model was "
                "trained on reference transcripts. --text gives the words."
            )
        elif trained not in (None, recognize.description):
            notes.append(f"The words of the training data were recognized by {trained}.")
        return recognize(waveform)


def _unused(clip, used):
    values = {"audio": clip.audio, "text": clip.text, "video": clip.video}
    return [name for name, value in values.items() if value and name not in used]


def _read(clip, used):
    """Lists the modalities of a clip that a model reads."""
    sound = bool(clip.recording().audio)
    there = {
        "audio": sound,
        "text": bool(clip.text) or (clip.text is None and sound),
        "video": bool(clip.video),
    }
    return [name for name in used if there[name]]


def about(sequences, used, waveform, frames, max_lengths, audio_rate=100.0):
    """Yields notes of what the model does not get, and refuses a clip of which it gets nothing."""
    absent = [name for name in used if not len(sequences[name])]
    if len(absent) == len(used):
        raise errors.refusal(
            "The clip holds nothing for the model",
            f"some of {', '.join(used)}",
            "none of them",
            "Set them with --video, --audio and --text.",
        )
    for name in absent:
        yield f"There is no {name}; the model continues without it."
    seconds = max_lengths["audio"] / audio_rate
    is_cut = len(sequences["audio"]) >= max_lengths["audio"]
    is_longer = waveform is not None and len(waveform) / decoding.SAMPLE_RATE > seconds + 0.1
    if "audio" in used and is_cut and is_longer:
        yield f"Only the first {seconds:.1f} s of the sound are heard, as in training."
    if frames is not None and len(frames) == max_lengths["video"]:
        seconds = max_lengths["video"] / video.PICTURES_PER_SECOND
        yield f"No more than the first {seconds:.1f} s of the video are seen, as in training."
