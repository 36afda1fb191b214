"""Sound, words and pictures that come piece by piece, through a trained model."""

import numpy as np

from amh_tf import errors, schema
from amh_tf.features import audio, decoding, pictures, samples, sound_stream
from amh_tf.prediction import clip_features, predictor, speakers, stream_checks, track


class Stream:
    """Reads sound, words and pictures as they come, and answers at any moment.

    What the encoders have read is not read again: their states are carried from piece to piece,
    and the hops run over all states so far. At any moment the answer is that of `Run.predict` on
    what came until then, up to rounding; after the last piece it is that on the whole, however it
    was cut. The derivatives of a step of sound look at the 4 steps that follow it, 40 ms: `answer`
    takes the last ones as they are if the sound ends there, and they are computed again.

    A model hears no more than its longest input, 7.5 s of sound by default; `reset` begins anew.
    Words are not recognized: those are read that are fed.

    Args:
        model: A trained run's folder, an `amh_tf.Run`, or a `predictor.Predictor`. Streams of one
            `Predictor` share its graphs, and may be used side by side.
        enroll: Other recordings of the same speaker, for a model that standardizes by the speaker.
        resnet_weights: Weights of ResNet-101, where pictures come and not their features.
        data_dir: Where the run's data set is now; older runs need it.

    Raises:
        InputError: If the model cannot be run on a stream: it reads the recording from its end
            too, leaves out silence, or standardizes by a speaker of whom there is no other
            recording.

    Example:

    >>> import numpy as np
    >>> from amh_tf import prediction
    >>> stream = prediction.Stream("runs/live")  # doctest: +SKIP
    >>> for piece in np.split(np.zeros(16000, np.float32), 10):  # doctest: +SKIP
    ...     stream.feed(piece)
    >>> stream.finish().best, stream.seconds  # doctest: +SKIP
    ('neutral', 1.0)
    """

    def __init__(self, model, *, enroll=(), resnet_weights=None, data_dir=None):
        if not isinstance(model, predictor.Predictor):
            model = predictor.Predictor(getattr(model, "folder", model), data_dir)
        self._predictor, self._weights = model, resnet_weights
        self._speaker = speakers.Speaker(enroll)
        settings, inputs = model.settings, model.inputs
        stream_checks.check_model(settings, inputs, self._speaker)
        self._most = inputs.max_lengths
        self._sound = sound_stream.SoundStream(self._most["audio"], inputs.use_energy)
        strides = {"audio": settings.audio_stride, "text": 1, "video": 1}
        self._tracks = {
            name: track.Track(model.stepwise, name, self._most[name], strides[name])
            for name in settings.modalities
        }
        if "audio" in settings.by_speaker:
            self._enroll("audio")  # now, so that no piece waits for it
        self.reset()

    def reset(self):
        """Begins anew with the same model and speaker, as if nothing had come."""
        self._sound.reset()
        for one in self._tracks.values():
            one.reset()
        self._text, self._words, self._ids = "", [], np.zeros(0, np.int32)
        self._frames, self._unread = [], set()
        self._has_all_words = self._has_ended = False

    @property
    def seconds(self):
        """Seconds of sound that were heard."""
        return len(self._sound.waveform) / decoding.SAMPLE_RATE

    @property
    def longest(self):
        """Seconds of sound that the model hears at most."""
        return self._most["audio"] * audio.FRAME_STEP / audio.SAMPLE_RATE

    @property
    def is_empty(self):
        """Whether there is nothing for the model to read yet; a step of sound takes 25 ms."""
        return not any(self._count(name) for name in self._tracks)

    def feed(self, audio=None, text=None, video=None, rate=decoding.SAMPLE_RATE):
        """Takes what has come. What the model does not read is left out, and noted in the answer.

        Args:
            audio: The next samples, `(samples,)`, any number of them: floats in +-1, or 16- or
                32-bit integers.
            text: The next words, whole ones, as a text, and a space comes before it; or their
                vectors, `(n, width)` floats, for a model that reads such.
            video: The next pictures, three a second, of the region that the run's data set says:
                `(n, height, width, 3)` uint8, or their features, `(n, width)` floats.
            rate: Samples a second, which must be 16,000: `prediction.Resampler` converts.

        Raises:
            InputError: If something of it is refused; nothing is taken then.
        """
        if self._has_ended:
            raise errors.refusal(
                "The stream has ended", "no more pieces", "one", "`reset` begins anew."
            )
        steps = {
            "audio": lambda: self._samples(audio, rate),
            "text": lambda: self._transcript(text),
            "video": lambda: self._pictures(video),
        }
        pieces = {"audio": audio, "text": text, "video": video}
        coming = [name for name, piece in pieces.items() if piece is not None]
        checked = {name: steps[name]() for name in coming if name in self._tracks}
        self._unread.update(name for name in coming if name not in self._tracks)
        takers = {"audio": self._hear, "text": self._tell, "video": self._see}
        for name, piece in checked.items():
            takers[name](piece)

    def answer(self):
        """Returns the `Prediction` of what has come so far.

        Raises:
            InputError: If there is nothing for the model to read yet (`is_empty`).
        """
        used = self._predictor.settings.modalities
        sequences = {
            name: np.zeros((self._count(name), 0), np.float32) for name in schema.MODALITIES
        }
        if self._predictor.settings.reads_word_ids():
            sequences["text"] = self._ids
        notes = [f"No {name} is read: the model has none." for name in sorted(self._unread)]
        notes += clip_features.about(sequences, used, None, None, self._most)
        if self._sound.is_cut:
            notes.append(
                f"Only the first {self.longest:.1f} s of the sound are heard, as in training."
            )
        states = {name: one.states(self._rest(name)) for name, one in self._tracks.items()}
        features = clip_features.ClipFeatures(
            sequences=sequences,
            statistics={},
            text=self._text,
            words=self._words,
            waveform=self._sound.waveform.copy() if self._sound.num_steps else None,
            frames=np.stack(self._frames) if self._frames else None,
            audio_start=0,
            notes=notes,
        )
        return self._predictor.answer(features, self._predictor.stepwise.answer(states))

    def finish(self):
        """Ends the stream, and returns the `Prediction` of all that has come, as `answer` does."""
        answer = self.answer()
        self._has_ended = True
        return answer

    def _count(self, modality):
        """Returns how many steps of a modality have come."""
        if modality not in self._tracks:
            return 0
        return self._sound.num_steps if modality == "audio" else self._tracks[modality].count

    def _rest(self, modality):
        """Returns the steps that have come and are not final."""
        return self._sound.rest() if modality == "audio" else None

    def _maker(self, modality):
        """Returns what makes the features of a modality, if that can be done here."""
        return self._predictor.reader.maker((modality,), self._weights)

    def _samples(self, piece, rate):
        """Returns samples, `(samples,)` float32, of which features can be made."""
        stream_checks.check_features(self._predictor.inputs.features)
        self._maker("audio")
        return stream_checks.samples_of(piece, rate)

    def _transcript(self, text):
        """Returns a text, or vectors of one."""
        if not self._predictor.settings.reads_word_ids():
            return stream_checks.vectors("text", text, self._predictor.settings.text_width)
        if not isinstance(text, str):
            raise errors.refusal("`text` is not a text", "words", f"{type(text).__name__}")
        self._maker("text")
        return text

    def _pictures(self, piece):
        """Returns features of pictures, and the pictures where they came."""
        piece = samples.as_array(piece)
        if piece.dtype == np.uint8 and piece.ndim == 4:
            features = self._maker("video").video_features(piece)
            return features, [pictures.crop_centre(frame) for frame in piece]
        width = self._predictor.settings.video_width
        return stream_checks.vectors("video", piece, width), []

    def _hear(self, waveform):
        steps = self._sound.add(waveform)
        if len(steps):
            self._tracks["audio"].add(steps)

    def _tell(self, text):
        if not isinstance(text, str):
            self._add("text", text)
            return
        if self._has_all_words:
            return
        own, most = self._tracks["text"], self._most["text"]
        self._text = f"{self._text} {text}".strip()
        words, ids = self._predictor.reader.words(self._text)
        self._has_all_words = len(words) > most
        self._words, ids = words[:most], ids[:most]
        if not np.array_equal(ids[: len(self._ids)], self._ids):  # cut in another way now
            own.reset()
            self._ids = self._ids[:0]
        if len(ids) > len(self._ids):
            own.add(ids[len(self._ids) :])
        self._ids = ids

    def _see(self, seen):
        features, frames = seen
        self._enroll("video")
        self._frames += frames[: self._add("video", features)]

    def _add(self, modality, vectors):
        """Adds as many steps as the model still reads; returns how many."""
        own = self._tracks[modality]
        vectors = vectors[: self._most[modality] - own.count]
        if len(vectors):
            own.add(vectors)
        return len(vectors)

    def _enroll(self, modality):
        """Takes the speaker's mean and deviation of a modality from the other recordings."""
        own = self._tracks[modality]
        if modality not in self._predictor.settings.by_speaker or own.statistics:
            return
        width = self._predictor.inputs.widths[modality]
        moments = self._speaker.moments(modality, width, self._maker(modality))
        if not moments.count:
            raise errors.refusal(
                f"The speaker's other recordings have no {modality}",
                f"some by which its {modality} is standardized",
                "none",
                "Set them with --enroll.",
            )
        own.statistics = speakers.statistics_of(modality, moments)
