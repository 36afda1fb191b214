"""Makes the features of raw recordings."""

import collections
import hashlib
import json

import numpy as np

from amh_tf import feature_kinds, schema
from amh_tf.corpora import recording
from amh_tf.extraction import extracted, reading, recipe
from amh_tf.features import feature_net, heard, media, regions, resnet_weights, transcribe
from amh_tf.features.pretrained import opening


class Extractor:
    """Makes the features of raw recordings.

    The features of a recording depend on nothing but the recording and the settings; up to
    rounding, where an encoder computes several recordings of a group side by side.

    Args:
        settings: `Settings`.

    Attributes:
        settings: As given.
        widths: Dict from modality to the width of a step; without "text" where words are numbered.
        recipe: What a data set must say of itself so that the same features can be made of
            another recording: a dict that JSON can hold.
        fingerprint: Text that differs where the features may differ.

    Raises:
        ValueError: If there are no such weights or a recognizer cannot be started.
        ImportError: If the extra `media` or `faces` is needed and not installed.
    """

    def __init__(self, settings):
        self.settings = settings
        self._encoders = {
            modality: opening.open_encoder(modality, settings.encoders[modality])
            for modality in settings.modalities
            if modality in settings.encoders
        }
        own = {modality: encoder.width for modality, encoder in self._encoders.items()}
        self.widths = {**feature_kinds.WIDTHS, **own}
        self._network = self._encoders.get("video")
        self._region = self._transcriber = None
        if "video" in settings.modalities and not self._network:
            self._network = feature_net.FeatureNet(
                settings.resnet_weights,
                dtype=settings.resnet_dtype,
                resize=settings.resnet_resize,
            )
        if "video" in settings.modalities:
            self._region = regions.Region(settings.video_region)
        if settings.recognizes:
            self._transcriber = transcribe.start_recognizer(
                settings.asr,
                settings.asr_model,
                settings.asr_language,
                settings.asr_compute_type,
            )
        self.recipe = recipe.of(
            settings, self._encoders, self._network, self._region, self._transcriber
        )
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
    def encoder_seconds(self):
        """How long the encoders have run so far; None without one."""
        if not self._encoders:
            return None
        return sum(encoder.seconds for encoder in self._encoders.values())

    @property
    def recognizer_note(self):
        """What recognizes words and what it is fit for, in one line; None without one."""
        if self._transcriber is None:
            return None
        fit = transcribe.FIT_FOR[self._transcriber.name]
        return f"Words are recognized by {self._transcriber.description}: {fit}."

    def group(self, recordings, strict=False, advance=lambda: None):
        """Makes the features of recordings that share files; each film is decoded once.

        Args:
            recordings: Sequence of `recording.Recording`.
            strict: Whether a recording that cannot be used ends it.
            advance: Function that is called for each recording that is done.

        Returns:
            List of `extracted.Extracted`, in the same order.

        Raises:
            BadRecording: Under `strict`, if a recording cannot be used.
        """
        results, waveforms = [], {}
        for position, utterance in enumerate(recordings):
            result, waveform = self._without_video(utterance)
            results.append(result)
            if result.problem:
                result.check(self.settings.modalities, strict)
            elif waveform is not None:
                waveforms[position] = waveform
        read = self._encode_words(results)
        films = collections.defaultdict(list)
        for position in self._encode_sound(read, results, waveforms):
            if self._network and recordings[position].video and not results[position].problem:
                films[recordings[position].video].append(position)
            else:
                results[position].check(self.settings.modalities, strict)
                advance()
        for path, positions in films.items():
            waiting = set(positions)
            notes = set()
            chosen = [recordings[position] for position in positions]
            for place, frames, problem, has_region in self.films(path, chosen, notes):
                position = positions[place]
                result = results[position]
                result.notes += [(path, note) for note in sorted(notes)]
                result.notes += [] if has_region else [(result.id, media.FACELESS)]
                if problem:
                    result.problem, result.file = problem, path
                else:
                    result.video = self.video_features(frames)
                waiting.discard(position)
                result.check(self.settings.modalities, strict)
                advance()
            if waiting:
                raise RuntimeError(f"{path!r} left {len(waiting)} spans without an answer")
        return results

    def _without_video(self, utterance):
        """Returns what is made of a recording alone, and the sound that an encoder is to read."""
        result = extracted.Extracted(
            utterance.id,
            *(np.zeros((0, self.widths.get(name, 0)), np.float32) for name in schema.MODALITIES),
        )
        if "text" in self.settings.modalities and not self.settings.recognizes:
            result.words = utterance.transcript or ""
        if not (self.settings.needs_sound and utterance.audio):
            return result, None
        notes = set()
        try:
            waveform = reading.sound(utterance, notes)
        except recording.BadRecording as problem:
            result.problem, result.file = problem, utterance.audio
            return result, None
        result.notes += [(utterance.audio, note) for note in sorted(notes)]
        if self.settings.recognizes:
            result.words = self._transcriber(waveform)
        if "audio" not in self.settings.modalities:
            return result, None
        if "audio" in self._encoders:
            return result, self._spoken(waveform)[0]
        result.audio = self.audio_features(waveform)
        return result, None

    def _spoken(self, waveform):
        """Returns a waveform without the silence around it, and the frames that it took before."""
        settings = self.settings
        return heard.spoken(waveform, settings.trim_silence, settings.use_energy)

    def _encode_words(self, results):
        """Lets the encoder of texts, if there is one, read the words of a group.

        Yields:
            The place of each of the group's recordings, as its words are done.
        """
        if "text" not in self._encoders:
            yield from range(len(results))
            return
        good = [place for place, result in enumerate(results) if not result.problem]
        yield from (place for place, result in enumerate(results) if result.problem)
        for number, vectors, is_cut in self.text_features([results[n].words for n in good]):
            result = results[good[number]]
            result.text = vectors
            if is_cut:
                result.notes.append((result.id, media.LONG_TEXT))
            yield good[number]

    def _encode_sound(self, read, results, waveforms):
        """Lets the encoder of sound, if there is one, hear a group.

        Args:
            read: Iterator of the places whose words are done.
            results: Of the group.
            waveforms: Dict from places to what there is to hear.

        Yields:
            The place of each of the group's recordings, as its sound is done.
        """
        yield from (place for place in read if place not in waveforms)
        if waveforms:
            places, sounds = zip(*waveforms.items())
            most = self.settings.max_lengths["audio"]
            for number, features in self._encoders["audio"](sounds, most):
                results[places[number]].audio = features
                yield places[number]

    def text_features(self, texts):
        """Makes the vectors of texts' words; see `WordEncoder`."""
        settings = self.settings
        most, unspaced = settings.max_lengths["text"], settings.unspaced_scripts
        return self._encoders["text"](texts, most, unspaced)

    def audio_features(self, waveform):
        """Makes the features of a waveform, `(time, width)` float32."""
        return self.audio_features_from(waveform)[0]

    def audio_features_from(self, waveform):
        """Makes the features of a waveform, and says where in it they begin.

        Returns:
            `(time, width)` float32, and the number of frames of 10 ms that were left out before.
        """
        settings = self.settings
        if "audio" in self._encoders:
            spoken, start = self._spoken(waveform)
            ((_, features),) = self._encoders["audio"]([spoken], settings.max_lengths["audio"])
            return features, start
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
        """Makes the features of pictures, `(time, width)` float32."""
        if not len(frames):  # the film's pictures begin after the utterance
            return np.zeros((0, self.widths["video"]), np.float32)
        return self._network(frames)


def is_random(settings):
    """Returns whether pictures get features of random weights, which only tests can use."""
    is_resnet = "video" in settings.modalities and "video" not in settings.encoders
    return is_resnet and settings.resnet_weights == resnet_weights.RANDOM
