"""Networks of ONNX files, by onnxruntime. A JSON file beside each says what it reads and gives."""

import dataclasses
import fractions
from pathlib import Path

import numpy as np

from amh_tf import errors
from amh_tf.features import pictures
from amh_tf.features.pretrained import choice, encoder_files, network, onnx_description

_ROWS = "a first axis of any size, or of 1"


class _File:
    """A model of an ONNX file.

    Args:
        kind: Type of its description.
        modality: Whose features it makes.
        chosen: `choice.Choice`, checked by `encoder_files.check`.

    Attributes:
        name, architecture, width: As of a folder's.
        batch: The most rows that it takes, or None.

    Raises:
        InputError: If it cannot be read or is not as described.
        ImportError: If onnxruntime is not installed.
    """

    def __init__(self, kind, modality, chosen):
        self.name, self.flag = chosen.name, choice.FLAGS[modality]
        self._path = Path(chosen.path)
        self.said = onnx_description.read(self._path, kind)
        self.architecture, self.batch = str(self.said.architecture or "ONNX"), None
        for setting, value, only in (
            (f"{modality}_layer", chosen.layer, choice.LAST),
            ("encoder_dtype", chosen.dtype, choice.DTYPES[0]),
        ):
            if value != only:
                raise network.unsuitable(
                    self.name,
                    self.flag,
                    f"--{setting}={only}: an ONNX file computes what was exported",
                    f"{setting}={value!r}",
                    "Export that, and name it as `output`.",
                )
        runtime = network.library("onnxruntime")
        providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
        available = [name for name in providers if name in runtime.get_available_providers()]
        try:
            self._session = runtime.InferenceSession(str(self._path), providers=available)
        except Exception as error:  # classes of its own for each kind of damage
            raise self._refuse("a model that onnxruntime can load", _short(error)) from error
        self._inputs = {one.name: one.shape for one in self._session.get_inputs()}
        self._check_names()

    def _check_names(self):
        said = dataclasses.asdict(self.said)
        named = {said[role] for role in ("input", "mask", "types") if said.get(role)}
        outputs = [one.name for one in self._session.get_outputs()]
        if named != set(self._inputs) or self.said.output not in outputs:
            raise self._refuse(
                f"the inputs {', '.join(sorted(named))} and the output {self.said.output}, as "
                f"{encoder_files.description_of(self._path).name} says",
                f"inputs {', '.join(self._inputs)}; outputs {', '.join(outputs)}",
                "Correct the names.",
            )
        for name in sorted(named):
            self._check_axes(name)

    def _check_axes(self, name):
        """Refuses an input that does not take batches of any length."""
        shape = self._inputs[name]
        expected = self._shape()
        fits = len(shape) == len(expected) and all(
            not isinstance(size, int) or size == wanted
            for size, wanted in zip(shape[1:], expected[1:])
        )
        if not fits or (isinstance(shape[0], int) and shape[0] != 1):
            words = ", ".join("any" if size is None else str(size) for size in expected[1:])
            raise self._refuse(
                f"the input {name} with {_ROWS}, and then {words}",
                f"shape {shape}",
                "Export it with these axes dynamic.",
            )
        if shape[0] == 1:
            self.batch = 1

    def _shape(self):
        return None, None

    def _run(self, **inputs):
        try:
            (outputs,) = self._session.run([self.said.output], inputs)
        except Exception as error:
            raise self._refuse("a model that takes what it is given", _short(error)) from error
        return network.check_values(outputs, self.name, self.flag)

    def _rank(self, outputs, rows, *ranks):
        if outputs.ndim not in ranks or len(outputs) != rows:
            axes = {2: "(batch, width)", 3: "(batch, steps, width)"}
            raise self._refuse(
                f"the output {self.said.output} of shape {' or '.join(axes[n] for n in ranks)}",
                f"{outputs.shape} of {rows} rows",
                "Name another output.",
            )
        return outputs

    def _refuse(self, expected, received, remedy=""):
        return network.unsuitable(self.name, self.flag, expected, received, remedy)


