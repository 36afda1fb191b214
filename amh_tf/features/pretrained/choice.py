"""Which encoder makes the features of a modality, and what is taken of it. Imports no framework."""

import dataclasses
import os
import re

from amh_tf import checking, errors

PAPER = "paper"  # the features of the paper, which need no encoder
LAST = "last"
DTYPES = ("float32", "bfloat16")
BATCH = 8
# Steps of sound a second, where none are asked for: 750 of them are 30 s.
STEPS_PER_SECOND = 25.0
# By modality, what says so.
FLAGS = {"audio": "audio_features", "text": "text_features", "video": "video_features"}
_LAYER = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
LAYER = "'last', a hidden layer's number such as 9, or a range such as 9-12, whose mean is taken"


@dataclasses.dataclass(frozen=True)
class Choice:
    """An encoder, and what is taken of it.

    Attributes:
        path: Folder in Hugging Face's layout, or an ONNX file with a JSON file beside it.
        layer: `LAST`; the number of a hidden layer, where 0 is what enters the first; or a range
            such as "9-12", whose mean is taken.
        steps_per_second: Of sound: how many steps a second its vectors are averaged to. None for
            `STEPS_PER_SECOND`, or the encoder's own where it gives fewer.
        dtype: Precision of weights and computation, one of `DTYPES`.
        batch: How many recordings, texts or pictures are computed side by side at most.
    """

    path: str
    layer: str = LAST
    steps_per_second: float | None = None
    dtype: str = DTYPES[0]
    batch: int = BATCH

    @property
    def is_file(self):
        """Whether it is an ONNX file, rather than a folder."""
        return str(self.path).lower().endswith(".onnx")

    @property
    def name(self):
        """What the folder or file is called."""
        return os.path.basename(os.path.abspath(self.path))

    @property
    def layers(self):
        """First and last hidden layer whose mean is taken, or None for the last layer's output."""
        if self.layer == LAST:
            return None
        first, last = _LAYER.fullmatch(self.layer).groups()
        return int(first), int(last or first)


def of_record(recorded, path):
    """Returns the choice that a data set notes of its encoder.

    Args:
        recorded: What it says, a dict; see `feature_kinds`.
        path: Where the encoder is now.

    Raises:
        InputError: If what it says of a layer is not one.
    """
    check_layer("layer", recorded["layer"])
    rate = recorded.get("steps_per_second")
    return Choice(path, recorded["layer"], rate, recorded["dtype"])


def check_layer(name, value):
    """Refuses what does not name a layer.

    Args:
        name: The setting, such as "audio_layer".
        value: Its value.

    Raises:
        InputError: If so.
    """
    match = _LAYER.fullmatch(value)
    first, last = match.groups() if match else (None, None)
    is_range = match and (last is None or int(first) <= int(last))
    checking.require(
        value == LAST or is_range,
        name,
        "does not name a layer",
        LAYER,
        value,
        f"Set it with --{name}.",
    )


def check_rate(name, value):
    """Refuses a number of steps a second that sound cannot have.

    Raises:
        InputError: If it is not above 0 and at most 1,000.
    """
    checking.require(
        0 < value <= 1000,
        name,
        "is out of range",
        "a number above 0 and at most 1000",
        value,
        f"Set it with --{name}.",
    )


def same(recorded, files, modality, path):
    """Refuses an encoder that is not the one which made a data set's features.

    Args:
        recorded: What the data set says of it, a dict.
        files: Dict from the names of the encoder's files to their SHA-256.
        modality: Whose features it makes.
        path: Where it is.

    Raises:
        InputError: If it is another, or a file of it has changed; the message names both.
    """
    if files == recorded["files"]:
        return
    changed = [
        f"{name} {'differs' if name in files and name in recorded['files'] else 'is missing'}"
        if name in recorded["files"]
        else f"{name} is new"
        for name in sorted(files.keys() | recorded["files"].keys())
        if files.get(name) != recorded["files"].get(name)
    ]
    raise errors.refusal(
        f"{str(path)!r} is not the encoder that made the {modality} features",
        f"the files of {recorded['encoder']!r} ({recorded['architecture']}), unchanged",
        f"another one: {', '.join(changed)}",
        f"Name the folder or file of {recorded['encoder']!r} with --{FLAGS[modality]}.",
    )
