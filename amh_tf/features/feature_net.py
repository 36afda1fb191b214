"""From pictures to the features of a pretrained network."""

import functools
import hashlib
from pathlib import Path

import numpy as np
import tensorflow as tf

from amh_tf import errors, schema
from amh_tf.features import pictures, resnet, resnet_options, resnet_weights


class FeatureNet:
    """ResNet-101 up to its pooled features, with the preprocessing that belongs to it.

    A picture's features do not depend on the pictures beside it, up to rounding: 1e-4 of
    their size in float32. Weights are read by `load`, or with the first pictures.

    Args:
        weights: Path of a weights file, or "random"; see `resnet_weights.read`.
        dtype: "float32", or "bfloat16" for speed on processors that have it.
        seed: Seed of random weights.
        batch_size: Pictures that are computed side by side.
        resize: Whether pictures are scaled to a shorter side of 256 before their middle, 224 x
            224, is cut out, as the networks were trained. Without it the middle is cut out of
            the picture as it is, as the AMH paper has it.

    Raises:
        ValueError: If there are no such weights, or a setting is out of range.
    """

    def __init__(self, weights, dtype="float32", seed=0, batch_size=16, resize=True):
        if dtype not in resnet_options.DTYPES:
            raise errors.unknown("dtype", dtype, resnet_options.DTYPES)
        if batch_size < 1:
            raise errors.refusal(
                "`batch_size` is out of range",
                "an integer of at least 1",
                f"batch_size={batch_size}",
            )
        self.short_side = pictures.SHORT_SIDE if resize else None
        self._batch_size = batch_size
        self._shape, origin = resnet_weights.origin(weights, seed)
        self._read = functools.partial(resnet_weights.read, weights, seed)
        self._dtype = dtype
        described = f"{self._shape.name} {dtype} {self.short_side} {origin}"
        self._fingerprint = hashlib.sha256(described.encode()).hexdigest()

    @property
    def fingerprint(self):
        """Text that differs where the features differ: weights, precision, preprocessing."""
        return self._fingerprint

    def load(self):
        """Reads the weights and builds the network.

        Raises:
            ValueError: If the weights cannot be read.
        """
        _ = self._compute

    @functools.cached_property
    def _compute(self):
        network = resnet.build(self._shape, self._read(), dtype=self._dtype)
        mean, deviation = tf.constant(self._shape.mean), tf.constant(self._shape.deviation)
        cropped = tf.TensorSpec([None, pictures.CROP, pictures.CROP, 3], tf.uint8)

        @functools.partial(tf.function, input_signature=[cropped])
        def features(frames):
            frames = frames[..., ::-1] if self._shape.reverse_colours else frames
            return network((tf.cast(frames, tf.float32) - mean) / deviation, training=False)

        return features

    def __call__(self, frames):
        """Computes features.

        Args:
            frames: `(n, height, width, 3)` uint8, red, green, blue. `video.frames_of` with
                this network's `short_side` gives what needs no more scaling.

        Returns:
            `(n, 2048)` float32.

        Raises:
            ValueError: If the frames have another shape or type, or weights cannot be read.
        """
        frames = np.asarray(frames)
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
            raise errors.refusal(
                "`frames` are not pictures",
                "uint8 of shape (n, height, width, 3)",
                f"{frames.dtype} of shape {frames.shape}",
            )
        features = np.zeros((len(frames), schema.VIDEO_WIDTH), np.float32)
        for start in range(0, len(frames), self._batch_size):
            batch = slice(start, start + self._batch_size)
            cropped = np.stack([self._crop(frame) for frame in frames[batch]])
            features[batch] = self._compute(cropped)
        return features

    def _crop(self, frame):
        if self.short_side is not None:
            frame = pictures.scale(frame, self.short_side)
        return pictures.crop_centre(frame)


def record(network, weights, dtype, resize):
    """Returns what a data set says of the network of its features: a dict that JSON can hold.

    Args:
        network: `FeatureNet`.
        weights, dtype, resize: What it was made with.
    """
    return {
        "weights": Path(weights).name,
        "fingerprint": network.fingerprint,
        "dtype": dtype,
        "resize": resize,
    }
