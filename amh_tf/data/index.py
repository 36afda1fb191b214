"""Where the records of a shard are, and the fields in each.

A hundred bytes for each utterance, whatever its size.
"""

import math

import numpy as np

from amh_tf import schema
from amh_tf.data import framing, records
from amh_tf.storage import faults

# Fields that are strings of bytes: what is asked of them is where they start.
STRINGS = ("id", *schema.MODALITIES)
# Payloads start at `offset` in the file, and strings at their start in the payload.
_ENTRY = np.dtype(
    [
        ("offset", np.int64),
        ("size", np.int64),
        ("label", np.int32),
        *((f"{modality}_length", np.int32) for modality in schema.MODALITIES),
        *((f"{name}_{what}", np.int64) for name in STRINGS for what in ("start", "size")),
    ]
)


class Builder:
    """Collects the entries of one shard.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        path: The shard, for messages.
    """

    def __init__(self, manifest, path):
        self._path = path
        self._step_bytes = {
            modality: records.dtype_of(modality, manifest.widths, manifest.feature_dtype).itemsize
            * math.prod(records.shape_of(modality, manifest.widths))
            for modality in schema.MODALITIES
        }
        self._entries = []

    def add(self, record, offset, size, fields):
        """Adds a record.

        Args:
            record: Its number, from 0.
            offset, size: Its payload, as `framing.walk` gives it.
            fields: From `layout.read_fields`.

        Raises:
            faults.Fault: If a modality does not have the length that the record declares.
        """
        for modality, step_bytes in self._step_bytes.items():
            steps, (_, num_bytes) = fields[f"{modality}_length"], fields[modality]
            if steps * step_bytes != num_bytes:
                problem = f"its {modality} has {num_bytes} bytes, not {steps} steps of {step_bytes}"
                raise faults.Fault(self._path, problem, record, offset - framing.HEADER_BYTES)
        self._entries.append(
            (
                offset,
                size,
                fields["label"],
                *(fields[f"{modality}_length"] for modality in schema.MODALITIES),
                *(number for name in STRINGS for number in fields[name]),
            )
        )

    def build(self):
        """Returns the entries, a structured array of shape `(records,)`."""
        return np.array(self._entries, _ENTRY)
