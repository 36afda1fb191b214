"""How a data set says that its features were made, and whether the same can be made here.

A width says nothing: noise, another network's features and MFCC may all be 120 wide. A manifest,
and a run's `inputs.json`, hold under `features` a record for each modality, which has a `kind`:

    {"kind": "mfcc", "use_energy": false}                     as `features.audio` makes them
    {"kind": "resnet101", "weights": ..., "fingerprint": ...}  as `features.feature_net` does
    {"kind": "words", "unspaced_scripts": ...}                as `features.text` cuts them
    {"kind": "pretrained", "encoder": "wavlm-base", "files": {name: SHA-256}, "layer": "last", ...}
                                                              by `features.pretrained`
    {"kind": "other", "description": "wav2vec 2.0, layer 12"}  as somebody says
    {"kind": "synthetic"}, {"kind": "absent"}, {"kind": "unknown"}

`can_make` alone decides whether a recording may be given to a model, at every door: to a model
that stands alone, or, with `beside`, where the encoders that made its features can run beside it. A
kind that this version does not know cannot be made.
"""

from typing import Annotated, Literal, NotRequired, TypedDict

import msgspec

from amh_tf import errors, schema, typed

MFCC, RESNET, WORDS = "mfcc", "resnet101", "words"
PRETRAINED = "pretrained"
OTHER, SYNTHETIC, ABSENT, UNKNOWN = "other", "synthetic", "absent", "unknown"
MADE_HERE = {"audio": MFCC, "text": WORDS, "video": RESNET}
WIDTHS = {"audio": schema.AUDIO_WIDTH, "video": schema.VIDEO_WIDTH}

# `made_from` of data sets that were extracted here, and of the authors' layout.
RECORDINGS = "raw recordings"
FOLDS = "the authors' preprocessed folds"
# Changes when the same recordings give other features. 1: sound and pictures each counted from
# their own beginning. 2: on the time line of the file; lengths that a file does not promise.
VERSION = 2

EXPECTED = {
    "audio": "40 MFCC as Kaldi's, with first and second derivatives, a step every 10 ms",
    "text": "word ids, the line of the word in the vocabulary, from 0",
    "video": "ResNet-101 features, pooled",
}
# Of what somebody may say of others.
EXAMPLES = {"audio": "wav2vec 2.0, layer 12", "text": "BERT, layer 9", "video": "CLIP, pooled"}
_DECLARED = {
    "audio": "--audio_features=mfcc",
    "video": "--video_features=resnet101 --resnet_weights=FILE",
}


class _Record(TypedDict, total=False):
    kind: typed.Name
    description: typed.Name


class _Audio(_Record, total=False):
    use_energy: bool
    trim_silence: float


class _Text(_Record, total=False):
    transcripts: str
    recognizer: str | None
    unspaced_scripts: Literal[schema.UNSPACED_SCRIPTS]


class _Video(_Record, total=False):
    weights: str
    fingerprint: str
    dtype: str
    resize: bool
    region: Literal[schema.VIDEO_REGIONS]
    detector: str


class _Encoder(TypedDict):
    """What is said of features of the kind `PRETRAINED`."""

    encoder: typed.Name
    architecture: typed.Name
    files: Annotated[dict[typed.FileName, typed.Sha256], msgspec.Meta(min_length=1)]
    layer: typed.Name
    dtype: Literal["float32", "bfloat16"]
    width: typed.Width
    steps_per_second: NotRequired[Annotated[float, msgspec.Meta(gt=0, le=1000)]]


class _Features(TypedDict, total=False):
    version: typed.Width
    modalities: list[str]
    max_lengths: dict[str, typed.Width]
    audio: _Audio
    text: _Text
    video: _Video


class _Owner(TypedDict):
    features: _Features


class _Encoders(TypedDict):
    features: dict[str, _Encoder]


def check(features, widths):
    """Checks what a file says of features, as far as anybody uses it.

    Args:
        features: A JSON value: what a manifest or a run says of them, or None.
        widths: Widths of a step as in `typed.Widths`, checked.

    Raises:
        ValueError: If it cannot be used; the message is for the reader of the file to complete.
    """
    if features is None:
        return
    typed.convert({"features": features}, _Owner)
    for modality, width in widths.items():
        kind = record(features, modality)["kind"]
        if kind == MADE_HERE[modality] and width != WIDTHS.get(modality):
            raise errors.InputError(
                f"{modality} features of the kind {kind!r} that are {width} wide"
            )
    for modality in schema.MODALITIES:
        entry = record(features, modality)
        if entry["kind"] == OTHER and "description" not in entry:
            raise errors.InputError(f"no description of the features of {modality}")
        if entry["kind"] == PRETRAINED:
            _check_encoder(entry, modality, widths.get(modality))


