"""What a parser to be fuzzed is."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        seeds: Good inputs.
        parse: Function of an input.
        text: Whether inputs are text.
        allowed: Errors that the parser documents.
    """

    seeds: list
    parse: Callable
    text: bool = False
    allowed: tuple = (ValueError,)


def from_file(path, parse):
    """Makes a parser of a file into one of bytes."""

    def write_and_parse(data):
        path.write_bytes(data)
        return parse(path)

    return write_and_parse


def of_file(seeds, path, parse, text=False):
    """Makes the target of a parser of a file."""
    return Target(seeds, from_file(path, parse), text)
