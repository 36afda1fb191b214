"""ResNet-101 up to its pooled features, in the two shapes whose weights are at hand.

Both are one network of Keras layers. Batch normalization, which at rest is a scale and an
offset, is folded into the convolutions: the same features with less to compute.

Reference:
 - He et al., 2015, arXiv 1512.03385
 - `keras.applications.ResNet101`
 - `torchvision.models.resnet101`
"""

import dataclasses

import keras
import numpy as np

from amh_tf.features import pictures

BLOCKS = (3, 4, 23, 3)
WIDTH = 64
_EXPANSION = 4


@dataclasses.dataclass(frozen=True)
class Shape:
    """In what the two networks differ.

    Attributes:
        name: What it is called.
        stride_in_3x3: Whether a block that halves its input does so in the 3x3 convolution,
            rather than in the first 1x1.
        epsilon: What batch normalization adds to the variance, or None where each layer says.
        reverse_colours: Whether the network reads blue, green, red.
        mean, deviation: What is subtracted from pixels of 0-255, and then divided by.
    """

    name: str
    stride_in_3x3: bool
    epsilon: float | None
    reverse_colours: bool
    mean: tuple
    deviation: tuple


KERAS = Shape("keras", False, None, True, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0))
TORCHVISION = Shape(
    "torchvision",
    True,
    1e-5,
    False,
    tuple(255 * value for value in (0.485, 0.456, 0.406)),
    tuple(255 * value for value in (0.229, 0.224, 0.225)),
)


@dataclasses.dataclass(frozen=True)
class Convolution:
    """One convolution: its name as torchvision has it, without ".weight", and its kernel's shape.

    Attributes:
        name, kernel: Name and `(height, width, inputs, outputs)`.
        norm: Name of the batch normalization after it.
    """

    name: str
    norm: str
    kernel: tuple


def convolutions(blocks=BLOCKS, width=WIDTH):
    """Lists the network's convolutions.

    Args:
        blocks: Number of blocks in each of the four stages.
        width: Channels of the first convolution.

    Returns:
        List of `Convolution`.
    """
    layers = [Convolution("conv1", "bn1", (7, 7, 3, width))]
    inputs = width
    for stage, count in enumerate(blocks):
        inner, outputs = width << stage, (width << stage) * _EXPANSION
        for block in range(count):
            prefix = f"layer{stage + 1}.{block}."
            kernels = (1, 1, inputs, inner), (3, 3, inner, inner), (1, 1, inner, outputs)
            for number, kernel in enumerate(kernels, start=1):
                layers.append(Convolution(f"{prefix}conv{number}", f"{prefix}bn{number}", kernel))
            if not block:
                names = f"{prefix}downsample.0", f"{prefix}downsample.1"
                layers.append(Convolution(*names, (1, 1, inputs, outputs)))
            inputs = outputs
    return layers


def build(shape, weights, blocks=BLOCKS, width=WIDTH, dtype="float32"):
    """Builds the network.

    Args:
        shape: `KERAS` or `TORCHVISION`.
        weights: Dict from the name of each convolution to its kernel and bias, batch
            normalization folded in.
        blocks, width: As in `convolutions`.
        dtype: "float32" or "bfloat16", of weights and computation; pooling is in float32.

    Returns:
        Keras model from preprocessed pictures `(batch, 224, 224, 3)` to float32 features
        `(batch, 32 * width)`.
    """

    def convolve(x, name, strides=1, activation=None):
        kernel, bias = weights[name]
        size = kernel.shape[0]
        if size > 1:  # on all four sides alike, unlike "same" with a stride of 2
            x = keras.layers.ZeroPadding2D(size // 2, name=f"{name}.pad")(x)
        layer = keras.layers.Conv2D(
            kernel.shape[-1], size, strides, activation=activation, dtype=dtype, name=name
        )
        x = layer(x)
        layer.set_weights([kernel, bias])
        return x

    def bottleneck(x, prefix, strides, project):
        outer, inner = (1, strides) if shape.stride_in_3x3 else (strides, 1)
        y = convolve(x, f"{prefix}conv1", outer, "relu")
        y = convolve(y, f"{prefix}conv2", inner, "relu")
        y = convolve(y, f"{prefix}conv3")
        if project:
            x = convolve(x, f"{prefix}downsample.0", strides)
        return keras.layers.ReLU(dtype=dtype, name=f"{prefix}relu")(
            keras.layers.Add(dtype=dtype, name=f"{prefix}add")([y, x])
        )

    inputs = keras.Input((pictures.CROP, pictures.CROP, 3), dtype=dtype)
    x = convolve(inputs, "conv1", 2, "relu")
    # Nothing is below zero here, so that padding with zeros changes no maximum.
    x = keras.layers.ZeroPadding2D(1, dtype=dtype, name="maxpool.pad")(x)
    x = keras.layers.MaxPooling2D(3, 2, dtype=dtype, name="maxpool")(x)
    for stage, count in enumerate(blocks):
        for block in range(count):
            strides = 2 if stage and not block else 1
            x = bottleneck(x, f"layer{stage + 1}.{block}.", strides, project=not block)
    outputs = keras.layers.GlobalAveragePooling2D(dtype="float32", name="avgpool")(x)
    return keras.Model(inputs, outputs, name=f"resnet_{shape.name}")


def fold(kernel, bias, gain, offset, mean, variance, epsilon):
    """Folds a batch normalization into the convolution before it.

    Args:
        kernel: `(height, width, inputs, outputs)`.
        bias: `(outputs,)`, or 0.
        gain, offset, mean, variance: The normalization's, `(outputs,)` each.
        epsilon: What it adds to the variance.

    Returns:
        Kernel and bias, float32.
    """
    factor = gain / np.sqrt(np.asarray(variance, np.float64) + epsilon)
    folded = (np.asarray(kernel, np.float64) * factor, offset + (bias - mean) * factor)
    return tuple(part.astype(np.float32) for part in folded)
