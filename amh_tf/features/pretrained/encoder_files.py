"""The files that an encoder consists of: which they are, what is refused, their SHA-256.

Imports no framework, so that a wrong folder is refused at once.
"""

import hashlib
from pathlib import Path

from amh_tf import checking, errors, files
from amh_tf.features.pretrained import choice

CONFIG = "config.json"
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
_TOKENIZERS = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model"),
    *("tokenizer.model", "sentencepiece.model"),
)
_BESIDE = {"audio": _PROCESSORS, "text": _TOKENIZERS, "video": _PROCESSORS}
_PROCESSOR = {"audio": "feature extractor", "text": "tokenizer", "video": "image processor"}
HOW_TO_GET = """\
An encoder is a folder with config.json, model.safetensors and the files of its tokenizer or
preprocessor, as these lines write it where the network may be used:
    import transformers
    for kind in (transformers.AutoModel, transformers.AutoFeatureExtractor):
        kind.from_pretrained("microsoft/wavlm-base-plus").save_pretrained("wavlm-base-plus")
(AutoTokenizer for texts, AutoImageProcessor for pictures, in place of AutoFeatureExtractor.)
Or it is an ONNX file with a JSON file beside it. Nothing is fetched by itself."""


def check(modality, chosen):
    """Refuses what is not an encoder, as far as the files' names and the configuration tell.

    Args:
        modality: Whose features it is to make.
        chosen: `choice.Choice`.

    Raises:
        InputError: If it is missing, without weights, or could only be read by running code that
            comes with it.
    """
    path, flag = Path(chosen.path), choice.FLAGS[modality]
    checking.require(
        checking.is_name(chosen.name),
        flag,
        "has a name that results cannot show",
        checking.NAME,
        chosen.name,
        "Give the folder or file another name.",
    )
    if chosen.is_file:
        if not path.is_file():
            raise _missing(path, flag, "no such file")
        if not description_of(path).is_file():
            raise errors.refusal(
                f"{str(path)!r} is not described",
                f"{description_of(path).name} beside it, which names its inputs and its output",
                "no such file",
                "docs/encoders.md has an example.",
            )
        return
    if not path.is_dir():
        raise _missing(path, flag, "a file" if path.exists() else "no such folder")
    if not (path / CONFIG).is_file():
        raise _missing(path, flag, f"a folder without {CONFIG}")
    for name in (CONFIG, *_PROCESSORS, "tokenizer_config.json"):
        if (path / name).is_file():
            _check_code(path / name)
    _check_weights(path)
    _check_depth(path)
    if not any((path / name).is_file() for name in _BESIDE[modality]):
        raise errors.refusal(
            f"{str(path)!r} has no {_PROCESSOR[modality]}",
            f"one of {', '.join(_BESIDE[modality])}",
            "none of them",
            f"Save it into the folder too, or set --{flag} to another.\n{HOW_TO_GET}",
        )


def description_of(path):
    """Returns the path of the JSON file beside an ONNX file."""
    return Path(path).with_suffix(".json")


def names(modality, chosen):
    """Lists the names of the files that decide what an encoder gives.

    Args:
        modality, chosen: As for `check`, which they have passed.
    """
    path = Path(chosen.path)
    if chosen.is_file:
        # Weights beyond 2 GB lie beside it, in model.onnx.data or model.onnx_data.
        entries = path.parent.iterdir()
        own = sorted(entry.name for entry in entries if entry.name.startswith(path.name))
        description = files.read_json(description_of(path), "the description of an ONNX file")
        tokenizer = description.get("tokenizer")
        is_beside = isinstance(tokenizer, str) and (path.parent / tokenizer).is_file()
        return [*own, description_of(path).name, *([tokenizer] * is_beside)]
    beside = [name for name in _BESIDE[modality] if (path / name).is_file()]
    return [CONFIG, *_weights(path), *beside]


def digests(modality, chosen):
    """Returns the SHA-256 of each file that decides what an encoder gives, by name."""
    path = Path(chosen.path)
    folder = path.parent if chosen.is_file else path
    return {name: _digest(folder / name) for name in names(modality, chosen)}


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _missing(path, flag, received):
    return errors.InputError(
        f"`{flag}` does not name an encoder. Expected a folder in Hugging Face's layout, a file "
        f"that ends in .onnx, or {choice.PAPER!r} for the paper's features. Received: "
        f"{flag}={str(path)!r}, {received}.\n{HOW_TO_GET}"
    )


def _check_code(path):
    content = files.read_json(path, "what an encoder says of itself")
    if content.get("auto_map"):
        raise errors.refusal(
            f"{str(path.parent)!r} is an encoder with code of its own",
            "an architecture of the package transformers: no code of a model is run",
            f"`auto_map` in {path.name}",
            "Export it to an ONNX file where you trust the code, or choose another encoder.",
        )


def _check_weights(path):
    missing = [name for name in _weights(path) if not (path / name).is_file()]
    if not missing:
        return
    pickled = sorted(entry.name for entry in path.iterdir() if entry.suffix in _PICKLES)
    if pickled:
        raise errors.refusal(
            f"The weights in {str(path)!r} are pickled, and could run code when they are read",
            f"{_WEIGHTS}",
            ", ".join(pickled[:3]),
            "Where you trust them, transformers' save_pretrained writes them as safetensors.",
        )
    raise errors.refusal(
        f"{str(path)!r} is an encoder without its weights",
        f"{_WEIGHTS}, or the files that {_INDEX} names",
        f"no {missing[0]}",
        HOW_TO_GET,
    )


def _check_depth(path):
    """Refuses a configuration of more layers than there are weights, which would take hours."""
    count = sum(_count(path / name) for name in _weights(path) if name != _INDEX)
    most = max(_depths(files.read_json(path / CONFIG, "what an encoder says of itself")), default=0)
    if most > count:
        raise errors.refusal(
            f"{str(path / CONFIG)!r} describes more layers than there are weights",
            f"at most {count:,}",
            f"{most:,}",
            "Save weights and configuration together, by save_pretrained.",
        )


def _depths(fields):
    """Yields the numbers of layers that a configuration, or one inside it, states."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _depths(value)
        elif name.endswith(("layers", "n_layer", "depths")):
            numbers = value if isinstance(value, list) else [value]
            yield from (number for number in numbers if isinstance(number, int))


def _count(path):
    """Returns how many weights a file in the format safetensors lists at its beginning."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        listed = file.read(min(size, files.MAX_JSON_BYTES))
    try:
        return len(files.parse_json(listed, path, "a list of weights").keys() - {"__metadata__"})
    except errors.InputError as error:
        raise errors.refusal(
            f"{str(path)!r} is damaged",
            "weights in the format safetensors, which begin with a list of them",
            "no such list" if listed else "none",
            "Copy or save the encoder again.",
        ) from error


def _weights(path):
    """Lists the names of the files of weights."""
    if (path / _WEIGHTS).is_file() or not (path / _INDEX).is_file():
        return [_WEIGHTS]
    content = files.read_json(path / _INDEX, "the list of an encoder's files of weights")
    placed = content.get("weight_map")
    shards = sorted(set(placed.values())) if isinstance(placed, dict) else []
    if not shards or not all(isinstance(name, str) and Path(name).name == name for name in shards):
        raise errors.refusal(
            f"{str(path / _INDEX)!r} does not list files of weights",
            "`weight_map`, from the name of a weight to a file of the folder",
            f"{placed!r:.100}",
            "Save the encoder again.",
        )
    return [_INDEX, *shards]
