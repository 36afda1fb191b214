"""Makes the features of raw recordings."""

import collections
import dataclasses
import hashlib
import json

import numpy as np

from amh_tf import errors, feature_kinds, schema
from amh_tf.corpora import recording
from amh_tf.extraction import reading
from amh_tf.features import feature_net, heard, media, regions, resnet_weights, transcribe


@dataclasses.dataclass
class Extracted:
    """What was made of a recording.

    Attributes:
        id: The recording's.
        audio: `(time, 120)` float32; no rows where the modality is absent.
        video: `(time, 2048)` float32.
        words: Its text, recognized or of the corpus; "" where there is none.
        problem: `BadRecording` that kept its features from being made, or None.
        file: The file that the problem is about, or "".
        notes: List of (file, note), and of (id, note) where it is about the recording alone: what
            is worth saying of what was read all the same; see `media.say`.
    """

    id: str
    audio: np.ndarray
    video: np.ndarray
    words: str = ""
    problem: recording.BadRecording | None = None
    file: str = ""
    notes: list = dataclasses.field(default_factory=list)


class Extractor:
    """Makes the features of raw recordings.

    The features of a recording depend on nothing but the recording and the settings.

    Args:
        settings: `Settings`.

    Attributes:
        settings: As given.
        recipe: What a data set must say of itself so that the same features can be made of
            another recording: a dict that JSON can hold.
        fingerprint: Text that differs where the features may differ.

    Raises:
        ValueError: If there are no such weights or a recognizer cannot be started.
        ImportError: If the extra `media` or `faces` is needed and not installed.
    """

    def __init__(self, settings):
        self.settings = settings
        self._network = self._transcriber = None
        if "video" in settings.modalities:
            self._network = feature_net.FeatureNet(
                settings.resnet_weights,
                dtype=settings.resnet_dtype,
                resize=settings.resnet_resize,
            )
            self._region = regions.Region(settings.video_region)
        if settings.recognizes:
            self._transcriber = start_recognizer(
                settings.asr,
                settings.asr_model,
                settings.asr_language,
                settings.asr_compute_type,
            )
        self.recipe = self._make_recipe()
        described = json.dumps(self.recipe, sort_keys=True)
        self.fingerprint = hashlib.sha256(described.encode()).hexdigest()

    def load(self):
        """Reads the weights of the network for pictures, which the first film does otherwise.

        Raises:
            ValueError: If they cannot be read.
        """
        if self._network:
            self._network.load()

    @property
    def recognizer_note(self):
        """What recognizes words and what it is fit for, in one line; None without one."""
        if self._transcriber is None:
            return None
        fit = transcribe.FIT_FOR[self._transcriber.name]
        return f"Words are recognized by {self._transcriber.description}: {fit}."

    def _make_recipe(self):
        settings = self.settings
        recipe = {
            "made_from": feature_kinds.RECORDINGS,
            "version": feature_kinds.VERSION,
            "modalities": list(settings.modalities),
            "max_lengths": {name: settings.max_lengths[name] for name in settings.modalities},
        }
        if "audio" in settings.modalities:
            recipe["audio"] = {"use_energy": settings.use_energy}
            if settings.trim_silence:
                recipe["audio"]["trim_silence"] = settings.trim_silence
        if "text" in settings.modalities:
            recognizer = self._transcriber and self._transcriber.description
            recipe["text"] = {
                "transcripts": settings.transcripts,
                "recognizer": recognizer,
                "unspaced_scripts": settings.unspaced_scripts,
            }
        if "video" in settings.modalities:
            made_with = settings.resnet_weights, settings.resnet_dtype, settings.resnet_resize
            recipe["video"] = feature_net.record(self._network, *made_with)
            recipe["video"].update(self._region.record)
        return recipe

    def group(self, recordings, strict=False, advance=lambda: None):
        """Makes the features of recordings that share files; each film is decoded once.

        Args:
            recordings: Sequence of `recording.Recording`.
            strict: Whether a recording that cannot be used ends it.
            advance: Function that is called for each recording that is done.

        Returns:
            List of `Extracted`, in the same order.

        Raises:
            BadRecording: Under `strict`, if a recording cannot be used.
        """
        results, films = [], collections.defaultdict(list)
        for position, utterance in enumerate(recordings):
            extracted = self._without_video(utterance)
            results.append(extracted)
            if self._network and utterance.video and not extracted.problem:
                films[utterance.video].append(position)
            else:
                self._finish(extracted, strict)
                advance()
        for path, positions in films.items():
            waiting = set(positions)
            notes = set()
            chosen = [recordings[position] for position in positions]
            for place, frames, problem, has_region in self.films(path, chosen, notes):
                position = positions[place]
                extracted = results[position]
                extracted.notes += [(path, note) for note in sorted(notes)]
                extracted.notes += [] if has_region else [(extracted.id, media.FACELESS)]
                if problem:
                    extracted.problem, extracted.file = problem, path
                else:
                    extracted.video = self.video_features(frames)
                waiting.discard(position)
                self._finish(extracted, strict)
                advance()
            if waiting:
                raise RuntimeError(f"{path!r} left {len(waiting)} spans without an answer")
        return results

    def _without_video(self, utterance):
        extracted = Extracted(
            utterance.id,
            np.zeros((0, schema.AUDIO_WIDTH), np.float32),
            np.zeros((0, schema.VIDEO_WIDTH), np.float32),
        )
        if "text" in self.settings.modalities and not self.settings.recognizes:
            extracted.words = utterance.transcript or ""
        if self.settings.needs_sound and utterance.audio:
            notes = set()
            try:
                waveform = reading.sound(utterance, notes)
            except recording.BadRecording as problem:
                extracted.problem, extracted.file = problem, utterance.audio
                return extracted
            extracted.notes += [(utterance.audio, note) for note in sorted(notes)]
            if "audio" in self.settings.modalities:
                extracted.audio = self.audio_features(waveform)
            if self.settings.recognizes:
                extracted.words = self._transcriber(waveform)
        return extracted

    def audio_features(self, waveform):
        """Makes the features of a waveform, `(time, 120)` float32."""
        return self.audio_features_from(waveform)[0]

    def audio_features_from(self, waveform):
        """Makes the features of a waveform, and says where in it they begin.

        Returns:
            `(time, 120)` float32, and the number of frames of 10 ms that were left out before.
        """
        settings = self.settings
        features, start = heard.features(
            waveform, settings.max_lengths["audio"], settings.use_energy, settings.trim_silence
        )
        return features.numpy(), int(start)

    def films(self, path, recordings, notes=None):
        """Reads the pictures that are kept of recordings that share a film, which is decoded once.

        Args:
            path: The film.
            recordings: Sequence of `recording.Recording`.
            notes: As for `video.frames_of`.

        Yields:
            For each recording, in any order: its place in `recordings`; its pictures, `(time,
            height, width, 3)` uint8, or None; None, or the `BadRecording` that says why; and
            whether the region is there. Without it, as without a face, the pictures are those of
            the speaker's half.
        """
        chosen = [self._region.of(utterance) for utterance in recordings]
        most, short_side = self.settings.max_lengths["video"], self._network.short_side
        scaling = self._region.scaling(short_side, most)
        for place, frames, problem in reading.films(
            path, chosen, notes=notes, most=most, **scaling
        ):
            has_region = True
            if not problem:
                frames, has_region = self._region.crop(frames, short_side)
            yield place, frames, problem, has_region

    def frames(self, utterance, notes=None):
        """Reads the pictures of one recording that are kept, `(time, height, width, 3)` uint8.

        Args:
            utterance: `recording.Recording`.
            notes: As for `video.frames_of`; `media.FACELESS` is another.

        Raises:
            BadRecording: If they cannot be read.
        """
        ((_, frames, problem, has_region),) = self.films(utterance.video, [utterance], notes)
        if problem:
            raise problem
        if notes is not None and not has_region:
            notes.add(media.FACELESS)
        return frames

    def video_features(self, frames):
        """Makes the features of pictures, `(time, 2048)` float32."""
        if not len(frames):  # the film's pictures begin after the utterance
            return np.zeros((0, schema.VIDEO_WIDTH), np.float32)
        return self._network(frames)

    def _finish(self, extracted, strict):
        if not extracted.problem and not (
            len(extracted.audio) or len(extracted.video) or extracted.words.strip()
        ):
            extracted.problem = recording.BadRecording(
                "Nothing is left of the utterance. Expected sound, pictures or words. Received: "
                f"none of them among the modalities {', '.join(self.settings.modalities)}."
            )
        if strict and extracted.problem:
            raise recording.BadRecording(
                f"The utterance {extracted.id!r} cannot be used: {extracted.problem} Repair the "
                "file, or leave such utterances out with --on_error=skip; finished work "
                "is kept."
            ) from extracted.problem


