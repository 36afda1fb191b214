"""What the package raises where a user's input is refused."""

from collections.abc import Iterable


class InputError(ValueError):
    """A setting, file or input that is refused; the message says what to do.

    Commands show it as one line. Any other error is a fault of the package, or of a library that
    was not asked for the right thing, and shows where it came from.
    """


def refusal(problem: str, expected: str, received: object, remedy: str = "") -> InputError:
    """Words a refusal the way that the whole package does.

    Args:
        problem: What is wrong with which argument or file, as a sentence without its full stop.
        expected: What would have been right.
        received: What came instead; its text is shown as it is.
        remedy: What to do next, as whole sentences.

    Returns:
        The error, to be raised.

    >>> str(refusal("`hops` is too small", "at least 1", 0, "Set --hops."))
    '`hops` is too small. Expected at least 1. Received: 0. Set --hops.'
    """
    return InputError(f"{problem}. Expected {expected}. Received: {received}. {remedy}".rstrip())


def unknown(
    name: str, value: object, choices: Iterable[str], flag: str | None = None
) -> InputError:
    """Words the refusal of an argument that is not one of its choices; `flag`, if any, sets it."""
    expected = f"one of {', '.join(map(repr, choices))}"
    remedy = f"Set it with --{flag}." if flag else ""
    return refusal(f"`{name}` is not known", expected, f"{name}={value!r}", remedy)
