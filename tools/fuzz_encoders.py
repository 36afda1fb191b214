"""The parsers that `tools.fuzz` feeds: files of pretrained encoders."""

import functools
import importlib.util
import json

import numpy as np

from amh_tf import errors, files
from amh_tf.features.pretrained import choice, encoder_files, opening
from tests.features.pretrained import tiny
from tools.fuzz_target import Target, of_file

_WORDS, _SOUND, _PICTURES = (tiny.bert, "text"), (tiny.wav2vec2, "audio"), (tiny.clip, "video")


def _encode(modality, path):
    """Opens an encoder, as `prepare` does, and has it encode a little."""
    chosen = choice.Choice(str(path))
    encoder_files.check(modality, chosen)
    encoder = opening.open_encoder(modality, chosen)
    if modality == "text":
        list(encoder(["why no ? it is fine", "", "believable"], 9, "spaces"))
    elif modality == "audio":
        list(encoder(tiny.waveforms(0.1, 0.2), 9))
    else:
        encoder(np.zeros((2, 40, 50, 3), np.uint8))


def _in_folder(name, save, modality, folder):
    """Damages a file of a folder in Hugging Face's layout."""
    place = save(folder / "encoder", layers=1)
    is_text = name.endswith(".json")
    # What is damaged in one file can make another look wrong.
    return of_file(
        place / name, lambda _: _encode(modality, place), text=is_text, named=("encoder",)
    )


def _fields(name, save, modality, folder):
    """Damages single fields of a JSON file: most damage to a whole one is no JSON any more."""
    place = save(folder / "encoder", layers=1)
    whole = json.loads((place / name).read_text())

    def read(data):
        try:
            changed = files.parse_json(data, name, "fields")
        except errors.InputError:
            return
        (place / name).write_text(json.dumps({**whole, **changed}))
        _encode(modality, place)

    seeds = [json.dumps({field: value}).encode() for field, value in whole.items()]
    return Target(seeds, read, text=True, named=("encoder",))


def _beside_onnx(name, write, modality, folder):
    """Damages an ONNX file, or a file beside it."""
    path = folder / "encoder.onnx"
    write(path)
    is_text = name.endswith(".json")
    named = ("encoder.", "tokenizer.json")
    return of_file(folder / name, lambda _: _encode(modality, path), text=is_text, named=named)


def _onnx_words(path):
    tiny.onnx_words(path, positions=8)


_bind = functools.partial
TARGETS = {
    "encoder_config_words": _bind(_fields, "config.json", *_WORDS),
    "encoder_config_sound": _bind(_fields, "config.json", *_SOUND),
    "encoder_config_pictures": _bind(_fields, "config.json", *_PICTURES),
    "encoder_sound_preprocessor": _bind(_fields, "preprocessor_config.json", *_SOUND),
    "encoder_picture_preprocessor": _bind(_fields, "preprocessor_config.json", *_PICTURES),
    "encoder_tokenizer": _bind(_fields, "tokenizer.json", *_WORDS),
    "encoder_tokenizer_config": _bind(_fields, "tokenizer_config.json", *_WORDS),
    "encoder_weights": _bind(_in_folder, "model.safetensors", *_WORDS),
    "onnx_description_words": _bind(_beside_onnx, "encoder.json", _onnx_words, "text"),
    "onnx_description_sound": _bind(_beside_onnx, "encoder.json", tiny.onnx_sound, "audio"),
    "onnx_description_pictures": _bind(_beside_onnx, "encoder.json", tiny.onnx_pictures, "video"),
    "onnx_encoder": _bind(_beside_onnx, "encoder.onnx", _onnx_words, "text"),
}


def missing(name):
    """Returns why a target cannot be fuzzed here, or nothing."""
    packages = ("torch", "transformers", "onnxruntime", "onnx")
    absent = [one for one in packages if importlib.util.find_spec(one) is None]
    return f"{absent[0]} is not installed" if name in TARGETS and absent else ""
