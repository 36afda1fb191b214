"""How settings are refused: what is wrong, what was expected, and the flag that remedies it."""

import dataclasses
from pathlib import Path

from amh_tf import errors

# Files that Matplotlib writes with no library besides; to ask it takes half a second.
PICTURES = ("eps", "jpeg", "jpg", "pdf", "pgf", "png", "ps", "raw", "rgba", "svg", "svgz", "tif")
PICTURES += ("tiff", "webp")


def require(condition, name, problem, expected, received, remedy):
    if not condition:
        raise errors.refusal(f"`{name}` {problem}", expected, f"{name}={received!r}", remedy)


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
    if value not in choices:
        raise errors.unknown(name, value, choices, flag=name)


def require_picture(name, path):
    require(
        Path(path).suffix.lower().removeprefix(".") in PICTURES,
        name,
        "is not the name of a picture",
        f"a name that ends in {', '.join(f'.{ending}' for ending in PICTURES)}",
        str(path),
        f"Set it with --{name}.",
    )


def require_settings(config):
    """Checks every field of a dataclass that says in its metadata what it may be.

    Args:
        config: The instance. Metadata of a field may hold `choices`; of an integer `least` and
            `most`; of a number `below` or `most`, and `above` if 0 is not allowed, with
            `expected` to say so in words. None is allowed where it is the default.

    Raises:
        ValueError: If a value is not allowed.
    """
    for field in dataclasses.fields(config):
        bounds, name, value = field.metadata, field.name, getattr(config, field.name)
        if value is None and field.default is None:
            continue
        if "choices" in bounds:
            require_choice(config, name, bounds["choices"])
        elif "least" in bounds:
            require_integer(config, name, bounds["least"], bounds.get("most", MANY))
        elif "below" in bounds or "above" in bounds:
            _require_number(name, value, **bounds)


def _require_number(name, value, above=None, below=None, most=None, expected=None, **_):
    least_holds = value >= 0 if above is None else value > above
    most_holds = value < below if most is None else value <= most
    require(
        least_holds and most_holds,
        name,
        "is out of range",
        expected or f"a number of at least 0 and below {below:g}",
        value,
        f"Set it with --{name}.",
    )


# Of classes, utterances, data sets, and whatever else tables, files and pages show.
LONGEST_NAME = 200
NAME = f"1 to {LONGEST_NAME} printable characters"
# Of one data set: more could be neither drawn nor told apart.
MAX_CLASSES = 256


def is_name(value):
    """Returns whether a value is a name: a text of `NAME`, on one line, without half characters."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def is_integer(value, least=0, most=1 << 62):
    """Returns whether a JSON value is an integer in a range; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
