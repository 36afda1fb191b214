"""A timeline: the segments of a recording, and what a model says of each."""

import dataclasses
from pathlib import Path

import numpy as np

from amh_tf import files
from amh_tf.features import audio, video
from amh_tf.prediction.timeline import choices
from amh_tf.segments import segment

# Weights of a hop that are kept of a segment; neighbours are added up where there are more.
MOST_WEIGHTS = 120
_DECIMALS = 6
_STEP = audio.FRAME_STEP / audio.SAMPLE_RATE  # seconds


@dataclasses.dataclass(frozen=True)
class Hop:
    """What a hop attended to in a segment.

    Attributes:
        modality: Which sequence it read.
        start, end: Seconds from the segment's beginning of what its weights are of; zeros for
            words, of which nobody knows when each is said.
        weights: `(n,)` float32 that add up to one, at most `MOST_WEIGHTS` of sound and pictures;
            one for each word.
        even: What each would be if the hop did not choose.
    """

    modality: str
    start: float
    end: float
    weights: np.ndarray
    even: float

    def as_dict(self):
        """Returns what JSON holds of it."""
        shown = dataclasses.asdict(self)
        return {**shown, "weights": [round(float(x), _DECIMALS) for x in self.weights]}


@dataclasses.dataclass(frozen=True)
class Entry:
    """A segment, and what the model says of it.

    Attributes:
        segment: `segment.Segment`, whose `text` is what was said or recognized.
        probabilities: Dict from class to its probability; empty where there is a problem.
        words, known: As of `clip.Prediction`.
        hops: List of `Hop`.
        problem: Why there is no answer, or "".
    """

    segment: segment.Segment
    probabilities: dict
    words: list
    known: list
    hops: list
    problem: str = ""

    @property
    def emotion(self):
        """The most probable class, or ""."""
        return max(self.probabilities, key=self.probabilities.get, default="")

    @property
    def label(self):
        """Emotion and probability, such as "angry 0.62"."""
        return f"{self.emotion or 'no answer'} {self.probabilities.get(self.emotion, 0):.2f}"

    def as_dict(self):
        """Returns what JSON holds of it."""
        spoken = self.segment
        shown = {"start": spoken.start, "end": spoken.end, "speaker": spoken.speaker}
        shown |= {"text": spoken.text, "side": spoken.side, "emotion": self.emotion}
        shown |= {"probabilities": self.probabilities, "words": self.words, "known": self.known}
        return shown | {"attention": [hop.as_dict() for hop in self.hops], "problem": self.problem}


def entry(spoken, answer):
    """Makes the `Entry` of a segment.

    Args:
        spoken: `segment.Segment`.
        answer: `clip.Prediction`.
    """
    text = spoken.text if spoken.text is not None else answer.text or None
    return Entry(
        segment=dataclasses.replace(spoken, text=text or None),
        probabilities=answer.probabilities,
        words=answer.words,
        known=[bool(known) for known in answer.known],
        hops=[_hop(answer, modality, weights) for modality, weights in answer.hops],
    )


def unanswered(spoken, problem):
    """Makes the `Entry` of a segment that could not be predicted."""
    spoken = dataclasses.replace(spoken, text=spoken.text or None)
    return Entry(spoken, {}, [], [], [], problem)


def _hop(answer, modality, weights):
    count = len(weights)
    start = end = 0.0
    if modality == "audio" and count:
        start = answer.audio_start * _STEP
        step = 1 / answer.audio_steps_per_second
        # Frames of MFCC reach further than one begins after another.
        reach = audio.FRAME_LENGTH / audio.SAMPLE_RATE - _STEP if step == _STEP else 0.0
        end = start + count * answer.audio_stride * step + reach
    elif modality == "video":
        end = count / video.PICTURES_PER_SECOND
    if modality != "text" and count > MOST_WEIGHTS:
        edges = np.linspace(0, count, MOST_WEIGHTS + 1).round().astype(int)[:-1]
        weights = np.add.reduceat(weights, edges)
    kept = np.asarray(weights, np.float32)
    return Hop(modality, start, end, kept, 1 / max(len(kept), 1))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Timeline:
    """The emotions of a recording over time.

    Attributes:
        recording: Name of its file.
        video, audio: Its files, or None.
        seconds: How long it is.
        peaks: How loud it is; see `listening.Heard`.
        data, synthetic: Name of the data set that the model was trained on, and whether that was
            made up.
        model: What the model is called.
        classes: Class names.
        entries: List of `Entry`, by their start.
        notes: What the user should know, one line each.
    """

    recording: str
    video: str | None
    audio: str | None
    seconds: float
    peaks: np.ndarray
    data: str
    synthetic: bool
    model: str
    classes: tuple
    entries: list
    notes: list

    def __repr__(self):
        return f"<Timeline of {self.recording!r}: {len(self.entries)} segments>"

    def as_dict(self):
        """Returns what the JSON file holds."""
        return {
            "recording": self.recording,
            "seconds": self.seconds,
            "model": self.model,
            "trained_on": self.data,
            "synthetic": self.synthetic,
            "classes": list(self.classes),
            "notes": self.notes,
            "segments": [entry.as_dict() for entry in self.entries],
        }

    def write(self, path, format=None, media="auto"):
        """Writes it as a page, or for other programs.

        Args:
            path: Output file.
            format: One of `choices.FORMATS`; by the file's ending where it is None.
            media: Of a page, one of `choices.MEDIA`: where its player finds the recording.

        Returns:
            What the user should know, one line each.

        Raises:
            InputError: If neither format nor ending is known.
        """
        from amh_tf.prediction.timeline import formats, page

        kind = choices.format_of(path, format)
        choices.check_media(media)
        if kind == "html":
            return page.write(self, Path(path), media)
        files.write_text(path, formats.WRITERS[kind](self))
        return []
