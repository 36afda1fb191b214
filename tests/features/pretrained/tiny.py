"""Tiny encoders of random weights, in Hugging Face's layout and as ONNX files."""

import json
from pathlib import Path

import numpy as np
import pytest

WORDS = "i am so happy that you came ! why ? no , it is fine . un ##believ ##able don ' t".split()
WIDTH = 16
_RANDOM = 5


def library(name):
    """Imports a package of the extra, without which a test is skipped."""
    return pytest.importorskip(name, reason="needs the extra transformers", exc_type=ImportError)


def wav2vec2(folder, norm="layer", layers=3, **changes):
    """Saves a wav2vec 2.0: 50 steps a second, of 400 samples each."""
    torch, transformers = library("torch"), library("transformers")
    torch.manual_seed(_RANDOM)
    settings = {
        "hidden_size": WIDTH,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "conv_dim": (8,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
        "feat_extract_norm": norm,
        "do_stable_layer_norm": norm == "layer",
    }
    model = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**settings))
    _save(model, folder)
    extractor = {"return_attention_mask": norm == "layer", **changes}
    transformers.Wav2Vec2FeatureExtractor(**extractor).save_pretrained(folder)
    return Path(folder)


def bert(folder, positions=40, layers=3):
    """Saves a BERT of a few words and its tokenizer, which splits by WordPiece."""
    torch, transformers = library("torch"), library("transformers")
    torch.manual_seed(_RANDOM)
    tokenizer = wordpiece(positions)
    settings = {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": positions,
    }
    _save(transformers.BertModel(transformers.BertConfig(**settings)), folder)
    tokenizer.save_pretrained(folder)
    return Path(folder)


def wordpiece(positions=40):
    """Makes BERT's kind of tokenizer."""
    tokenizers, transformers = library("tokenizers"), library("transformers")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = {piece: number for number, piece in enumerate([*special, *WORDS])}
    own = tokenizers.Tokenizer(tokenizers.models.WordPiece(pieces, unk_token="[UNK]"))
    own.normalizer = tokenizers.normalizers.BertNormalizer()
    own.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    own.post_processor = tokenizers.processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=own, model_max_length=positions, **dict(zip(names, special))
    )


def clip(folder, size=32, layers=3):
    """Saves CLIP's encoder of pictures."""
    torch, transformers = library("torch"), library("transformers")
    torch.manual_seed(_RANDOM)
    settings = {
        "hidden_size": WIDTH,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "image_size": size,
        "patch_size": 8,
    }
    _save(transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**settings)), folder)
    processor = {"size": {"shortest_edge": size}, "crop_size": {"height": size, "width": size}}
    transformers.CLIPImageProcessorPil(**processor).save_pretrained(folder)
    return Path(folder)


def _save(model, folder):
    """Saves a model whose weights are far enough from zero that a swapped layer shows."""
    for parameter in model.parameters():
        parameter.data.add_(parameter.data.new_empty(parameter.shape).normal_(0, 0.05))
    model.eval().save_pretrained(folder)


def edit(path, **changes):
    """Changes fields of a JSON file; None takes one away."""
    path = Path(path)
    fields = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in fields.items() if v is not None}))


def waveforms(*seconds):
    """Draws sound of so many seconds each."""
    rng = np.random.default_rng(3)
    return [rng.normal(0, 0.1, round(16000 * one)).astype(np.float32) for one in seconds]


def onnx_sound(path, samples="samples", stride=320, **said):
    """Writes an ONNX file that is a single convolution of sound, and its JSON file.

    Returns:
        Its path, and the kernel, `(width, 400)`.
    """
    onnx = library("onnx")
    kernel = np.random.default_rng(1).normal(0, 1, (4, 1, 400)).astype(np.float32)
    helper = onnx.helper
    axes = onnx.numpy_helper.from_array(np.array([1], np.int64), "axes")
    nodes = [
        helper.make_node("Unsqueeze", ["waveform", "axes"], ["rows"]),
        helper.make_node("Conv", ["rows", "kernel"], ["channels"], strides=[stride]),
        helper.make_node("Transpose", ["channels"], ["states"], perm=[0, 2, 1]),
    ]
    weights = [axes, onnx.numpy_helper.from_array(kernel, "kernel")]
    _write_onnx(path, nodes, ["waveform", 1, ["batch", samples]], weights)
    fields = {"modality": "audio", "input": "waveform", "output": "states"}
    _describe(path, **fields, steps_per_second=50, **said)
    return Path(path), kernel[:, 0]


def onnx_words(path, positions=None, **said):
    """Writes an ONNX file that looks up a vector for each piece, and its JSON file.

    Returns:
        Its path, and the vectors of the pieces.
    """
    onnx = library("onnx")
    tokenizer = wordpiece()
    table = np.random.default_rng(2).normal(0, 1, (len(tokenizer), 4)).astype(np.float32)
    nodes = [onnx.helper.make_node("Gather", ["table", "ids"], ["states"])]
    weights = [onnx.numpy_helper.from_array(table, "table")]
    _write_onnx(path, nodes, ["ids", 7, ["batch", "pieces"]], weights)
    tokenizer.backend_tokenizer.save(str(Path(path).with_name("tokenizer.json")))
    fields = {"modality": "text", "input": "ids", "output": "states", "max_pieces": positions}
    _describe(path, **fields, tokenizer="tokenizer.json", **said)
    return Path(path), table


def onnx_pictures(path, **said):
    """Writes an ONNX file that gives the mean of each colour, and its JSON file."""
    onnx = library("onnx")
    nodes = [
        onnx.helper.make_node("GlobalAveragePool", ["pixels"], ["pooled"]),
        onnx.helper.make_node("Flatten", ["pooled"], ["vectors"]),
    ]
    _write_onnx(path, nodes, ["pixels", 1, ["batch", 3, 8, 8]], [], "vectors")
    fields = {"modality": "video", "input": "pixels", "output": "vectors", "picture_size": 8}
    _describe(path, **fields, mean=[0.5, 0.5, 0.5], deviation=[0.5, 0.25, 0.5], **said)
    return Path(path)


def _write_onnx(path, nodes, given, weights, output="states"):
    onnx = library("onnx")
    graph = onnx.helper.make_graph(
        nodes,
        "tiny",
        [onnx.helper.make_tensor_value_info(*given)],
        [onnx.helper.make_tensor_value_info(output, 1, None)],
        weights,
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)


def _describe(path, **fields):
    fields = {name: value for name, value in fields.items() if value is not None}
    Path(path).with_suffix(".json").write_text(json.dumps(fields))