class Sound(_File):
    """An encoder of waveforms; as `hugging_face.Sound`."""

    pads = False

    def __init__(self, chosen):
        super().__init__(onnx_description.SoundFile, "audio", chosen)
        network.check_rate(self.name, self.flag, self.said.sampling_rate)
        self.rate = fractions.Fraction(str(self.said.steps_per_second))
        self.field = self.said.least_samples
        self.width = self([np.zeros(network.SAMPLE_RATE, np.float32)])[0].shape[1]

    def steps(self, samples):
        """Returns None: the file alone knows."""
        del samples

    def __call__(self, waveforms):
        batch = np.stack([self._normalize(waveform) for waveform in waveforms])
        inputs = {self.said.input: batch}
        if self.said.mask:
            inputs[self.said.mask] = np.ones(batch.shape, np.int64)
        return list(self._rank(self._run(**inputs), len(batch), 3))

    def _normalize(self, waveform):
        if not self.said.normalize:
            return waveform
        return (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)


class Texts(_File):
    """An encoder of texts; as `hugging_face.Texts`."""

    def __init__(self, chosen):
        super().__init__(onnx_description.TextFile, "text", chosen)
        tokenizers = network.library("tokenizers")
        path = self._path.parent / self.said.tokenizer
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the package has no class for it
            raise errors.refusal(
                f"{str(path)!r} cannot be read",
                "a tokenizer.json of the package tokenizers",
                _short(error),
                "Put it beside the ONNX file, under the name that its JSON file says.",
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.limit, self.pads = self.said.max_pieces, self.said.mask is not None
        ((ids, _),) = self.pieces(["a"])
        self.width = self([ids])[0].shape[1]

    def pieces(self, texts):
        """Cuts texts into pieces; as `hugging_face.Texts.pieces`."""
        for cut in self._tokenizer.encode_batch(texts):
            yield cut.ids, network.written(cut.offsets, cut.special_tokens_mask)

    def __call__(self, ids):
        lengths = [len(row) for row in ids]
        padded = np.full((len(ids), max(lengths)), self.said.padding_id, np.int64)
        mask = np.zeros(padded.shape, np.int64)
        for row, (numbers, length) in enumerate(zip(ids, lengths)):
            padded[row, :length], mask[row, :length] = numbers, 1
        inputs = {self.said.input: padded}
        if self.said.mask:
            inputs[self.said.mask] = mask
        if self.said.types:
            inputs[self.said.types] = np.zeros_like(padded)
        hidden = self._rank(self._run(**inputs), len(ids), 3)
        if hidden.shape[1] != max(lengths):
            raise self._refuse("a step for each piece", f"{hidden.shape[1]} of {max(lengths)}")
        return [states[:length] for states, length in zip(hidden, lengths)]


class Pictures(_File):
    """An encoder of pictures; as `hugging_face.Pictures`."""

    def __init__(self, chosen):
        super().__init__(onnx_description.PictureFile, "video", chosen)
        self.size = self.said.picture_size
        self.width = self(np.zeros((1, self.size, self.size, 3), np.uint8)).shape[1]

    def _shape(self):
        size = self.said.picture_size
        return (None, 3, size, size) if self.said.channels_first else (None, size, size, 3)

    def __call__(self, frames):
        size = self.size
        cut = [pictures.crop_centre(pictures.scale(frame, size), size) for frame in frames]
        mean, deviation = np.float32(self.said.mean), np.float32(self.said.deviation)
        pixels = (np.stack(cut) / np.float32(255) - mean) / deviation
        if self.said.channels_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        outputs = self._rank(self._run(**{self.said.input: pixels}), len(frames), 2, 3)
        return outputs.mean(axis=1) if outputs.ndim == 3 else outputs


def _short(error):
    return " ".join(str(error).split())[:300]
