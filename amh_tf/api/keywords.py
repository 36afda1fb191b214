"""Keywords of the library's functions, checked before anything else is done."""

import collections.abc
import difflib
import os
import types
import typing
from collections.abc import Mapping
from typing import Any

from amh_tf import errors


def check(call: str, chosen: Mapping[str, Any], signature: type) -> None:
    """Refuses keywords that a function does not know, and values of another type.

    Args:
        call: How the function is called, such as "amh_tf.train".
        chosen: Values of what is set, by name.
        signature: `TypedDict` of what it takes.

    Raises:
        InputError: If there are any; the message names the nearest that is known.
    """
    hints = typing.get_type_hints(signature)
    for name, value in chosen.items():
        if name not in hints:
            near = difflib.get_close_matches(name, hints, n=1, cutoff=0.5)
            nearest = f"{near[0]!r}, or another" if near else f"one of {', '.join(sorted(hints))}"
            raise errors.refusal(
                f"`{name}` is not known to {call}",
                nearest,
                f"{name}={value!r:.100}",
                "Correct the spelling, or leave it out.",
            )
        if not _fits(value, hints[name]):
            raise errors.refusal(
                f"`{name}` has the wrong type",
                f"{_in_words(hints[name])}",
                f"{name}={value!r:.100}",
            )


def with_paths_as_text(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Returns settings in which every path is a text."""
    return {
        name: os.fspath(value) if isinstance(value, os.PathLike) else value
        for name, value in chosen.items()
    }


def _fits(value, hint):
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in inner)
    if origin is collections.abc.Sequence:
        is_sequence = isinstance(value, collections.abc.Sequence) and not isinstance(value, str)
        return is_sequence and all(_fits(item, inner[0]) for item in value)
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def _in_words(hint):
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_in_words(option) for option in inner)
    if origin is collections.abc.Sequence:
        return f"a sequence of {_in_words(inner[0])}"
    plain = {type(None): "None", os.PathLike: "a path", str: "a text", bool: "True or False"}
    plain |= {int: "an integer", float: "a number"}
    return plain[origin or hint]
