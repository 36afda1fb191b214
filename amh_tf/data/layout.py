"""The layout of a record, checked before TensorFlow parses it.

TensorFlow reads Examples with its own parser, which takes the lengths within a record as 32
bits and then as signed: one of four gigabytes ends the process. So each length, field and kind is
looked at here first. Features are half a megabyte a record, and passed over.

Reference:
 - https://protobuf.dev/programming-guides/encoding/
"""

import os

from amh_tf import errors, schema
from amh_tf.data import framing
from amh_tf.storage import faults

# What is read at a time, and what of it the head of an entry may take: five tags with lengths, a
# field's name and a number.
_CHUNK_BYTES = 512
_HEAD_BYTES = 128
# Protocol buffers are smaller than this, and TensorFlow counts their bytes with 31 bits.
_MAX_BYTES = (1 << 31) - 1
# Tags of length-delimited fields 1 to 3, and of a number that is field 1.
_FIRST, _SECOND, _THIRD, _NUMBER = 0x0A, 0x12, 0x1A, 0x08
# Names, and Feature.bytes_list or Feature.int64_list.
_KINDS = {
    name.encode(): (name, _FIRST if kind == "bytes" else _THIRD)
    for name, kind in schema.EXAMPLE_FIELDS.items()
}


def read_fields(file, path, record, offset, length):
    """Checks a payload's layout, and reads its numbers.

    Accepted are the fields of `schema.EXAMPLE_FIELDS`, each once, in any order, each one string or
    one number (packed or not), and no byte besides.

    Args:
        file: The shard, open for reading bytes.
        path: Its path, for messages.
        record: Number of the record.
        offset: Where the payload starts, as `framing.walk` gives it.
        length: Its bytes.

    Returns:
        Dict from a field's name to its number, or to (start, size) of its string in the payload.

    Raises:
        faults.Fault: If the payload is anything else.
    """
    try:
        return _read_fields(file, offset, length)
    except (ValueError, IndexError) as error:
        reason = "it ends early" if isinstance(error, IndexError) else error
        problem = f"it is not a tf.train.Example as it was written ({reason})"
        raise faults.Fault(path, problem, record, offset - framing.HEADER_BYTES) from error


def _read_fields(file, offset, length):
    if length > _MAX_BYTES:
        raise errors.InputError(f"{length} bytes")
    fields = {}
    chunk, base = _chunk(file, offset, 0, length), 0
    at = _open_last(chunk, 0, _FIRST, length)
    while at < length:
        if at + _HEAD_BYTES > base + len(chunk):
            chunk, base = _chunk(file, offset, at, length), at
        name, value, end = _read_entry(chunk, at - base, length - base)
        if name in fields:
            raise errors.InputError(f"{name} twice")
        fields[name] = (base + value[0], value[1]) if isinstance(value, tuple) else value
        at = base + end
    missing = [name for name in schema.EXAMPLE_FIELDS if name not in fields]
    if missing:
        raise errors.InputError(f"no {', '.join(missing)}")
    return fields


def _chunk(file, offset, at, length):
    return os.pread(file.fileno(), min(_CHUNK_BYTES, length - at), offset + at)


def _read_entry(chunk, at, end):
    """Reads the head of one of Features.feature, whose value may reach beyond the chunk.

    Returns:
        (name, number or (start, size) of the string, where the entry ends).
    """
    at, end = _open(chunk, at, _FIRST, end)
    key, key_end = _open(chunk, at, _FIRST, end)
    if chunk[key:key_end] not in _KINDS:
        raise errors.InputError(f"a field {chunk[key:key_end][:20]!r}")
    name, kind = _KINDS[chunk[key:key_end]]
    at = _open_last(chunk, key_end, _SECOND, end)
    at = _open_last(chunk, at, kind, end)
    if kind == _FIRST:
        start = _open_last(chunk, at, _FIRST, end)
        return name, (start, end - start), end
    at = at + 1 if chunk[at] == _NUMBER else _open_last(chunk, at, _FIRST, end)
    number, at = _varint(chunk, at)
    if at != end:
        raise errors.InputError(f"{name} is not one number")
    return name, number - (1 << 64) if number >> 63 else number, end


def _open(chunk, at, tag, end):
    """Returns where the content of a field starts and ends."""
    if chunk[at] != tag:
        raise errors.InputError(f"tag {chunk[at]}, not {tag}")
    size, at = _varint(chunk, at + 1)
    if size > end - at:
        raise errors.InputError(f"a length of {size} where {max(0, end - at)} bytes are left")
    return at, at + size


def _open_last(chunk, at, tag, end):
    """Opens a field that must end where the one around it does; returns where it starts."""
    at, own_end = _open(chunk, at, tag, end)
    if own_end != end:
        raise errors.InputError(f"{end - own_end} bytes behind the content of tag {tag}")
    return at


def _varint(chunk, at):
    value = 0
    for shift in range(0, 70, 7):
        byte = chunk[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                raise errors.InputError("a number of more than 64 bits")
            return value, at
    raise errors.InputError("a number of more than ten bytes")
