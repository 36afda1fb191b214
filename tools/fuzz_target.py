"""What a parser to be fuzzed is."""

import dataclasses
from collections.abc import Callable

from amh_tf import errors


@dataclasses.dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        seeds: Good inputs.
        read: Function of an input.
        text: Whether inputs are text.
        allowed: Errors that the parser documents.
        named: Their messages contain one of these, such as the file's name.
    """

    seeds: list
    read: Callable
    text: bool = False
    allowed: tuple = (errors.InputError,)
    named: tuple = ("",)

    def refuses(self, error):
        """Returns whether an error is one that the parser documents."""
        return isinstance(error, self.allowed) and any(name in str(error) for name in self.named)


def of_file(path, read, *seeds, text=False, named=None):
    """Describes the parser of a file, which must name it unless `named` is set.

    Args:
        path: The file, which is good where there are no `seeds`.
        read: Function of the path.
    """

    def write_and_read(data):
        path.write_bytes(data)
        return read(path)

    return Target(list(seeds) or [path.read_bytes()], write_and_read, text,
                  named=named or (path.name,))  # fmt: skip
