"""What every reader of raw recordings gives."""

import dataclasses

from amh_tf import errors

SIDES = ("whole", "left", "right")


@dataclasses.dataclass(frozen=True)
class Recording:
    """One utterance, and where it is in the raw media.

    Attributes:
        id: Name, unique in its corpus.
        label: Class id.
        group: Recordings of a group, such as a dialog, share files and are read together.
        splits: "train", "dev", "test" or "" (left out) in each fold that the corpus publishes;
            empty where it publishes none.
        speaker: Who speaks, or "" where the corpus does not say.
        sex: "female" or "male", or "" where the corpus does not say.
        session: In which recording session, or "".
        audio: File that holds the sound, or None where there is none. Of a clip, it may be
            `amh_tf.features.samples.Samples`.
        audio_start, audio_end: The utterance's span in it in seconds, or None for the whole
            file.
        video: File that holds the picture, or None where there is none.
        video_start, video_end: The utterance's span in it in seconds, or None for the whole.
        side: The half of the picture that shows the speaker: one of `SIDES`.
        transcript: What is said, as the corpus has it, or None where it does not say.
        seconds: How long it lasts by the corpus' own times, or None where it does not say. A span
            says so itself.
    """

    id: str
    label: int
    group: str
    splits: tuple = ()
    speaker: str = ""
    sex: str = ""
    session: str = ""
    audio: str | None = None
    audio_start: float | None = None
    audio_end: float | None = None
    video: str | None = None
    video_start: float | None = None
    video_end: float | None = None
    side: str = "whole"
    transcript: str | None = None
    seconds: float | None = None


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Raw recordings with their labels, before any feature is made.

    Attributes:
        name: What it is called in a run's output.
        synthetic: Whether it was made up rather than recorded.
        classes: Class names; a label is an index into them.
        recordings: Tuple of `Recording`, those of a group next to each other, in an order
            that does not depend on the file system.
        notes: What the user should know of it, one line each, such as how its counts compare
            with the published ones.
        fold_names: A name for each fold that the corpus publishes; as long as every recording's
            `splits`.
        published: What the published folds are, such as "five folds of actors".
        differences: How it differs from what its publishers count, one line each; they are in
            `notes`, too.
        missing: What should be there by the publishers' lists: ids, or files.
        extra: Files that are there and not of the corpus.
        language: BCP-47 code of the language that is spoken, or None where that is not known.
    """

    name: str
    synthetic: bool
    classes: tuple
    recordings: tuple
    notes: tuple = ()
    fold_names: tuple = ("given",)
    published: str = "the split that the source gives"
    differences: tuple = ()
    missing: tuple = ()
    extra: tuple = ()
    language: str | None = None


class BadRecording(errors.InputError):
    """A recording that cannot be used; the message names the file and what is wrong with it."""
