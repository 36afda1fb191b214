"""Networks of folders in Hugging Face's layout, by the package transformers."""

import fractions
import math

import numpy as np

from amh_tf import checking
from amh_tf.features.pretrained import hugging_face_folder, network


class Sound(hugging_face_folder.Folder):
    """An encoder of waveforms: wav2vec 2.0, HuBERT, WavLM and what is built alike.

    Attributes:
        rate: Steps a second, a fraction.
        field: Samples that a step is made of.
        pads: Whether waveforms of other lengths can share a batch without a trace.

    Call arguments:
        waveforms: List of `(samples,)` float32 at 16 kHz, of one length unless `pads`.

    Returns:
        List of `(steps, width)` float32.
    """

    def __init__(self, chosen):
        super().__init__("audio", chosen)
        self._extractor = self.load("AutoFeatureExtractor")
        network.check_rate(self.name, self.flag, getattr(self._extractor, "sampling_rate", None))
        config = self.model.config
        self._kernels = getattr(config, "conv_kernel", None), getattr(config, "conv_stride", None)
        names = getattr(self._extractor, "model_input_names", [])
        if None in self._kernels or "input_values" not in names:
            raise network.unsuitable(
                self.name,
                self.flag,
                "an encoder of waveforms, such as wav2vec 2.0, HuBERT, WavLM or Data2Vec",
                f"{self.architecture}, which reads {', '.join(names) or 'something else'}",
                "Export it, with what it reads, to an ONNX file that takes a waveform.",
            )
        if not all(checking.is_integer(one, 1) for one in [*self._kernels[0], *self._kernels[1]]):
            raise network.unsuitable(
                self.name,
                self.flag,
                "lengths and strides of convolutions, integers of at least 1",
                f"conv_kernel={self._kernels[0]}, conv_stride={self._kernels[1]}",
            )
        self.width = config.hidden_size
        self.rate = fractions.Fraction(network.SAMPLE_RATE, math.prod(self._kernels[1]))
        self.field = 1
        for kernel, stride in zip(*map(reversed, self._kernels)):
            self.field = (self.field - 1) * stride + kernel
        # A norm over the whole of a recording sees the padding.
        self.pads = getattr(config, "feat_extract_norm", "layer") != "group"

    def steps(self, samples):
        """Returns how many steps so many samples give."""
        for kernel, stride in zip(*self._kernels):
            samples = (samples - kernel) // stride + 1
        return samples

    def __call__(self, waveforms):
        values = [self._normalize(waveform) for waveform in waveforms]
        lengths = [len(value) for value in values]
        inputs = {"input_values": np.zeros((len(values), max(lengths)), np.float32)}
        for row, value in enumerate(values):
            inputs["input_values"][row, : len(value)] = value
        if min(lengths) < max(lengths):
            columns = np.arange(max(lengths))
            inputs["attention_mask"] = (columns < np.array(lengths)[:, None]).astype(np.int64)
        hidden = self.hidden(self.run(**inputs))
        return [states[: self.steps(length)] for states, length in zip(hidden, lengths)]

    def _normalize(self, waveform):
        options = {"sampling_rate": network.SAMPLE_RATE, "return_tensors": "np"}
        return self.prepare(self._extractor, waveform, **options).input_values[0]


