"""What a parser to be fuzzed is."""

import dataclasses
from collections.abc import Callable

from amh_tf import errors


@dataclasses.dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        seeds: Good inputs.
        parse: Function of an input.
        text: Whether inputs are text.
        allowed: Errors that the parser documents.
        named: Their messages must hold one of these, such as the file's name.
    """

    seeds: list
    parse: Callable
    text: bool = False
    allowed: tuple = (errors.InputError,)
    named: tuple = ("",)

    def refuses(self, error):
        """Tells whether an error is one that the parser documents."""
        message = str(error)
        return isinstance(error, self.allowed) and any(name in message for name in self.named)


def of_file(seeds, path, parse, text=False, named=None):
    """Makes the target of a parser of a file, which must name it unless `named` is given."""

    def write_and_parse(data):
        path.write_bytes(data)
        return parse(path)

    return Target(seeds, write_and_parse, text, named=named or (path.name,))
