"""How flags are defined."""

import contextlib
import dataclasses
import os
import re
import sys
import typing

from absl import flags

from amh_tf import errors

FLAGS = flags.FLAGS
_groups = []  # their names, in the order in which --help shows them
_current = None
_names = set()  # of the flags that were defined here
# Straight ones, and those that word processors and web pages make of them.
_QUOTES = tuple("\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab")


class _Unquoted(flags.ArgumentParser):
    """Refuses a value that begins with a quote, and lets another parser read what does not.

    A shell takes quotes away; those that arrive here come from a flag file, and would stay in the
    value.
    """

    def __init__(self, parser):
        self._parser = parser

    def __getattr__(self, name):
        return getattr(self._parser, name)

    @property
    def syntactic_help(self):
        return self._parser.syntactic_help

    def flag_type(self):
        return self._parser.flag_type()

    def parse(self, argument):
        if isinstance(argument, str) and argument.startswith(_QUOTES):
            raise errors.refusal(
                "the value begins with a quote",
                "it without quotes: in a flag file they are part of the value, spaces need none",
                argument,
            )
        return self._parser.parse(argument)


def _expand(path):
    """Returns a path in which `~` is the home folder.

    Raises:
        ValueError: If it begins with a user who is not known, or with a variable of the shell.
    """
    if re.match(r"\$\{?[A-Za-z_]", path):
        raise errors.refusal(
            "the path begins with a variable",
            "a path: only a shell replaces variables, and none has",
            path,
            "Write ~ for the home folder.",
        )
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise errors.refusal(
            "the path begins with the home folder of an unknown user",
            "~/ or ~ and the name of a user",
            path,
            f"Write ./{path} for a folder of that name.",
        )
    return expanded


class _PathParser(flags.ArgumentParser):
    """A path, whose `~` no shell replaces behind `--flag=`."""

    def parse(self, argument):
        return _expand(super().parse(argument))

    def flag_type(self):
        return "path"


class _PathListParser(flags.ListParser):
    """Paths with commas between them."""

    def parse(self, argument):
        return [_expand(path) for path in super().parse(argument)]


@contextlib.contextmanager
def group(name):
    """Puts the flags that are defined inside, or by a decorated function, under a heading.

    Groups are modules to absl, which is how its own help sorts flags.
    """
    global _current
    before, _current = _current, name
    if name not in _groups:
        _groups.append(name)
    try:
        yield
    finally:
        _current = before


def groups():
    """Returns the names of the groups that have flags, in the order of their definition."""
    return [name for name in _groups if FLAGS.get_flags_for_module(name)]


def define(kind, name, default, help_text, **options):
    """Defines a flag that --help of the command shows.

    Args:
        kind: Such as "string", as in the names of absl's functions; "path" and "paths", in which
            `~` is the home folder; "text" for what people say, which may begin with a quote. All
            others may not.
        name, default, help_text, **options: As those functions take them.
    """
    options["module_name"] = _current
    if kind == "path":
        holder = flags.DEFINE(_PathParser(), name, default, help_text, **options)
    elif kind == "paths":
        options["serializer"] = flags.CsvListSerializer(",")
        holder = flags.DEFINE(_PathListParser(), name, default, help_text, **options)
    else:
        define_kind = getattr(flags, f"DEFINE_{'string' if kind == 'text' else kind}")
        holder = define_kind(name, default, help=help_text, **options)
    flag = FLAGS[holder.name]
    if kind != "text":
        flag.parser = _Unquoted(flag.parser)
    _names.add(name)
    # --help shows the flags of the module that is run, not of the one that defines them.
    FLAGS.register_key_flag_for_module(sys.argv[0], flag)


def define_settings(config, only=None, leave=()):
    """Defines a flag for each field of a dataclass whose metadata has a `help`.

    Args:
        config: The dataclass. Metadata may also hold the flag's name, `flag`, where it is not the
            field's, and its `choices`.
        only: Names of the fields to define flags for, or None for all.
        leave: Names of fields to leave out.
    """
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        if "help" not in field.metadata or field.name in leave or (only and field.name not in only):
            continue
        choices = field.metadata.get("choices")
        options = {"enum_values": list(choices)} if choices else {}
        kind = "enum" if choices else _kind(hints[field.name])
        name = field.metadata.get("flag") or field.name
        define(kind, name, field.default, field.metadata["help"], **options)


def _kind(hint):
    kinds = {int: "integer", float: "float", bool: "boolean", str: "string"}
    (kind,) = {kinds[one] for one in typing.get_args(hint) or (hint,) if one in kinds}
    return kind


def chosen(numbers=()):
    """Returns the flags that are set, on the command line or in a file, by name.

    Args:
        numbers: Names of flags whose lists hold numbers.

    Raises:
        InputError: If such a list holds something else.
    """
    present = [name for name in sorted(_names) if FLAGS[name].present]
    return {name: _integers(name) if name in numbers else FLAGS[name].value for name in present}


def _integers(name):
    texts = FLAGS[name].value
    if not all(text.isdecimal() for text in texts):
        raise errors.refusal(
            f"`{name}` is not a list of numbers",
            "integers of at least 0, with commas between them",
            f"{name}={','.join(texts)!r}",
            f"Set them with --{name}.",
        )
    return tuple(map(int, texts))
