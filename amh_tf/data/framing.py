"""The frames of TFRecord files.

A frame is the payload's length (8 bytes, little-endian), its masked CRC-32C (4 bytes), the
payload, and its masked CRC-32C. TensorFlow takes a file that ends inside a length for one that
ends there, and does not name the file that it finds damaged: so frames are looked at here.

Reference:
 - https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

import os
import struct

import google_crc32c

from amh_tf.data import faults

HEADER_BYTES = 12
FOOTER_BYTES = 4
# Enough for any field's name and a label.
_CHUNK_BYTES = 128


def _masked_crc(data):
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def walk(file, path):
    """Lists a file's frames without reading their payloads.

    No length is trusted: it must have its checksum, and end within the file.

    Args:
        file: The shard, open for reading bytes.
        path: Its path, for messages.

    Yields:
        (record, offset, length): number from 0, where the payload starts, and its bytes.

    Raises:
        faults.Fault: At the first frame that is damaged; what follows cannot be found.
    """
    size = os.fstat(file.fileno()).st_size
    at = record = 0
    while at < size:
        header = os.pread(file.fileno(), HEADER_BYTES, at)
        if len(header) < HEADER_BYTES:
            raise faults.Fault(path, "the file ends inside the record's length", record, at)
        length, crc = struct.unpack("<QI", header)
        if crc != _masked_crc(header[:8]):
            raise faults.Fault(path, "the checksum of the record's length is wrong", record, at)
        end = at + HEADER_BYTES + length + FOOTER_BYTES
        if end > size:
            raise faults.Fault(
                path, f"the file ends inside the record, {end - size} bytes early", record, at
            )
        yield record, at + HEADER_BYTES, length
        at = end
        record += 1


def read_payload(file, path, record, offset, length):
    """Reads a payload that `walk` has found.

    Raises:
        faults.Fault: If its checksum is wrong.
    """
    data = os.pread(file.fileno(), length + FOOTER_BYTES, offset)
    payload, footer = data[:length], data[length:]
    if len(footer) != FOOTER_BYTES or _masked_crc(payload) != struct.unpack("<I", footer)[0]:
        raise faults.Fault(
            path, "the checksum of the record's content is wrong", record, offset - HEADER_BYTES
        )
    return payload


def _varint(chunk, at):
    value = 0
    for shift in range(0, 64, 7):
        byte = chunk[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than ten bytes")


def _open_field(chunk, at, tag):
    """Returns the length of a field, of which the tag is known, and where its content starts."""
    if chunk[at] != tag:
        raise ValueError(f"tag {chunk[at]}, not {tag}")
    return _varint(chunk, at + 1)


def read_label(file, offset, length):
    """Reads the label of the `tf.train.Example` in a payload, passing over its features.

    Features are half a megabyte; this reads a few hundred bytes. The tags are those of
    Example.features, Features.feature, its key and value, Feature.int64_list and its value.

    Returns:
        The label, or None where it is not found so.
    """
    try:
        _, start = _open_field(os.pread(file.fileno(), _CHUNK_BYTES, offset), 0, 0x0A)
        at, end = offset + start, offset + length
        while at < end:
            chunk = os.pread(file.fileno(), _CHUNK_BYTES, at)
            size, entry = _open_field(chunk, 0, 0x0A)
            key_size, key = _open_field(chunk, entry, 0x0A)
            if chunk[key : key + key_size] == b"label":
                _, value = _open_field(chunk, key + key_size, 0x12)
                _, value = _open_field(chunk, value, 0x1A)
                if chunk[value] == 0x0A:  # packed
                    _, value = _open_field(chunk, value, 0x0A)
                else:
                    value += 1
                label = _varint(chunk, value)[0]
                return label - (1 << 64) if label >> 63 else label
            at += entry + size
    except (ValueError, IndexError):
        pass
    return None
