"""Reads the weights of ResNet-101 from the files that people have; fetches nothing."""

import hashlib
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np

from amh_tf import errors
from amh_tf.features import media, resnet, resnet_options

RANDOM = resnet_options.RANDOM
# Branches of random networks are held small, or 33 of them would add up to overflow.
_RANDOM_BRANCH = 0.2


def origin(path, seed=0):
    """Tells weights from others without reading what they are.

    Args:
        path, seed: As for `read`.

    Returns:
        The `resnet.Shape`; a text that differs where the weights differ.

    Raises:
        ValueError: If there is no such file, or it is of none of the kinds.
    """
    resnet_options.check_weights(path)
    if path == RANDOM:
        return resnet.TORCHVISION, f"{path}-{seed}"
    path = Path(path)
    shape = resnet.KERAS if path.suffix in resnet_options.KERAS_ENDINGS else resnet.TORCHVISION
    with open(path, "rb") as file:
        return shape, hashlib.file_digest(file, "sha256").hexdigest()


def read(path, seed=0):
    """Reads weights.

    Args:
        path: A Keras weights file of `keras.applications.ResNet101` without its classifier
            (.h5, .weights.h5 or .keras); a state dict of torchvision's `resnet101` (.npz or
            .safetensors); or "random".
        seed: Seed of random weights.

    Returns:
        Dict from each convolution's name to its kernel and bias.

    Raises:
        ValueError: If the file is missing, damaged, or of another network.
        ImportError: If a .safetensors file is given and the extra `media` is not installed.
    """
    shape, _ = origin(path, seed)
    if path == RANDOM:
        return random(seed)
    path = Path(path)
    if shape is resnet.KERAS:
        weights = _from_keras(path)
    else:
        weights = from_state_dict(path, _state_dict(path))
    for name, parts in weights.items():
        if not all(np.isfinite(part).all() for part in parts):
            raise _refused(path, "finite weights", f"others in {name}")
    return weights


def random(seed, blocks=resnet.BLOCKS, width=resnet.WIDTH):
    """Draws weights that keep activations in bounds; of use in tests and benchmarks alone."""
    generator = np.random.default_rng(seed)
    weights = {}
    for convolution in resnet.convolutions(blocks, width):
        kernel = generator.standard_normal(convolution.kernel, np.float32)
        kernel *= np.sqrt(2 / np.prod(convolution.kernel[:3]))
        if convolution.name.endswith("conv3"):
            kernel *= _RANDOM_BRANCH
        bias = 0.1 * generator.standard_normal(convolution.kernel[-1:], np.float32)
        weights[convolution.name] = kernel, bias
    return weights


def state_dict_shapes(blocks=resnet.BLOCKS, width=resnet.WIDTH):
    """Lists what torchvision's state dict holds, without classifier and counters.

    Returns:
        Dict from name to shape.
    """
    shapes = {}
    for convolution in resnet.convolutions(blocks, width):
        height, width_, inputs, outputs = convolution.kernel
        shapes[f"{convolution.name}.weight"] = outputs, inputs, height, width_
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{convolution.norm}.{part}"] = (outputs,)
    return shapes


def from_state_dict(path, state, blocks=resnet.BLOCKS, width=resnet.WIDTH):
    """Converts torchvision's arrays.

    Args:
        path: Where they come from, for messages.
        state: Dict from name to array.
        blocks, width: As in `resnet.convolutions`.

    Returns:
        Dict from each convolution's name to its kernel and bias.

    Raises:
        ValueError: If an array is missing or has another shape or type.
    """
    for name, shape in state_dict_shapes(blocks, width).items():
        if name not in state:
            raise _refused(path, f"{name!r}, as in torchvision's resnet101", "none of that name")
        array = state[name]
        if array.shape != shape or array.dtype.kind != "f":
            received = f"{array.dtype.name} of shape {array.shape}"
            raise _refused(path, f"{name!r} to be floats of shape {shape}", received)
    weights = {}
    for convolution in resnet.convolutions(blocks, width):
        norm = [
            state[f"{convolution.norm}.{part}"]
            for part in ("weight", "bias", "running_mean", "running_var")
        ]
        kernel = state[f"{convolution.name}.weight"].transpose(2, 3, 1, 0)
        weights[convolution.name] = resnet.fold(kernel, 0, *norm, resnet.TORCHVISION.epsilon)
    return weights


def _state_dict(path):
    try:
        if path.suffix == ".safetensors":
            return media.library("safetensors.numpy").load_file(path)
        with np.load(path, allow_pickle=False) as archive:
            # Names first: a file of something else is not read whole.
            shapes = state_dict_shapes()
            return {name: archive[name] for name in archive.files if name in shapes}
    except ImportError:
        raise
    except Exception as error:  # a damaged file raises almost anything
        received = f"{type(error).__name__}: {media.short(error)}"
        raise _refused(path, "a whole file of arrays", received) from error


def _from_keras(path):
    opener = zipfile.ZipFile if path.suffix == ".keras" else h5py.File
    try:
        with opener(path), warnings.catch_warnings():
            # Keras only warns of weights that it does not find, and keeps random ones.
            warnings.simplefilter("error", UserWarning)
            network = keras.applications.ResNet101(
                weights=str(path), include_top=False, pooling="avg"
            )
    except Exception as error:  # a damaged file raises almost anything
        received = f"{type(error).__name__}: {media.short(error)}"
        expected = "weights of keras.applications.ResNet101 without its classifier"
        raise _refused(path, expected, received) from error
    weights = {}
    for convolution in resnet.convolutions():
        prefix = _keras_name(convolution.name)
        norm = network.get_layer(f"{prefix}_bn")
        kernel, bias = network.get_layer(f"{prefix}_conv").get_weights()
        weights[convolution.name] = resnet.fold(kernel, bias, *norm.get_weights(), norm.epsilon)
    return weights


def _keras_name(name):
    """Turns "layer3.1.conv2" into "conv4_block2_2"."""
    if name == "conv1":
        return name
    layer, block, convolution = name.split(".")[:3]
    number = {"downsample": 0}.get(convolution, convolution[-1])
    return f"conv{int(layer[-1]) + 1}_block{int(block) + 1}_{number}"


def _refused(path, expected, received):
    return errors.InputError(
        f"{str(path)!r} does not hold the weights. Expected {expected}. Received: {received}.\n"
        f"{resnet_options.HOW_TO_GET}"
    )
