"""What the JSON file beside an ONNX file says of it."""

import dataclasses
from typing import Annotated, Literal

import msgspec

from amh_tf import files, typed
from amh_tf.features.pretrained import encoder_files, network

_Number = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
_Above = Annotated[float, msgspec.Meta(gt=0, le=1e6)]


@dataclasses.dataclass(frozen=True)
class SoundFile:
    """What an encoder of sound says of itself.

    Attributes:
        output: Name of the output, `(batch, steps, width)`.
        input: Of the input, `(batch, samples)` float32.
        steps_per_second: How many steps it gives.
        mask: Name of an int64 input of ones for the samples, or None.
        sampling_rate: Of its waveforms.
        normalize: Whether each waveform is brought to mean 0 and deviation 1 first.
        least_samples: The fewest that give a step; less is padded.
        architecture: What it is called in results.
    """

    modality: Literal["audio"]
    input: typed.Name
    output: typed.Name
    steps_per_second: _Above
    mask: typed.Name | None = None
    sampling_rate: typed.Count = network.SAMPLE_RATE
    normalize: bool = False
    least_samples: typed.Count = 400
    architecture: typed.Name | None = None


@dataclasses.dataclass(frozen=True)
class TextFile:
    """What an encoder of texts says of itself.

    Attributes:
        input, mask, types: Names of int64 inputs `(batch, pieces)`: ids, ones for pieces, and
            zeros; the last two may be None.
        output: Name of the output, `(batch, pieces, width)`.
        tokenizer: Name of a tokenizer.json beside the file.
        max_pieces: How many it has positions for, or None.
        padding_id: What ids are padded with.
    """

    modality: Literal["text"]
    input: typed.Name
    output: typed.Name
    tokenizer: typed.FileName
    mask: typed.Name | None = None
    types: typed.Name | None = None
    max_pieces: typed.Count | None = None
    padding_id: typed.Size = 0
    architecture: typed.Name | None = None


@dataclasses.dataclass(frozen=True)
class PictureFile:
    """What an encoder of pictures says of itself.

    Attributes:
        input: Name of the input, `(batch, 3, size, size)` float32, or with the colours last.
        output: Of the output, `(batch, width)`, or `(batch, places, width)` to be averaged.
        picture_size: Pixels of a side.
        mean, deviation: Of each colour, of pixels between 0 and 1.
        channels_first: Whether colours come before the pixels.
    """

    modality: Literal["video"]
    input: typed.Name
    output: typed.Name
    picture_size: Annotated[int, msgspec.Meta(ge=1, le=network.LARGEST_PICTURE)]
    mean: tuple[_Number, _Number, _Number] = (0.0, 0.0, 0.0)
    deviation: tuple[_Above, _Above, _Above] = (1.0, 1.0, 1.0)
    channels_first: bool = True
    architecture: typed.Name | None = None


def read(path, kind):
    """Reads the description of an ONNX file.

    Args:
        path: The ONNX file.
        kind: `SoundFile`, `TextFile` or `PictureFile`.

    Raises:
        InputError: If it does not fit.
    """
    path = encoder_files.description_of(path)
    expected, remedy = "the description of an ONNX file", "docs/encoders.md has an example."
    said = files.read_json(path, expected)
    with typed.refusing(path, expected, remedy):
        return typed.record(said, kind)
