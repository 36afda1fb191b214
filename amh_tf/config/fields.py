"""Fields that flags set: each with its default, meaning and bounds."""

import dataclasses
from typing import Any


def setting(default: Any, meaning: str, flag: str | None = None, **bounds: Any) -> Any:
    """Makes a field that a flag sets.

    Args:
        default: Its default.
        meaning: What it is, as --help shows it.
        flag: The flag's name, where it is not the field's.
        **bounds: As for `checking.require_settings`.
    """
    metadata = {"help": meaning, "flag": flag, **bounds}
    return dataclasses.field(default=default, metadata=metadata)


def units(default: int, modality: str) -> Any:
    """Makes a field of an encoder's hidden size."""
    return setting(default, f"Hidden size of the encoder over {modality}.", least=1)


def layers(modality: str) -> Any:
    """Makes a field of an encoder's number of layers."""
    return setting(1, f"Number of recurrent layers over {modality}.", least=1, most=100)


def rate(default: float, meaning: str) -> Any:
    """Makes a field of a drop rate."""
    return setting(default, meaning, below=1, expected="a drop rate of at least 0 and below 1")


def above_0(default: float, meaning: str) -> Any:
    """Makes a field of a positive number."""
    expected = "a number above 0 and at most a million"
    return setting(default, meaning, above=0, most=1e6, expected=expected)
