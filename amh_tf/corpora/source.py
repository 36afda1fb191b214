"""What every reader gives."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np


@dataclasses.dataclass(frozen=True)
class Utterance:
    """One utterance's features.

    Attributes:
        id: Name, unique in its data set.
        label: Class id.
        audio: `(time, width)` float32; no rows where the modality is absent.
        text: `(time,)` int32 word ids, or `(time, width)` float32 vectors.
        video: `(time, width)` float32.
    """

    id: str
    label: int
    audio: np.ndarray
    text: np.ndarray
    video: np.ndarray


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is known of an utterance before its features are made.

    Attributes:
        id: Name, unique in its data set.
        label: Class id.
        splits: "train", "dev", "test" or "" (left out) in each fold that the source publishes;
            empty where it publishes none.
        speaker: Who speaks, or "" where the source does not say.
        sex: "female" or "male", or "" where the source does not say.
        session: In which recording session, or "".
        sentence: What is said, so that folds can be made without a sentence in two splits, or
            "" where it is unknown.
    """

    id: str
    label: int
    splits: tuple = ()
    speaker: str = ""
    sex: str = ""
    session: str = ""
    sentence: str = ""


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set before it is written to shards.

    Attributes:
        name: What it is called in a run's output.
        synthetic: Whether it was made up rather than recorded.
        classes: Class names; a label is an index into them.
        widths: Dict of the width of a step of "audio" and "video", and of "text" where it is
            vectors; without it text is word ids.
        vocabulary: Words in the order of their ids; `schema.RESERVED_WORDS` where text is
            vectors.
        embedding: `(vocabulary, width)` float32 word vectors, or None, as where text is vectors.
        index: An `Entry` for each utterance.
        utterances: Function without arguments that iterates over the `Utterance`s anew, in
            the order of `index`.
        fingerprint: Text that differs where the content differs.
        transcripts: "reference", or "asr" where the words were recognized.
        features: How the features were made, as in `feature_kinds`, so that the same can be made
            of another recording: a dict that JSON can hold, or None where it is unknown.
        fold_names: A name for each fold that the source publishes; as long as every entry's
            `splits`.
        published: What the published folds are, such as "five folds of actors".
    """

    name: str
    synthetic: bool
    classes: tuple
    widths: dict
    vocabulary: tuple
    embedding: np.ndarray | None
    index: tuple
    utterances: Callable[[], Iterator[Utterance]]
    fingerprint: str
    transcripts: str = "reference"
    features: dict | None = None
    fold_names: tuple = ("given",)
    published: str = "the split that the source gives"
