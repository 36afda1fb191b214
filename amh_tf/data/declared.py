"""What files of strangers say of a data set, checked one by one: types first, then values.

JSON may hold anything in any place. Whoever uses a name as a key, opens it or prints it relies
on what is checked here. Errors are short: the loader adds the file's name.
"""

import os
import re

from amh_tf import checking, errors, feature_kinds, schema

# Linux, macOS and Windows allow no longer name, in bytes.
_LONGEST_NAME = 255
_CONTAINERS = {list: "a list", tuple: "a list", dict: "an object"}
_FEATURES = {
    "audio": {"use_energy": bool, "trim_silence": float | int},
    "text": {"transcripts": str, "recognizer": str | None},
    "video": {"weights": str, "fingerprint": str, "dtype": str, "resize": bool},
}
_NAMES = ("kind", "description")


def is_text(value):
    """Tells whether a value is a text that can be written to a file: no halves of characters."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value):
    return f"{value!r:.100}"


def texts(name, values):
    """Checks that all values are texts.

    Args:
        name: What they are, for the message.
        values: List or tuple.

    Raises:
        ValueError: If one is not.
    """
    for value in container(name, values, (list, tuple)):
        if not is_text(value):
            raise errors.InputError(f"{name} {_shown(value)}, which is no text")


def names(name, values):
    """Checks that all values are names, as `checking.is_name` has it.

    Raises:
        ValueError: If one is not.
    """
    for value in container(name, values, (list, tuple)):
        if not checking.is_name(value):
            raise errors.InputError(f"{name} {_shown(value)}, which is not {checking.NAME}")


def container(name, value, kind):
    """Returns a value that must be a list or dict.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(value, kind):
        wanted = _CONTAINERS[kind if isinstance(kind, type) else kind[0]]
        raise errors.InputError(f"{name} {_shown(value)}, which is not {wanted}")
    return value


def file_names(names):
    """Checks names of files: each of a file in the folder itself, none twice.

    Raises:
        ValueError: If one is not, or no file system could hold it.
    """
    seen = set()
    for name in names:
        plain = is_text(name) and name == os.path.basename(name) and name not in ("", ".", "..")
        if not plain or "\0" in name or len(name.encode()) > _LONGEST_NAME:
            raise errors.InputError(f"{_shown(name)} is not the name of a file in the folder")
        if name in seen:
            raise errors.InputError(f"{_shown(name)} is named twice")
        seen.add(name)


def digests(found, names):
    """Checks the SHA-256 of files.

    Args:
        found: Dict from name to SHA-256.
        names: Names that must be among them.

    Raises:
        ValueError: If one is missing, or is none.
    """
    file_names(container("digests", found, dict))
    for name, digest in found.items():
        if not is_text(digest) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise errors.InputError(f"SHA-256 {_shown(digest)} of {_shown(name)}")
    missing = [name for name in names if name not in found]
    if missing:
        raise errors.InputError(f"no SHA-256 of {_shown(missing[0])}")


def widths(found):
    """Checks the widths of the features.

    Raises:
        ValueError: If they are not those of audio and video, or cannot be.
    """
    if set(container("widths", found, dict)) != {"audio", "video"} or not all(
        checking.is_integer(width, 1, checking.MANY) for width in found.values()
    ):
        raise errors.InputError(f"widths {_shown(found)}")


def features(found, widths):
    """Checks how features are said to be made, as far as anybody uses it.

    Args:
        found: As in `corpora.source.Source`.
        widths: Dict of the width of a step of "audio" and "video", checked.

    Raises:
        ValueError: If it cannot be used.
    """
    if found is None:
        return
    container("features", found, dict)
    if not checking.is_integer(found.get("version", 1), 1, checking.MANY):
        raise errors.InputError(f"version {_shown(found['version'])} of the features")
    for name, length in container("max_lengths", found.get("max_lengths", {}), dict).items():
        if not checking.is_integer(length, 1, checking.MANY):
            raise errors.InputError(f"max_lengths of {_shown(name)}: {_shown(length)}")
    for modality, fields in _FEATURES.items():
        made = container(f"features of {modality}", found.get(modality, {}), dict)
        for name, kind in fields.items():
            value = made.get(name)
            if name in made and not (is_text(value) if kind is str else isinstance(value, kind)):
                raise errors.InputError(f"{name} {_shown(value)} of the features of {modality}")
        names(f"kind or description of {modality}", [made[n] for n in _NAMES if n in made])
        kind, width = feature_kinds.record(found, modality)["kind"], widths.get(modality)
        made_here = kind == feature_kinds.MADE_HERE[modality]
        if made_here and width != feature_kinds.WIDTHS.get(modality):
            raise errors.InputError(
                f"{modality} features of the kind {kind!r} that are {width} wide"
            )
        if kind == feature_kinds.OTHER and "description" not in made:
            raise errors.InputError(f"no description of the features of {modality}")
    unspaced = found.get("text", {}).get("unspaced_scripts", schema.UNSPACED_SCRIPTS[0])
    if unspaced not in schema.UNSPACED_SCRIPTS:
        raise errors.InputError(f"unspaced_scripts {_shown(unspaced)} of the features of text")
