"""Cuts and scales single pictures, as torchvision does for its networks."""

import math

import numpy as np
from PIL import Image

SHORT_SIDE = 256
CROP = 224


def half(picture, side):
    """Returns the half of a `(height, width, 3)` picture that shows the speaker.

    Args:
        picture: Array.
        side: "left", "right", or "whole" for the picture itself.
    """
    middle = picture.shape[1] // 2
    if side == "left":
        return picture[:, :middle]
    return picture[:, -middle:] if side == "right" else picture


def scale(picture, short_side=SHORT_SIDE):
    """Scales a picture to a given length of its shorter side.

    Args:
        picture: `(height, width, 3)` uint8.
        short_side: Pixels.

    Returns:
        uint8 array of the same proportions; the picture itself where the size is right.
    """
    height, width = picture.shape[:2]
    if min(height, width) == short_side:
        return picture
    if height < width:
        size = int(short_side * width / height), short_side
    else:
        size = short_side, int(short_side * height / width)
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


def shrink(picture, most_pixels):
    """Scales a picture down until it has no more than so many pixels.

    Args:
        picture: `(height, width, 3)` uint8.
        most_pixels: How many pixels are allowed.

    Returns:
        uint8 array of the same proportions; the picture itself where it is small enough.
    """
    height, width = picture.shape[:2]
    if height * width <= most_pixels:
        return picture
    factor = math.sqrt(most_pixels / (height * width))
    size = max(1, int(width * factor)), max(1, int(height * factor))
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


def crop_centre(picture, size=CROP):
    """Cuts a square out of the middle of a picture; a smaller picture is scaled up first."""
    if min(picture.shape[:2]) < size:
        picture = scale(picture, size)
    height, width = picture.shape[:2]
    top, left = round((height - size) / 2), round((width - size) / 2)
    return picture[top : top + size, left : left + size]
