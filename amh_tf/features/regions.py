"""Which region of a film's pictures features are made of."""

import dataclasses

import numpy as np

from amh_tf import schema
from amh_tf.features import face_track, faces, pictures

# Bytes of an utterance's pictures while its face is looked for; they are scaled down to keep to it,
# but to no fewer pixels than the network reads.
_KEPT_BYTES, _LEAST_PIXELS = 1 << 28, 1 << 16


class Region:
    """The region of the pictures that features are made of.

    Args:
        name: One of `schema.VIDEO_REGIONS`: the half of the picture that shows the speaker, the
            whole picture, or the speaker's face.

    Attributes:
        record: What a data set says of it: a dict that JSON can hold, empty for "half".

    Raises:
        ImportError: If the extra `faces` is needed and not installed.
    """

    def __init__(self, name):
        half, whole, face = schema.VIDEO_REGIONS
        self._takes_halves = name != whole
        self._detector = faces.Detector() if name == face else None
        self.record = {} if name == half else {"region": name}
        if self._detector:
            self.record["detector"] = self._detector.description

    def of(self, utterance):
        """Returns a `recording.Recording` whose `side` is what is read of the pictures."""
        return utterance if self._takes_halves else dataclasses.replace(utterance, side="whole")

    def scaling(self, short_side, most):
        """Returns how pictures are scaled while they are read: arguments of `video.frames_of`.

        Args:
            short_side: As for `crop`.
            most: How many pictures of an utterance are kept.
        """
        if self._detector is None:
            return {"short_side": short_side, "most_pixels": None}
        return {"short_side": None, "most_pixels": max(_LEAST_PIXELS, _KEPT_BYTES // (3 * most))}

    def crop(self, frames, short_side):
        """Cuts the region out of the pictures of an utterance.

        Args:
            frames: `(n, height, width, 3)` uint8, read as `of` and `scaling` say.
            short_side: Length of the shorter side of what is returned, or None for pictures as they
                are; a face is 224 pixels high then, so that nothing more is cut off.

        Returns:
            `(n, height, width, 3)` uint8; whether the region was found. Where no face is, it is the
            half.
        """
        if self._detector is None or not len(frames):
            return frames, True
        size = frames.shape[2], frames.shape[1]
        boxes = face_track.follow([self._detector(frame) for frame in frames], size)
        if boxes is None:
            if short_side is None:
                return frames, False
            return np.stack([pictures.scale(frame, short_side) for frame in frames]), False
        squares = map(face_track.cut, frames, boxes)
        side = short_side or pictures.CROP
        return np.stack([pictures.scale(square, side) for square in squares]), True
