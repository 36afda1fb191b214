"""How settings are refused: what is wrong, what was expected, and the flag that mends it."""

from amh_tf import errors


def require(condition, name, problem, expected, received, remedy):
    if not condition:
        raise errors.InputError(
            f"`{name}` {problem}. Expected {expected}. Received: {name}={received!r}. {remedy}"
        )


# Far beyond any sensible setting, and within what TensorFlow can take without crashing.
MANY = 1 << 16


def require_integer(config, name, least, most=MANY, flag=None):
    value = getattr(config, name)
    require(
        isinstance(value, int) and not isinstance(value, bool) and least <= value <= most,
        name,
        "is out of range",
        f"an integer of at least {least} and at most {most}",
        value,
        f"Set it with --{flag or name}.",
    )


def require_choice(config, name, choices):
    value = getattr(config, name)
    require(
        value in choices,
        name,
        "is not known",
        f"one of {', '.join(map(repr, choices))}",
        value,
        f"Set it with --{name}.",
    )


# Of classes, utterances, data sets, and whatever else tables, files and pages show.
LONGEST_NAME = 200
NAME = f"1 to {LONGEST_NAME} printable characters"
# Of one data set: more could be neither drawn nor told apart.
MAX_CLASSES = 256


def is_name(value):
    """Tells whether a value is a name: a text of `NAME`, on one line, without half characters."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def is_integer(value, least=0, most=1 << 62):
    """Tells whether a JSON value is an integer in a range; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_share(value):
    """Tells whether a JSON value is a number from 0 to 1."""
    # The comparison refuses NaN too, which Python reads from JSON; a mean may be rounded up.
    right = isinstance(value, int | float) and not isinstance(value, bool)
    return right and 0 <= value <= 1 + 1e-9
