import numpy as np
import pytest
import tensorflow as tf

from amh_tf.features import pictures


def smooth_picture(height, width):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (1, 6, 8, 3)).astype(np.float32)
    return tf.image.resize(coarse, (height, width))[0].numpy().astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "scaled"),
    [
        ((480, 360), (341, 256)),  # torchvision: the longer side is cut to an integer
        ((360, 480), (256, 341)),
        ((720, 1280), (256, 455)),
        ((300, 300), (256, 256)),
        ((100, 50), (512, 256)),
    ],
)
def test_scaling_agrees_with_tensorflow(size, scaled):
    picture = smooth_picture(*size)
    got = pictures.scale(picture)
    assert got.shape == (*scaled, 3) and got.dtype == np.uint8
    expected = tf.image.resize(picture, scaled, antialias=True).numpy()
    assert np.abs(got - expected).max() <= 1.5  # both round, at different times


def test_picture_of_the_right_size_stays():
    picture = smooth_picture(256, 341)
    np.testing.assert_array_equal(pictures.scale(picture), picture)


@pytest.mark.parametrize(
    ("size", "top", "left"),
    [((256, 341), 16, 58), ((341, 256), 58, 16), ((224, 224), 0, 0), ((227, 225), 2, 0)],
)
def test_middle_is_cut_where_torchvision_cuts(size, top, left):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    expected = picture[top : top + 224, left : left + 224]
    np.testing.assert_array_equal(pictures.crop_centre(picture), expected)


def test_small_picture_is_scaled_up_before_it_is_cut():
    assert pictures.crop_centre(smooth_picture(48, 64)).shape == (224, 224, 3)


@pytest.mark.parametrize("width", [8, 9])
def test_halves(width):
    picture = np.arange(2 * width * 3, dtype=np.uint8).reshape(2, width, 3)
    np.testing.assert_array_equal(pictures.half(picture, "left"), picture[:, :4])
    np.testing.assert_array_equal(pictures.half(picture, "right"), picture[:, width - 4 :])
    np.testing.assert_array_equal(pictures.half(picture, "whole"), picture)


@pytest.mark.parametrize(
    ("size", "most", "shrunk"),
    [
        ((480, 720), 480 * 720, (480, 720)),
        ((480, 720), 480 * 720 // 4, (240, 360)),
        ((2160, 3840), 3_579_139, (1418, 2522)),
        ((5, 4000), 100, (1, 282)),
    ],
)
def test_picture_is_shrunk_to_a_number_of_pixels(size, most, shrunk):
    picture = smooth_picture(*size)
    got = pictures.shrink(picture, most)
    assert got.shape == (*shrunk, 3) and got.dtype == np.uint8
    if size == shrunk:
        assert got is picture
    elif min(size) > 100:
        expected = tf.image.resize(picture, shrunk, antialias=True).numpy()
        assert np.abs(got - expected).max() <= 1.5
