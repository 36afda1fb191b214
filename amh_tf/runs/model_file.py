"""Reads weights from model files that strangers may have written: nothing in them is run.

What a model is made of comes from a run's settings alone. Of the file only the weights are read.
"""

import io
import math
import zipfile

import h5py
import tensorflow as tf

from amh_tf import errors

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
MAX_CONFIG_BYTES = 1 << 20


class Refused(errors.InputError):
    """What is wrong with a model file, without its name."""


def load(path, build):
    """Reads a `.keras` file's weights after checking that it holds what it should.

    Refused are other members than Keras writes, compressed ones, weights outside of the file or
    larger than it, and weights that are not those of the model.

    Args:
        path: The file.
        build: Function without arguments that makes the model, its weights yet to be set.

    Returns:
        `keras.Model`, not compiled.

    Raises:
        ValueError: If the file is damaged or refused; the message names it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive)
            with archive.open(WEIGHTS) as member:
                num_values = _check_weights(member, archive.getinfo(WEIGHTS).file_size)
        with tf.Graph().as_default():  # which allocates nothing
            declared = sum(math.prod(weight.shape) for weight in build().weights)
        if declared != num_values:
            raise Refused(f"{num_values} numbers for a model of {declared} parameters")
        model = build()
        model.load_weights(path)
        return model
    except Exception as error:  # zip, HDF5 and Keras each raise their own
        received = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
        raise errors.refusal(
            f"{str(path)!r} cannot be read",
            "the model of the run, as this version writes it",
            f"{received[:500].rstrip('.')}",
        ) from error


def _check_members(archive):
    members = archive.infolist()
    names = sorted(member.filename for member in members)
    if names != sorted((CONFIG, WEIGHTS, METADATA)):
        raise Refused(f"the members {', '.join(names[:9])}")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise Refused(f"a compressed {member.filename}")
        if member.filename != WEIGHTS and member.file_size > MAX_CONFIG_BYTES:
            raise Refused(f"{member.file_size} bytes of {member.filename}")


def _check_weights(member, size):
    """Checks every dataset; returns how many numbers there are."""
    num_values = 0
    addresses = set()
    with h5py.File(io.BytesIO(member.read()), "r") as file:
        pending = [file["/"]]
        while pending:
            group = pending.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise Refused(f"a link in place of the weights {name!r}")
                item = group[name]
                address = h5py.h5o.get_info(item.id).addr
                if address in addresses:
                    raise Refused(f"the weights {name!r} twice")
                addresses.add(address)
                if isinstance(item, h5py.Group):
                    pending.append(item)
                else:
                    num_values += _check_dataset(item, name)
    if num_values > size:
        raise Refused(f"{num_values} numbers in {size} bytes")
    return num_values


def _check_dataset(item, name):
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiu":
        raise Refused(f"weights {name!r} that are not numbers")
    if item.is_virtual or item.external or item.chunks is not None:
        raise Refused(f"weights {name!r} that the file does not hold plainly")
    count = math.prod(item.shape or (0,))
    if count * item.dtype.itemsize != item.id.get_storage_size():
        raise Refused(f"weights {name!r} of {item.shape} in {item.id.get_storage_size()} bytes")
    return count
