"""What was made of a recording."""

import dataclasses

import numpy as np

from amh_tf.corpora import recording


@dataclasses.dataclass
class Extracted:
    """What was made of a recording.

    Attributes:
        id: The recording's.
        audio: `(time, 120)` float32, or as wide as the encoder's; no rows where the modality is
            absent.
        video: `(time, 2048)` float32.
        text: Vectors of its words, `(time, width)` float32; none where words are numbered.
        words: Its text, recognized or of the corpus; "" where there is none.
        problem: `BadRecording` that kept its features from being made, or None.
        file: The file that the problem is about, or "".
        notes: List of (file, note), and of (id, note) where it is about the recording alone: what
            is worth saying of what was read all the same; see `media.say`.
    """

    id: str
    audio: np.ndarray
    text: np.ndarray
    video: np.ndarray
    words: str = ""
    problem: recording.BadRecording | None = None
    file: str = ""
    notes: list = dataclasses.field(default_factory=list)

    def check(self, modalities, strict):
        """Notes a recording of which nothing is left as a problem.

        Args:
            modalities: What was to be made.
            strict: Whether a problem ends the extraction.

        Raises:
            BadRecording: Under `strict`, if there is one.
        """
        if not self.problem and not (len(self.audio) or len(self.video) or self.words.strip()):
            self.problem = recording.BadRecording(
                "Nothing is left of the utterance. Expected sound, pictures or words. Received: "
                f"none of them among the modalities {', '.join(modalities)}."
            )
        if strict and self.problem:
            raise recording.BadRecording(
                f"The utterance {self.id!r} cannot be used: {self.problem} Repair the "
                "file, or leave such utterances out with --on_error=skip; finished work "
                "is kept."
            ) from self.problem
