"""Makes a timeline: finds speech, makes the features of every segment, and asks the model."""

import collections
import dataclasses
from pathlib import Path

import numpy as np

from amh_tf import checking, errors, progress
from amh_tf.corpora import recording
from amh_tf.data import moments
from amh_tf.extraction import file_digests
from amh_tf.features import speech, transcribe
from amh_tf.prediction import clip as clips
from amh_tf.prediction import speakers
from amh_tf.prediction.timeline import choices, features, listening, result
from amh_tf.prediction.timeline import work as works
from amh_tf.segments import reading, segment

# Differs where stored features may differ though nothing else does.
_VERSION = 2


@dataclasses.dataclass(frozen=True)
class Request:
    """What a timeline is made of.

    Attributes:
        video, audio: Files, or None; the sound is the video's where `audio` is None, "" is none.
        segments: File of segments, or None to find speech.
        encoding: Encoding of that file; see `text_files.lines`.
        side: Half of the picture that shows the speaker, where the segments do not say.
        finding: `speech.SpeechSettings`: how speech is found.
        speaker_statistics: One of `choices.SPEAKER_STATISTICS`, where the model standardizes so.
        enroll: Other recordings of the speaker; see `Predictor.predict`.
        resnet_weights: Weights of ResNet-101, or None.
        encoders: Dict from modality to where its pretrained encoder is, or None.
        recognizer: Arguments of `transcribe.start_recognizer`, a tuple.
    """

    video: str | None = None
    audio: str | None = None
    segments: str | None = None
    encoding: str | None = None
    side: str = "whole"
    finding: speech.SpeechSettings = dataclasses.field(default_factory=speech.SpeechSettings)
    speaker_statistics: str = choices.SPEAKER_STATISTICS[0]
    enroll: tuple = ()
    resnet_weights: str | None = None
    encoders: dict = dataclasses.field(default_factory=dict)
    recognizer: tuple = (transcribe.AUTO, None, None, "default")

    def __post_init__(self):
        checking.require_choice(self, "speaker_statistics", choices.SPEAKER_STATISTICS)
        checking.require_choice(self, "side", recording.SIDES)
        if not (self.video or self.audio):
            raise errors.refusal(
                "There is no recording",
                "a video or a sound",
                "neither",
                "Set it with --video or --audio.",
            )
        if not (self.sound or self.segments):
            raise errors.refusal(
                "There is no sound to find speech in",
                "sound, or a file of segments",
                "neither",
                "Set them with --audio and --segments.",
            )

    @property
    def sound(self):
        """The file that is heard, or None."""
        return self.video if self.audio is None else self.audio or None

    @property
    def sources(self):
        """What a `ClipReader` needs besides a clip to make its features, a tuple."""
        return self.resnet_weights, self.encoders

    @property
    def recording(self):
        """The file that is shown."""
        return self.video or self.audio


def longest(settings, inputs):
    """Returns for how many seconds a model hears and sees at least one of what it reads.

    Args:
        settings: The run's `ModelConfig`.
        inputs: Its `RunInputs`.
    """
    steps_per_second = {"audio": inputs.audio_steps_per_second, "video": 3}
    lengths = [
        inputs.max_lengths[name] / steps_per_second[name]
        for name in settings.modalities
        if name in steps_per_second
    ]
    return min(lengths, default=speech.SpeechSettings.max_segment)


def make(predictor, request, folder):
    """Makes a timeline.

    Args:
        predictor: `amh_tf.prediction.predictor.Predictor`.
        request: `Request`.
        folder: Where what is done so far is kept; a stopped command continues from it.

    Returns:
        `result.Timeline`.

    Raises:
        InputError: If the recording or its file of segments cannot be read, no speech is found, or
            no segment can be predicted.
        ImportError: If a package of an extra is needed and not installed.
    """
    work, notes = works.Work(folder), collections.Counter()
    # Before hours of work, what the run does not take.
    whole = clips.Clip(video=request.video, audio=request.audio)
    predictor.reader.maker_of(whole, *request.sources)
    with file_digests.remembered("") as digest:
        of_recording = [digest(path) for path in (request.sound, request.video) if path]
    heard = _listen(request, work, works.key(_VERSION, of_recording))
    notes.update(dict.fromkeys(heard.notes, 0))
    segments = _segments(request, heard, notes)
    segments, recognizer = _with_words(request, segments, predictor, notes)
    inputs, described = predictor.inputs, [request.video is None, request.side, recognizer]
    words = [inputs.vocabulary, inputs.unknown_ids]
    described += [predictor.settings.modalities, inputs.features, inputs.max_lengths, words]
    key = works.key(_VERSION, of_recording, described)
    maker = features.FeatureMaker(predictor.reader, request, segments, work)
    batches = features.batches(segments, key)
    missing = [batch for batch in batches if maker.load(batch) is None]
    total = sum(len(batch.places) for batch in missing)
    with progress.bar(max(total, 1), "making features", "segments") as bar:
        maker.make(missing, bar)
    entries = _answers(predictor, request, segments, maker, batches, notes)
    _check_problems(entries, notes)
    seconds = max([heard.seconds, *(spoken.end for spoken in segments)])
    return result.Timeline(
        recording=Path(request.recording).name,
        video=request.video,
        audio=request.sound,
        seconds=seconds,
        peaks=heard.peaks,
        data=predictor.inputs.data,
        synthetic=predictor.inputs.synthetic,
        model=predictor.settings.title,
        classes=tuple(predictor.inputs.classes),
        entries=entries,
        notes=[
            note if count in (0, len(segments)) else f"{note} ({count:,} of {len(segments):,})"
            for note, count in notes.items()
        ],
    )


