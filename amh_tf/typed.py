"""JSON of strangers read as typed values: types say what a file may hold, msgspec compares.

A type is a dataclass, a `TypedDict`, or a number or text of those below. What a file holds besides
is left out. Texts are of whole characters: `files.parse_json` has seen to that.
"""

import contextlib
import os
import re
import typing
import unicodedata
from typing import Annotated, Any, NotRequired, TypedDict, TypeVar

import msgspec

from amh_tf import checking, errors

_T = TypeVar("_T")

# Linux, macOS and Windows allow no longer name of a file, in bytes.
_LONGEST_FILE_NAME = 255

Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 62)]
# Of what a model allocates for every step.
Width = Annotated[int, msgspec.Meta(ge=1, le=checking.MANY)]
# A mean may be rounded up.
Share = Annotated[float, msgspec.Meta(ge=0, le=1 + 1e-9)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Widths(TypedDict):
    """Widths of a step of each modality; of text where it is vectors, not word ids."""

    audio: Width
    video: Width
    text: NotRequired[Width]


class _Checked(str):
    """A text that is checked when it is made."""

    EXPECTED = ""

    def __new__(cls, value):
        if not isinstance(value, str) or not cls.holds(value):
            raise errors.InputError(f"expected {cls.EXPECTED}, got {value!r:.100}")
        return super().__new__(cls, value)

    @staticmethod
    def holds(value: str) -> bool:
        raise NotImplementedError


class Name(_Checked):
    """What tables, files and pages can show on one line."""

    EXPECTED = checking.NAME
    holds = staticmethod(checking.is_name)


class Text(_Checked):
    """A text that is not blank and that every output can hold."""

    EXPECTED = "a text without control characters"

    @staticmethod
    def holds(value: str) -> bool:
        return bool(value.strip()) and "Cc" not in map(unicodedata.category, value)


class Line(Text):
    """A `Text` of any white space, on one line."""

    def __new__(cls, value):
        return super().__new__(cls, " ".join(value.split()) if isinstance(value, str) else value)


class FileName(_Checked):
    """The name of a file in the folder itself."""

    EXPECTED = "the name of a file in the folder"

    @staticmethod
    def holds(value: str) -> bool:
        plain = value == os.path.basename(value) and value not in ("", ".", "..")
        return plain and "\0" not in value and len(value.encode()) <= _LONGEST_FILE_NAME


def _instance(kind, value):
    return value if isinstance(value, kind) else kind(value)


def convert(value: Any, kind: type[_T]) -> _T:
    """Returns a JSON value as an instance of a type.

    Raises:
        ValueError: If it does not fit; the message names the place inside the value, not the file.
    """
    try:
        return msgspec.convert(value, kind, dec_hook=_instance)
    except RecursionError as error:
        raise errors.InputError("lists or objects too deep in each other") from error
    except msgspec.ValidationError as error:
        problem, _, place = str(error).rpartition(" - at ")
        if not problem:
            problem, place = place, ""
        problem = f"{problem[0].lower()}{problem[1:300]}"
        place = re.sub(r"`\$\.?", "`", place).replace("``", "")
        raise errors.InputError(f"{place}: {problem}" if place else problem) from error


def record(fields: dict, kind: type[_T], **extra: Any) -> _T:
    """Returns a JSON object as a dataclass or `TypedDict`, and refuses fields that are not its own.

    Args:
        fields: The object.
        kind: The type.
        extra: Values of those fields that are not stored.

    Raises:
        ValueError: If it does not fit, as for `convert`.
    """
    surplus = sorted(fields.keys() - (typing.get_type_hints(kind).keys() - extra.keys()))
    if surplus:
        raise errors.InputError(f"unknown field {surplus[0]!r:.100}")
    return convert({**fields, **extra}, kind)


@contextlib.contextmanager
def refusing(path: Any, expected: str, remedy: str):
    """Words what is wrong inside a file as a refusal of the file.

    Args:
        path: The file.
        expected: What it should hold.
        remedy: A sentence: what to do.

    Raises:
        ValueError: In place of any that the block raises.
    """
    try:
        yield
    except errors.InputError as error:
        received = str(error).removesuffix(".")
        raise errors.refusal(f"{str(path)!r} cannot be read", expected, received, remedy) from error
