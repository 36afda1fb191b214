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
        text: `(time,)` int32 word ids.
        video: `(time, width)` float32.
    """

    id: str
    label: int
    audio: np.ndarray
    text: np.ndarray
    video: np.ndarray


@dataclasses.dataclass(frozen=True)
class Split:
    """Utterances that belong together.

    Attributes:
        count: How many there are.
        utterances: Function without arguments that iterates over them anew.
    """

    count: int
    utterances: Callable[[], Iterator[Utterance]]


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set before it is written to shards.

    Attributes:
        name: What it is called in a run's output.
        synthetic: Whether it was made up rather than recorded.
        classes: Class names; a label is an index into them.
        widths: Dict of the width of a step of "audio" and "video".
        vocabulary: Words in the order of their ids.
        embedding: `(vocabulary, width)` float32 word vectors, or None.
        splits: Dict from "train", "dev", "test" to `Split`.
        fingerprint: Text that differs where the content differs.
    """

    name: str
    synthetic: bool
    classes: tuple
    widths: dict
    vocabulary: tuple
    embedding: np.ndarray | None
    splits: dict
    fingerprint: str