class Texts(hugging_face_folder.Folder):
    """An encoder of texts: BERT, RoBERTa and what is built alike.

    Attributes:
        limit: How many pieces it has positions for, or None.
        pads: Whether texts of other lengths can share a batch.

    Call arguments:
        ids: List of lists of pieces' ids.

    Returns:
        List of `(pieces, width)` float32.
    """

    pads = True

    def __init__(self, chosen):
        super().__init__("text", chosen)
        self._tokenizer = self.load("AutoTokenizer", use_fast=True)
        if not self._tokenizer.is_fast:
            raise network.unsuitable(
                self.name,
                self.flag,
                "a tokenizer that says where in a text its pieces are, with a tokenizer.json",
                f"{type(self._tokenizer).__name__}, which does not",
                "Save it with transformers' AutoTokenizer where it can be converted.",
            )
        self.width = self.model.config.hidden_size
        self._padding = self._tokenizer.pad_token_id or 0
        self.limit = self._positions()

    def _positions(self):
        limits = [self._tokenizer.model_max_length]
        most = getattr(self.model.config, "max_position_embeddings", None)
        if most and most > 0:
            for name, module in self.model.named_modules():
                # RoBERTa and its kind count positions from behind the padding's.
                if name.endswith("position_embeddings"):
                    padding = getattr(module, "padding_idx", None)
                    most -= 0 if padding is None else padding + 1
                    break
            limits.append(most)
        return min(limits) if min(limits) < 1 << 30 else None

    def pieces(self, texts):
        """Cuts texts into pieces.

        Yields:
            Of each, list of their ids; list of (start, end) in the text, None for what is added.
        """
        options = {"return_offsets_mapping": True, "return_special_tokens_mask": True}
        cut = self._tokenizer(texts, truncation=False, padding=False, verbose=False, **options)
        names = "input_ids", "offset_mapping", "special_tokens_mask"
        for ids, spans, are_added in zip(*(cut[name] for name in names)):
            yield ids, network.written(spans, are_added)

    def __call__(self, ids):
        lengths = [len(row) for row in ids]
        padded = np.full((len(ids), max(lengths)), self._padding, np.int64)
        mask = np.zeros(padded.shape, np.int64)
        for row, (numbers, length) in enumerate(zip(ids, lengths)):
            padded[row, :length], mask[row, :length] = numbers, 1
        hidden = self.hidden(self.run(input_ids=padded, attention_mask=mask))
        return [states[:length] for states, length in zip(hidden, lengths)]


class Pictures(hugging_face_folder.Folder):
    """An encoder of pictures: CLIP's, ViT, DINOv2 and what is built alike.

    A picture's vector is the pooled output, where the encoder has one and its last layer is taken;
    else the mean over all places of the layer.

    Attributes:
        size: Pixels of a side that it reads.

    Call arguments:
        frames: `(n, height, width, 3)` uint8.

    Returns:
        `(n, width)` float32.
    """

    def __init__(self, chosen):
        super().__init__("video", chosen)
        # Without torchvision the same numbers as with it.
        self._processor = self.load("AutoImageProcessor", backend="pil")
        size = dict(getattr(self._processor, "size", None) or {})
        self.size = max(size.values(), default=224)
        if not checking.is_integer(self.size, 1) or self.size > network.LARGEST_PICTURE:
            raise network.unsuitable(
                self.name,
                self.flag,
                f"pictures of 1 to {network.LARGEST_PICTURE} pixels a side",
                f"size={size}",
            )
        # As films come: larger than what is read, and no square.
        self.width = self(np.zeros((1, 2 * self.size, 3 * self.size, 3), np.uint8)).shape[1]

    def encoder_of(self, model):
        return getattr(model, "vision_model", model)

    def __call__(self, frames):
        options = {"input_data_format": "channels_last", "return_tensors": "np"}
        pixels = self.prepare(self._processor, images=list(frames), **options)["pixel_values"]
        outputs = self.run(pixel_values=np.asarray(pixels, np.float32))
        pooled = getattr(outputs, "pooler_output", None)
        # A pooler whose weights are not in the folder would be a random one.
        if self.layers is None and pooled is not None and not self._misses_pooler:
            return self.array(pooled.reshape(len(frames), -1))
        hidden = self.hidden(outputs)
        # (n, places, width), or of a convolutional network (n, width, height, width).
        return hidden.mean(axis=1) if hidden.ndim == 3 else hidden.mean(axis=(2, 3))

    @property
    def _misses_pooler(self):
        return any("pooler" in key for key in self.missing)