def _listen(request, work, key):
    """Returns `listening.Heard`, kept or new."""
    if not request.sound:
        return listening.Heard(0.0, np.zeros(0, np.uint8), np.zeros(0, np.float32), 0.0, [])
    detector = speech.Detector() if request.segments is None else None
    name = f"sound-{works.key(key, detector and detector.name)}"
    heard = listening.load(work, name)
    if heard is None:
        heard = listening.hear(request.sound, detector, work, name)
        listening.store(work, name, heard)
    return heard


def _segments(request, heard, notes):
    """Returns the segments of the file, or those that speech is found in."""
    if request.segments:
        name = Path(request.recording).stem
        segments = reading.read(request.segments, name, request.encoding)
        if request.sound:
            segments, cut = reading.within(request.segments, segments, heard.seconds)
            if cut:
                notes["Segments that end a little after the recording are cut at its end."] = cut
        return segments
    chosen = request.finding
    spans = listening.cut(heard, chosen)
    if not spans:
        loudest = heard.speech.max(initial=0)
        raise errors.refusal(
            f"No speech is found in {request.sound!r}",
            f"a probability of speech of {chosen.threshold} for {chosen.min_speech} s",
            f"{loudest:.2f} at most",
            "Set a lower --vad_threshold, or pass the segments with --segments.",
        )
    return [segment.Segment(start, end) for start, end in spans]


def _with_words(request, segments, predictor, notes):
    """Leaves words out where nothing can recognize them.

    A recognizer that the user chose and that cannot be started ends the command.

    Returns:
        The segments, and what recognizes words, or "".
    """
    unknown = any(spoken.text is None for spoken in segments)
    if not (unknown and request.sound and "text" in predictor.settings.modalities):
        return segments, ""
    try:
        return segments, predictor.reader.recognizer(request.recognizer).description
    except errors.InputError as problem:
        if request.recognizer[:2] != (transcribe.AUTO, None):
            raise
        notes[f"No words are recognized; the model continues without them. {problem}"] = 0
    without = [dataclasses.replace(s, text="") if s.text is None else s for s in segments]
    return without, ""


class _RecordingSpeaker:
    """Everything that a speaker says in the recording, and what was enrolled beside it.

    Args:
        enrolled: `speakers.Speaker`.
        modalities: Those that are standardized.
    """

    def __init__(self, enrolled, modalities):
        self._enrolled, self._modalities, self._moments = enrolled, modalities, {}

    def __bool__(self):
        return True

    def add(self, sequences):
        """Adds the features of a segment, a dict from modality to `(time, width)`."""
        for modality in self._modalities:
            of_segment = moments.Moments.of(sequences[modality])
            before = self._moments.get(modality)
            self._moments[modality] = before + of_segment if before else of_segment

    def moments(self, modality, width, maker):
        """Returns the `Moments` of a modality."""
        return self._moments[modality] + self._enrolled.moments(modality, width, maker)


def _speakers(request, segments, maker, batches, by_speaker):
    """Returns a function from a segment to what standardizes it."""
    enrolled = speakers.Speaker(request.enroll)
    if request.speaker_statistics == "segment" or not by_speaker:
        return lambda spoken: enrolled
    by_name = {}
    for batch in batches:
        for place, (_, made) in zip(batch.places, maker.load(batch)):
            if not isinstance(made, str):
                name = segments[place].speaker
                speaker = by_name.setdefault(name, _RecordingSpeaker(enrolled, by_speaker))
                speaker.add(made.sequences)
    return lambda spoken: by_name[spoken.speaker]


def _answers(predictor, request, segments, maker, batches, notes):
    """Returns the `result.Entry` of each segment."""
    by_speaker = predictor.settings.by_speaker
    if request.speaker_statistics == "recording" and by_speaker and not segments[0].speaker:
        notes["All segments without a speaker's name are taken for one speaker's."] = 0
    speaker_of = _speakers(request, segments, maker, batches, by_speaker)
    entries, reader = {}, predictor.reader
    with progress.bar(len(segments), "predicting", "segments") as bar:
        for batch in batches:
            loaded = dict(zip(batch.places, maker.load(batch)))
            good = {
                place: reader.standardized(
                    made, speaker_of(segments[place]), clip, *request.sources
                )
                for place, (clip, made) in loaded.items()
                if not isinstance(made, str)
            }
            answers = predictor.answers(list(good.values())) if good else []
            for place, (_, made) in loaded.items():
                if isinstance(made, str):
                    entries[place] = result.unanswered(segments[place], made)
            for place, answer in zip(good, answers):
                notes.update(answer.notes)
                entries[place] = result.entry(segments[place], answer)
            bar.advance(len(batch.places))
    return [entries[place] for place in range(len(segments))]


def _check_problems(entries, notes):
    """Notes how many segments have no answer; if none has one, there is nothing to show."""
    problems = [entry.problem for entry in entries if entry.problem]
    if len(problems) == len(entries):
        raise errors.InputError(problems[0])
    if problems:
        notes[f"Segments without an answer, the first because: {problems[0]}"] = len(problems)