def start_recognizer(name, model=None, language=None, compute_type="default"):
    """Starts a speech recognizer.

    Args:
        name: One of `transcribe.RECOGNIZERS`, or `transcribe.AUTO`.
        model: Its model, or None for its default: a folder for PocketSphinx and
            faster-whisper, a name for Google.
        language: BCP-47 code of the language that is spoken, or None where that is not known.
        compute_type: Precision of faster-whisper, such as "int8".

    Returns:
        `transcribe.Transcriber`.

    Raises:
        ValueError: If it cannot be started, or has no use for a setting.
    """
    transcribe.check_language(language)
    name, model = transcribe.choose(name, model)
    chosen = {"language": language} if language else {}
    if model:
        chosen["hmm" if name == "pocketsphinx" else "model"] = model
    if compute_type != "default":
        if name != "faster-whisper":
            raise errors.refusal(
                "`asr_compute_type` means nothing to this recognizer",
                "faster-whisper",
                f"asr={name!r}, asr_compute_type={compute_type!r}",
                "Leave --asr_compute_type out, or set --asr=faster-whisper and --asr_model.",
            )
        chosen["compute_type"] = compute_type
    return transcribe.Transcriber(name, **chosen)


def is_random(settings):
    """Returns whether pictures get features of random weights, which only tests can use."""
    return "video" in settings.modalities and settings.resnet_weights == resnet_weights.RANDOM
