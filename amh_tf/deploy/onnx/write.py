"""Writes a trained model's ONNX files."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import onnx

from amh_tf import errors, folders
from amh_tf.deploy.onnx import model, parity, sound, streaming
from amh_tf.runs.trained import Trained

# Largest difference of a probability to Keras, and of a stream to the whole.
PARITY = 1e-5
HALF_PARITY = 1e-2


@dataclasses.dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        bytes: Dict from file name to size.
        difference: Largest difference of a probability to Keras' that was seen.
        notes: Why files are missing, and what to know of those that are there.
    """

    bytes: dict[str, int]
    difference: float
    notes: list[str]


def write(trained: Trained, folder: str | Path, half: bool = False) -> Report:
    """Writes `model.onnx`, and as far as the model has them the others, after comparing them.

    - `model.onnx`: `model.build`.
    - `features.onnx`: `sound.build`, where the model reads MFCC as made here.
    - `audio_encoder.onnx` and so on, and `hops.onnx`: `streaming.encoder` and `streaming.hops`,
      where encoders read forward.

    Args:
        trained: `amh_tf.runs.trained.Trained`.
        folder: Where to; ONNX files that are there are replaced, all at once.
        half: Whether weights are stored in half precision.

    Raises:
        InputError: If other files are there, or ONNX Runtime does not answer as Keras does.
    """
    folder = Path(folder)
    if not folders.is_vacant(folder) and not (folder / "model.onnx").is_file():
        raise errors.refusal(
            f"{str(folder)!r} does not hold ONNX files",
            "a new folder, or an export to renew",
            "other files",
            "Choose another folder with --output_dir.",
        )
    notes, streams = _notes(trained), not trained.config.bidirectional
    with folders.replaced(folder) as temporary:
        for name, contents in _models(trained, half):
            onnx.save(contents, temporary / name)
        difference = parity.difference(trained, temporary)
        if streams:
            difference = max(difference, parity.stream_difference(trained, temporary))
        if not difference <= (HALF_PARITY if half else PARITY):
            raise errors.refusal(
                "ONNX Runtime does not answer as Keras does",
                f"differences of at most {HALF_PARITY if half else PARITY}",
                difference,
            )
        sizes = {path.name: path.stat().st_size for path in sorted(temporary.iterdir())}
    return Report(sizes, difference, notes)


def _models(trained: Trained, half: bool) -> Iterator[tuple[str, onnx.ModelProto]]:
    """Builds the files one after the other, with their names."""
    modalities = trained.config.modalities
    yield "model.onnx", model.build(trained, half)
    if "audio" in modalities and trained.refusals["audio"] is None:
        yield "features.onnx", sound.build(trained)
    if not trained.config.bidirectional:
        for modality in modalities:
            yield f"{modality}_encoder.onnx", streaming.encoder(trained, modality, half)
        yield "hops.onnx", streaming.hops(trained, half)


def _notes(trained):
    notes = []
    if trained.config.bidirectional:
        notes.append(f"There are no files for a stream. {streaming.BIDIRECTIONAL}")
    if "audio" in trained.config.modalities:
        if trained.refusals["audio"]:
            notes.append(f"There is no features.onnx. {trained.refusals['audio']}")
        elif trained.inputs.trim_silence:
            notes.append(
                "features.onnx gives all frames, and in audio_start and audio_length which of them "
                f"are within {trained.inputs.trim_silence:g} dB of the loudest: the model was "
                "trained on these alone."
            )
    return notes
