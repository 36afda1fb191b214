"""A split whose records are read where they are, straight into the batch.

A record of a stream is copied from the file to a string, from there to the shuffle buffer, to the
strings of its fields, and to the batch. Where it is known where each field is, the system copies
it from its cache of the file to its row, and nothing but numbers is shuffled.
"""

import atexit
import contextlib
import math
import os
import threading
import time

import google_crc32c
import numpy as np
import tensorflow as tf

from amh_tf import schema
from amh_tf.data import framing, records
from amh_tf.storage import faults

# As TensorFlow asks of memory that it takes over instead of copying it.
_ALIGNMENT = 64
# Seconds without a read after which a pipeline is taken to have read as far ahead as it does, and
# after which it is not waited for any more.
_QUIET, _TOO_LONG = 0.2, 10.0
_threads = set()  # that are reading
_last_read = [-_QUIET]


@contextlib.contextmanager
def _listed_thread():
    _threads.add(threading.get_ident())
    try:
        yield
    finally:
        _last_read[0] = time.monotonic()
        _threads.discard(threading.get_ident())


@atexit.register
def _let_readers_rest():
    """Waits at the end of the process until pipelines that are still open have read ahead.

    A thread of TensorFlow's that asks for Python when it has gone never gets it, and an iterator
    that is deleted then waits for that thread for ever.
    """
    start = time.monotonic()
    while time.monotonic() - start < _TOO_LONG and (
        _threads or time.monotonic() - _last_read[0] < _QUIET
    ):
        time.sleep(_QUIET / 10)


def is_available():
    """Says whether this system can read so, and check what it reads in no time."""
    return hasattr(os, "preadv") and google_crc32c.implementation == "c"


class RandomAccess:
    """A split of shards on this machine; its elements are numbers of utterances.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        shards: Its shards, in their order.
        entries: Entries of each, as `integrity.check_shard` returns them.
        modalities: Which modalities the batches hold.
    """

    def __init__(self, manifest, shards, entries, modalities=schema.MODALITIES):
        self._paths = [str(manifest.path(shard.file)) for shard in shards]
        self._entries = np.concatenate(entries)
        ends = np.cumsum([len(shard_entries) for shard_entries in entries])
        starts = ends - [len(shard_entries) for shard_entries in entries]
        self._starts = starts
        self._shards = np.repeat(
            np.arange(len(entries)), [len(shard_entries) for shard_entries in entries]
        )
        self._dtypes = {
            m: records.dtype_of(m, manifest.widths, manifest.feature_dtype) for m in modalities
        }
        self._shapes = {m: records.shape_of(m, manifest.widths) for m in modalities}
        self.sources = tf.constant(np.stack([starts, ends], axis=1), tf.int64)

    @staticmethod
    def open(span):
        """Makes a dataset of one shard's elements."""
        return tf.data.Dataset.range(span[0], span[1])

    def length_of(self, elements, modality):
        """Returns the number of steps of each element, int32."""
        return tf.gather(self._entries[f"{modality}_length"], elements)

    def decode(self, elements, span=None):
        """Makes a padded batch, or a span of its rows, as `records.decode` does."""
        dtypes = [tf.string, *map(tf.as_dtype, self._dtypes.values())]
        first, end = (0, tf.size(elements)) if span is None else span
        ids, *arrays = tf.numpy_function(self._read_listed, [elements, first, end], dtypes)
        ids.set_shape([None])
        elements = elements[first:end]
        fields = {"id": ids, "label": tf.gather(self._entries["label"], elements)}
        for (modality, shape), array in zip(self._shapes.items(), arrays):
            array.set_shape([None, None, *shape])
            fields[modality] = tf.cast(array, tf.float32) if shape else array
            fields[f"{modality}_length"] = self.length_of(elements, modality)
        return fields

    def _read_listed(self, *arguments):
        with _listed_thread():
            return self.read(*arguments)

    def read(self, elements, first=0, end=None):
        """Reads a batch, outside of any graph.

        Args:
            elements: Array of numbers of utterances.
            first, end: First row to read and the one after the last, None for the batch's end.

        Returns:
            List of ids, and of each modality's steps as they are stored, padded to the longest
            of the whole batch.

        Raises:
            faults.Fault: If a record is damaged.
            OSError: If a shard cannot be read.
        """
        lengths = {m: self._entries[f"{m}_length"][elements] for m in self._dtypes}
        elements = elements[first:end]
        arrays, rows = [], {}
        for modality, dtype in self._dtypes.items():
            steps = max(1, int(lengths[modality].max(initial=0)))
            array = _aligned((len(elements), steps, *self._shapes[modality]), dtype)
            arrays.append(array)
            rows[modality] = array.view(np.uint8).reshape(len(elements), -1)
        ids, descriptors = [], {}
        try:
            for row, (number, entry) in enumerate(zip(elements.tolist(), self._entries[elements])):
                shard = self._shards[number]
                if shard not in descriptors:
                    descriptors[shard] = os.open(self._paths[shard], os.O_RDONLY)
                ids.append(self._read_record(descriptors[shard], number, entry, row, rows))
        finally:
            for descriptor in descriptors.values():
                os.close(descriptor)
        return [np.array(ids, object), *arrays]

    def _read_record(self, descriptor, number, entry, row, rows):
        """Reads one record's steps into its row of each modality; returns its id."""
        buffers = {name: bytes_of_row[row] for name, bytes_of_row in rows.items()}
        buffers["id"] = np.empty(entry["id_size"], np.uint8)
        rest = np.empty(entry["size"] - sum(entry[f"{n}_size"] for n in buffers), np.uint8)
        footer = np.empty(framing.FOOTER_BYTES, np.uint8)
        pieces, at, used = [], 0, 0
        for start, name in sorted((entry[f"{name}_start"], name) for name in buffers):
            between, size = start - at, entry[f"{name}_size"]
            pieces += [rest[used : used + between], buffers[name][:size]]
            at, used = start + size, used + between
            buffers[name][size:] = 0
        pieces.append(rest[used:])
        num_bytes = os.preadv(descriptor, [*pieces, footer], entry["offset"])
        if num_bytes != entry["size"] + framing.FOOTER_BYTES or (
            framing.masked_crc(*pieces) != int.from_bytes(footer.tobytes(), "little")
        ):
            raise faults.Fault(
                self._paths[self._shards[number]],
                "the checksum of the record's content is wrong",
                number - self._starts[self._shards[number]],
                entry["offset"] - framing.HEADER_BYTES,
            )
        return buffers["id"].tobytes()


def _aligned(shape, dtype):
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)
