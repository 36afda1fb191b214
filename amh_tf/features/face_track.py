"""Follows the speaker's face through the pictures of an utterance."""

import dataclasses
import math

import numpy as np
from scipy import ndimage

# From one picture to the next, a third of a second later, a face moves by its own size at most, and
# grows or shrinks by this factor.
_REACH, _GROWTH = 1.0, 2.0
# Pictures for which a face may be away before it counts as another one: 2 s.
_PATIENCE = 6
# A face is found in at least one picture of so many; in fewer, it is a mistake of the detector.
_ONE_OF = 10
# A face in a corner of the picture counts half as much as one of its size in the middle.
_CORNER = 0.5
# Side of the square that is cut out, in sizes of the face: forehead, chin and hair are expressive.
MARGIN = 1.6


@dataclasses.dataclass
class _Track:
    """One face, in the pictures in which it is found."""

    times: list
    boxes: list  # (centre x, centre y, size), of pixels
    weight: float = 0.0

    def distance(self, time, box):
        """Returns how far a box is from the track's last, in sizes; infinite for another face."""
        x, y, size = self.boxes[-1]
        larger, smaller = max(size, box[2]), min(size, box[2])
        distance = math.hypot(box[0] - x, box[1] - y) / larger
        is_near = distance <= _REACH and larger <= _GROWTH * smaller
        return distance if is_near and time - self.times[-1] <= _PATIENCE else math.inf

    def smooth(self):
        """Returns the pictures from the first to the last, and a box for each of them."""
        times = np.arange(self.times[0], self.times[-1] + 1)
        boxes = np.stack([np.interp(times, self.times, values) for values in zip(*self.boxes)], 1)
        boxes = ndimage.median_filter(boxes, (3, 1), mode="nearest")
        return times, ndimage.gaussian_filter1d(boxes, 1.0, axis=0, mode="nearest")


def follow(detections, size):
    """Chooses a face for every picture of an utterance: large, central, and there for long.

    The best face keeps the pictures from its first to its last; gaps are bridged by straight lines.
    The second best gets what is left, as in a film with cuts, and so on. Where no face is, the
    nearest in time stays. Boxes are smoothed by a running median of three and a Gaussian of a
    third of a second.

    Args:
        detections: Sequence of `(faces, 4)` arrays, one for each picture: left, top, right and
            bottom in pixels.
        size: Width and height of the pictures.

    Returns:
        `(pictures, 3)` float64: x and y of the face's centre, and its longer side, in pixels; None
        where no face is found.
    """
    count = len(detections)
    tracks = [track for track in _link(detections, size) if len(track.times) * _ONE_OF >= count]
    if not tracks:
        return None
    boxes, is_taken = np.zeros((count, 3)), np.zeros(count, bool)
    for track in sorted(tracks, key=lambda track: -track.weight):
        times, smoothed = track.smooth()
        is_free = ~is_taken[times]
        boxes[times[is_free]] = smoothed[is_free]
        is_taken[times] = True
    taken = np.flatnonzero(is_taken)
    nearest = np.abs(np.arange(count)[:, np.newaxis] - taken).argmin(axis=1)
    return boxes[taken[nearest]]


def _link(detections, size):
    """Links what is found in one picture to what was found before, the nearest first."""
    tracks = []
    for time, faces in enumerate(detections):
        boxes = [_box(edges) for edges in faces]
        pairs = sorted(
            (distance, place, number)
            for place, track in enumerate(tracks)
            for number, box in enumerate(boxes)
            if (distance := track.distance(time, box)) < math.inf
        )
        places, linked = set(), set()
        for _, place, number in pairs:
            if place not in places and number not in linked:
                places.add(place)
                linked.add(number)
                _extend(tracks[place], time, boxes[number], size)
        for number, box in enumerate(boxes):
            if number not in linked:
                tracks.append(_Track([], []))
                _extend(tracks[-1], time, box, size)
    return tracks


def _box(edges):
    left, top, right, bottom = map(float, edges)
    return (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)


def _extend(track, time, box, size):
    width, height = size
    off_centre = math.hypot(2 * box[0] / width - 1, 2 * box[1] / height - 1) / math.sqrt(2)
    track.times.append(time)
    track.boxes.append(box)
    track.weight += box[2] * (1 - _CORNER * off_centre)


def cut(picture, box):
    """Cuts the square around a face out of a picture; at an edge, it is moved inside.

    Args:
        picture: `(height, width, 3)` array.
        box: A row of what `follow` returns.

    Returns:
        `(side, side, 3)` array, a view.
    """
    height, width = picture.shape[:2]
    x, y, size = box
    side = max(1, min(round(MARGIN * size), height, width))
    left = min(max(round(x - side / 2), 0), width - side)
    top = min(max(round(y - side / 2), 0), height - side)
    return picture[top : top + side, left : left + side]
