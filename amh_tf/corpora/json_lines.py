"""JSON Lines files that strangers wrote: one flat object a line."""

import json
from collections.abc import Iterator
from pathlib import Path

from amh_tf import errors
from amh_tf.corpora import text_files


class _NotARow(errors.InputError):
    pass


def _refuse(what):
    raise _NotARow(what)


def _object(pairs):
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else _refuse("a name appears twice")


def _cell(name, value):
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        _refuse(f"{name} is neither text nor a number")
    return str(value).strip()


def rows(
    path: str | Path,
    encoding: str | None = None,
    columns: tuple = (),
    required: tuple = (),
    notes: list | None = None,
) -> Iterator:
    """Yields the line number and the fields of each line, as `text_files.rows` does of CSV.

    Args:
        path: The file.
        encoding, columns, required, notes: As for `text_files.rows`.

    Yields:
        The number of the line, and a dict from name to text.

    Raises:
        ValueError: As `text_files.lines`, or if a line is not an object of texts and numbers, or
            a name stands in it twice or is missing.
    """
    for number, text in text_files.lines(path, encoding=encoding, notes=notes):
        if not text.strip():
            continue
        try:
            row = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
            if not isinstance(row, dict):
                _refuse(f"a {type(row).__name__}")
            names = text_files.without_capitals(list(row), columns)
            row = _object([(name, _cell(name, x)) for name, x in zip(names, row.values())])
        except (ValueError, RecursionError) as problem:
            expected = "a JSON object of texts and numbers"
            received = f"{type(problem).__name__}: {problem}"
            raise text_files.error(path, number, "the line is bad", expected, received) from None
        text_files.check_columns(path, number, list(row), required)
        yield number, row
