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

from amh_tf.storage import faults

HEADER_BYTES = 12
FOOTER_BYTES = 4


def masked_crc(*pieces):
    """Returns the masked CRC-32C of bytes, or arrays of uint8, one after the other."""
    crc = 0
    for piece in pieces:
        crc = google_crc32c.extend(crc, piece)
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
        if crc != masked_crc(header[:8]):
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
    if len(footer) != FOOTER_BYTES or masked_crc(payload) != struct.unpack("<I", footer)[0]:
        raise faults.Fault(
            path, "the checksum of the record's content is wrong", record, offset - HEADER_BYTES
        )
    return payload
