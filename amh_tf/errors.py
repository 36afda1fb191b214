"""What the package raises where a user's input is refused."""


class InputError(ValueError):
    """A setting, file or input that is refused; the message says what to do.

    Commands show it as one line. Any other error is a fault of the package, or of a library that
    was not asked for the right thing, and shows where it came from.
    """
