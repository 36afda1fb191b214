"""Segments in a JSON file: an object with a list `segments`, as `amh_tf.timeline` writes it."""

import typing

from amh_tf import files, typed
from amh_tf.segments import segment

_EXPECTED = "an object with a list of segments, each with start and end"


class _Stored(typing.TypedDict):
    start: float
    end: float
    speaker: typing.NotRequired[str]
    text: typing.NotRequired[str | None]
    side: typing.NotRequired[str | None]


class _File(typing.TypedDict):
    segments: list[_Stored]


def read(path, recording_name="", encoding=None):
    """Yields the `Segment`s of a JSON file.

    Args:
        path: The file.
        recording_name, encoding: Not needed: as of all readers.

    Raises:
        InputError: If it is not such a file, or a segment cannot be so; the line of the message is
            the segment's number.
    """
    del recording_name, encoding
    fields = files.read_json(path, _EXPECTED)
    with typed.refusing(path, _EXPECTED, "Correct the file."):
        stored = typed.convert(fields, _File)["segments"]
    for number, entry in enumerate(stored, 1):
        names = (entry.get(name) for name in ("speaker", "text", "side"))
        yield segment.make(path, number, entry["start"], entry["end"], *(x or "" for x in names))
