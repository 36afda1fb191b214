"""One clip, and what a model says of it."""

import dataclasses
import os
import typing
from typing import Any

import numpy as np

from amh_tf import checking, errors
from amh_tf.corpora import recording
from amh_tf.features import samples

if typing.TYPE_CHECKING:  # Matplotlib is imported when something is drawn
    from matplotlib import figure

NAME = "the clip"
# Files that hold no pictures, by their endings.
SOUND_ENDINGS = (
    *(".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".wma", ".sph"),
    *(".au", ".caf", ".w64", ".amr", ".ac3", ".mka"),
)


@dataclasses.dataclass(frozen=True)
class Clip:
    """What to listen to and look at.

    Attributes:
        video, audio: Files, or None. Without `audio`, the sound is the video's; "" is none. Sound
            may be `amh_tf.features.samples.Samples`.
        text: What is said; None to have it recognized, "" for none.
        start, end: Span in seconds of the video and of its sound, or of `audio` where there is
            no video; None for the whole.
        side: Half of the picture that shows the speaker, one of `recording.SIDES`.

    Example:

    >>> Clip(audio="clip.wav", text="Where are you?", start=0.5, end=2.0).text
    'Where are you?'
    """

    video: str | os.PathLike | None = None
    audio: str | os.PathLike | samples.Samples | None = None
    text: str | None = None
    start: float | None = None
    end: float | None = None
    side: str = "whole"

    def __post_init__(self):
        for name in ("video", "audio"):
            if isinstance(getattr(self, name), os.PathLike):
                object.__setattr__(self, name, os.fspath(getattr(self, name)))
        if not (self.video or self.audio or self.text):
            raise errors.refusal(
                "There is no clip",
                "a video, sound or text",
                "none of them",
                "Set them with --video, --audio and --text.",
            )
        checking.require_choice(self, "side", recording.SIDES)

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


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """What a model says of a clip, and what it was given. A notebook shows it as a table.

    Attributes:
        data: Name of the data set that the model was trained on.
        classes: Class names.
        probabilities: Dict from class to its probability, in the order of `classes`.
        text: What was said or recognized, or "" for none.
        words: The words that the model was given, those that it does not know among them.
        known: For each of them, whether the model knows it.
        waveform: `(samples,)` float32 at 16 kHz, or None.
        frames: `(n, 224, 224, 3)` uint8, or None.
        hops: List of (modality, weights): what each hop attended to, one weight for each
            step of the modality; empty for a model without attention.
        audio_stride: How many steps of sound are one of the model's.
        audio_start: How many frames of 10 ms the silence before the first took.
        audio_steps_per_second: How many steps of sound there are a second.
        notes: What the user should know, one line each.
    """

    data: str
    classes: tuple[str, ...]
    probabilities: dict[str, float]
    text: str
    words: list[str]
    known: list[bool]
    waveform: np.ndarray | None
    frames: np.ndarray | None
    hops: list[tuple[str, np.ndarray]]
    notes: list[str]
    audio_stride: int = 1
    audio_start: int = 0
    audio_steps_per_second: float = 100.0

    def __repr__(self):
        return f"<Prediction: {self.best} ({self.probabilities[self.best]:.3f}), of {self.data}>"

    @property
    def best(self) -> str:
        """The most probable class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def as_dict(self) -> dict[str, Any]:
        """Returns what `amh_tf.predict --format=json` prints."""
        return {
            "prediction": self.best,
            "probabilities": self.probabilities,
            "text": self.text,
            "trained_on": self.data,
        }

    def plot(self) -> "figure.Figure":
        """Draws the probabilities, and a row for what each hop attended to.

        Returns:
            `matplotlib.figure.Figure`, which a notebook shows; `.savefig("out.png")` writes it.
        """
        from amh_tf.prediction import attention_plot

        return attention_plot.picture(self)

    def _repr_html_(self):
        from amh_tf import templates

        return templates.render("prediction/prediction.html", prediction=self)