def _check_encoder(entry, modality, width):
    typed.convert({"features": {modality: entry}}, _Encoders)
    if modality != "text" and "steps_per_second" not in entry:
        raise errors.InputError(f"no steps_per_second of the encoder of {modality}")
    if entry["width"] != width:
        raise errors.InputError(
            f"an encoder of {modality} that gives {entry['width']} numbers a step, not {width}"
        )


def record(features, modality):
    """Returns how the features of a modality were made, a dict with a `kind`.

    Args:
        features: What a manifest or a run says of them, or None.
        modality: One of `schema.MODALITIES`.
    """
    features = features or {}
    recorded = features.get(modality) or {}
    if "kind" in recorded:
        return recorded
    # Earlier versions name no kinds.
    made_from = features.get("made_from")
    if modality not in features.get("modalities", schema.MODALITIES):
        kind = ABSENT
    elif made_from == RECORDINGS or (made_from == FOLDS and modality == "text"):
        kind = MADE_HERE[modality]
    else:
        kind = UNKNOWN
    return {"kind": kind, **recorded}


def complete(features):
    """Returns what a manifest says of features, with a record for every modality."""
    return {**(features or {}), **{name: record(features, name) for name in schema.MODALITIES}}


def present(features):
    """Returns the modalities that a data set has, in the order of `schema.MODALITIES`."""
    return tuple(name for name in schema.MODALITIES if record(features, name)["kind"] != ABSENT)


def describe(features, modality):
    """Says how the features of a modality were made: a phrase that follows "features: "."""
    recorded = record(features, modality)
    kind = recorded["kind"]
    if kind == PRETRAINED:
        return _describe_encoder(recorded)
    if kind == MADE_HERE[modality]:
        energy = ", the log energy in place of the first" if recorded.get("use_energy") else ""
        weights = f", by the weights {recorded['weights']!r}" if "weights" in recorded else ""
        region = f", of the {recorded['region']}" if "region" in recorded else ""
        return EXPECTED[modality] + energy + weights + region
    return {
        OTHER: f"described as {recorded.get('description')!r}",
        SYNTHETIC: "synthetic, made of no recording",
        ABSENT: "none, the data set has no such modality",
        UNKNOWN: "it is not known how they were made",
    }.get(kind, f"of the kind {kind!r}, which this version does not know")


def _describe_encoder(recorded):
    layer, rate, files = recorded["layer"], recorded.get("steps_per_second"), recorded["files"]
    taken = f"the mean of its layers {layer}" if "-" in layer else f"its layer {layer}"
    taken = "its last layer" if layer == "last" else taken
    weights = [name for name in files if name.endswith((".safetensors", ".onnx"))] or [*files]
    hashes = ", ".join(f"{name} with SHA-256 {files[name]}" for name in weights)
    return (
        f"vectors of the pretrained encoder {recorded['encoder']!r} ({recorded['architecture']}; "
        f"{hashes}), {taken}, {'one a word' if rate is None else f'{rate:g} a second'}"
    )


def _by_another_version(features):
    features = features or {}
    return features.get("made_from") == RECORDINGS and features.get("version", 1) != VERSION


def can_make(features, modality, beside=False):
    """Returns whether the features that a model was trained on can be made of a recording here.

    Args:
        features, modality: As for `record`.
        beside: Whether a pretrained encoder can run beside the model.
    """
    kind = record(features, modality)["kind"]
    if kind != MADE_HERE[modality] and not (beside and kind == PRETRAINED):
        return False
    return modality == "text" or not _by_another_version(features)


def refusal(features, modality, beside=False):
    """Says why features cannot be made of a recording, with a remedy; None where they can."""
    if can_make(features, modality, beside):
        return None
    kind = record(features, modality)["kind"]
    is_made = kind in (MADE_HERE[modality], PRETRAINED) and modality != "text"
    if is_made and _by_another_version(features):
        return (
            f"The {modality} features were made by another version of the recipe: the same "
            f"recordings give different features now. Expected version {VERSION}. Received: "
            f"version {features.get('version', 1)}. Make the data set again with amh_tf.prepare, "
            "and train on it."
        )
    if kind == PRETRAINED:
        return (
            f"The model takes {modality} features, not recordings: they are "
            f"{describe(features, modality)}. Whoever calls it must run that encoder."
        )
    message = (
        f"The {modality} features cannot be made of a recording. Expected: {EXPECTED[modality]}. "
        f"Received: {describe(features, modality)}."
    )
    if modality in _DECLARED and kind in (OTHER, UNKNOWN):
        return (
            f"{message} If they are as expected, declare it: give the amh_tf.prepare of the data "
            f"set again, with {_DECLARED[modality]} added, and pass --data_dir."
        )
    return f"{message} Train on a data set that amh_tf.prepare makes of recordings."
