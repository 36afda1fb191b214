"""Opens model files that strangers may have written: nothing in them is run or believed."""

import io
import json
import math
import zipfile

import h5py
import keras
import tensorflow as tf

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
MAX_CONFIG_BYTES = 1 << 20
ANY_NUMBER = ("seed", "shared_object_id")
MAX_REPEATS = 1000  # of hops, layers and the like
# Objects in a configuration that are not arrays, functions, or code: class by module. Only
# what our models are made of; Keras would import any module that a file names.
ALLOWED = {
    "keras": ("DTypePolicy",),
    "keras.initializers": ("GlorotUniform", "Orthogonal", "RandomNormal", "RandomUniform")
    + ("Zeros", "Ones"),
    "keras.layers": ("Concatenate", "Dense", "Dropout", "Embedding", "Identity", "InputLayer"),
    "keras.src.models.functional": ("Functional",),
    None: ("__keras_tensor__",),
}
OWN_LAYERS = "amh_tf.layers."


class Refused(ValueError):
    """What is wrong with a model file, without its name."""


def load(path):
    """Loads a `.keras` file after checking that it holds nothing but one of our models.

    Refused are other members than Keras writes, compressed ones, classes that our models are
    not made of, weights outside the file or larger than it, and models larger than their
    weights.

    Args:
        path: The file.

    Returns:
        `keras.Model`, not compiled.

    Raises:
        ValueError: If the file is damaged or refused; the message names it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive)
            config = _read_config(archive)
            with archive.open(WEIGHTS) as member:
                held = _check_weights(member, archive.getinfo(WEIGHTS).file_size)
        _check_classes(config)
        _check_numbers(config, 4 * held)
        _check_parameters(config, held)
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # zip, JSON and HDF5 each raise their own
        received = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{str(path)!r} cannot be read. Expected a model that this version "
            f"wrote. Received: {received[:500]}."
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


def _read_config(archive):
    config = json.loads(archive.read(CONFIG))
    if not isinstance(config, dict) or config.get("class_name") != "Functional":
        raise Refused("no functional model")
    if config.get("compile_config"):
        raise Refused("a compiled model")
    return config


def _nodes(config):
    """Lists every dict and list of a configuration, however deep, without recursion."""
    pending = [config]
    while pending:
        node = pending.pop()
        yield node
        pending += node.values() if isinstance(node, dict) else node
        pending[:] = [item for item in pending if isinstance(item, (dict, list))]


def _check_classes(config):
    for node in _nodes(config):
        if not isinstance(node, dict):
            continue
        for key in ("module", "registered_name"):
            if key in node and "class_name" not in node:
                raise Refused(f"{key} {node[key]!r} without a class")
        if "class_name" not in node:
            continue
        module, name, registered = (
            node.get(key) for key in ("module", "class_name", "registered_name")
        )
        if not isinstance(name, str) or not isinstance(module, (str, type(None))):
            raise Refused(f"the class {name!r}")
        own = (
            module is not None
            and module.startswith(OWN_LAYERS)
            and registered == f"amh_tf>{name}"
            and keras.saving.get_registered_object(registered) is not None
        )
        if not own and (
            name not in ALLOWED.get(module, ()) or registered not in (None, "Functional")
        ):
            raise Refused(f"the class {module}.{name}")


def _check_numbers(config, most):
    """No size can be larger than the weights. Building takes time for each repeat."""
    for node in _nodes(config):
        items = node.items() if isinstance(node, dict) else ((None, item) for item in node)
        for key, value in items:
            limit = MAX_REPEATS if str(key).startswith("num_") else most
            if isinstance(value, int) and key not in ANY_NUMBER and abs(value) > limit:
                raise Refused(f"{key} {value} beside {most} bytes of weights, or too many")


def _check_weights(member, size):
    """Checks every dataset; returns how many numbers there are."""
    held = 0
    seen = set()
    with h5py.File(io.BytesIO(member.read()), "r") as file:
        pending = [file["/"]]
        while pending:
            group = pending.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise Refused(f"a link in place of the weights {name!r}")
                item = group[name]
                address = h5py.h5o.get_info(item.id).addr
                if address in seen:
                    raise Refused(f"the weights {name!r} twice")
                seen.add(address)
                if isinstance(item, h5py.Group):
                    pending.append(item)
                else:
                    held += _check_dataset(item, name)
    if held > size:
        raise Refused(f"{held} numbers in {size} bytes")
    return held


def _check_dataset(item, name):
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiu":
        raise Refused(f"weights {name!r} that are not numbers")
    if item.is_virtual or item.external or item.chunks is not None:
        raise Refused(f"weights {name!r} that do not lie in the file as they are")
    count = math.prod(item.shape or (0,))
    if count * item.dtype.itemsize != item.id.get_storage_size():
        raise Refused(f"weights {name!r} of {item.shape} in {item.id.get_storage_size()} bytes")
    return count


def _check_parameters(config, held):
    """Builds the model in a graph, which allocates nothing, and counts its parameters."""
    with tf.Graph().as_default():
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        declared = sum(math.prod(weight.shape) for weight in model.weights)
    if declared != held:
        raise Refused(f"a model of {declared} parameters with {held} weights")
