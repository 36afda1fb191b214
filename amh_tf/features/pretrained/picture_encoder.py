"""Vectors of pictures, one of each."""

import numpy as np

from amh_tf.features import video
from amh_tf.features.pretrained import encoder


class PictureEncoder(encoder.Encoder):
    """Turns pictures into vectors; takes the place of `feature_net.FeatureNet`.

    Args:
        network: Network, `hugging_face.Pictures` or `onnx_file.Pictures`.
        chosen: `choice.Choice`.
        digests: As for `Encoder`.

    Attributes:
        short_side: To which the shorter side of pictures is brought before the encoder's own
            preprocessing: twice what it reads, so that films of any size fit into memory.
    """

    def __init__(self, network, chosen, digests):
        super().__init__(network, chosen, digests, video.PICTURES_PER_SECOND)
        self.short_side = 2 * network.size

    def load(self):
        """Does nothing: the weights are read already."""

    def __call__(self, frames):
        """Encodes pictures.

        Args:
            frames: `(n, height, width, 3)` uint8, red, green, blue.

        Returns:
            `(n, width)` float32.
        """
        vectors = np.zeros((len(frames), self.width), np.float32)
        for start in range(0, len(frames), self._batch):
            batch = slice(start, start + self._batch)
            vectors[batch] = self._run(frames[batch])
        return vectors
