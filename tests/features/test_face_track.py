"""Which face of an utterance is followed, on boxes whose answer is known."""

import numpy as np
import pytest

from amh_tf.features import face_track

SIZE = (640, 480)
NOTHING = np.zeros((0, 4))


def box(x, y, side=60.0):
    """Returns left, top, right and bottom of a square."""
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2]


def faces(*boxes):
    return np.array(boxes, float)


def test_face_that_stands_still_is_where_it_is():
    track = face_track.follow([faces(box(200, 150))] * 9, SIZE)
    np.testing.assert_allclose(track, [[200, 150, 60]] * 9)


def test_longer_side_is_the_size():
    track = face_track.follow([faces([10, 20, 50, 80])], SIZE)
    np.testing.assert_allclose(track, [[30, 50, 60]])


def test_straight_way_stays_straight():
    """Smoothing delays nothing; only the first and last two pictures know one neighbour alone."""
    track = face_track.follow([faces(box(100 + 20 * n, 200 - 5 * n)) for n in range(20)], SIZE)
    expected = np.stack([100 + 20 * np.arange(20), 200 - 5 * np.arange(20), np.full(20, 60)], 1)
    np.testing.assert_allclose(track[4:-4], expected[4:-4], atol=1e-6)
    assert np.abs(track - expected).max() < 25


def test_box_that_jumps_once_is_ignored():
    boxes = [faces(box(200, 150))] * 9
    boxes[4] = faces(box(230, 180, 90))
    np.testing.assert_allclose(face_track.follow(boxes, SIZE), [[200, 150, 60]] * 9)


def test_trembling_gets_less():
    offsets = np.random.default_rng(0).normal(0, 6, (40, 2))
    track = face_track.follow([faces(box(200 + x, 150 + y)) for x, y in offsets], SIZE)
    assert track[:, :2].std(axis=0).max() < 0.7 * offsets.std(axis=0).min()


def test_gap_is_bridged_by_a_straight_line():
    boxes = [faces(box(100 + 10 * n, 200)) for n in range(16)]
    for missing in (6, 7, 8, 9):
        boxes[missing] = NOTHING
    track = face_track.follow(boxes, SIZE)
    np.testing.assert_allclose(track[4:12, 0], 100 + 10 * np.arange(4, 12), atol=1e-6)


def test_face_that_comes_late_and_leaves_early_holds_at_both_ends():
    boxes = [NOTHING] * 5 + [faces(box(200, 150))] * 6 + [NOTHING] * 4
    np.testing.assert_allclose(face_track.follow(boxes, SIZE), [[200, 150, 60]] * 15)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_nothing_is_found_in_pictures_without_a_face(count):
    assert face_track.follow([NOTHING] * count, SIZE) is None


def test_face_in_one_of_many_pictures_is_a_mistake():
    boxes = [NOTHING] * 25
    boxes[7] = faces(box(40, 40))
    assert face_track.follow(boxes, SIZE) is None
    np.testing.assert_allclose(face_track.follow(boxes[:10], SIZE), [[40, 40, 60]] * 10)


@pytest.mark.parametrize("is_first", [True, False])
def test_larger_of_two_faces_is_followed(is_first):
    pair = [box(200, 240, 60), box(440, 240, 100)]
    boxes = [faces(*(pair if is_first else reversed(pair)))] * 8
    np.testing.assert_allclose(face_track.follow(boxes, SIZE), [[440, 240, 100]] * 8)


def test_more_central_of_two_equal_faces_is_followed():
    boxes = [faces(box(60, 60), box(300, 230))] * 8
    np.testing.assert_allclose(face_track.follow(boxes, SIZE), [[300, 230, 60]] * 8)


def test_large_face_that_passes_by_does_not_replace_the_one_that_stays():
    boxes = [faces(box(200, 240, 60))] * 20
    for n in (8, 9, 10):
        boxes[n] = faces(box(200, 240, 60), box(500, 240, 110))
    np.testing.assert_allclose(face_track.follow(boxes, SIZE), [[200, 240, 60]] * 20)


def test_faces_that_cross_keep_their_own_ways():
    boxes = [faces(box(100 + 20 * n, 200, 80), box(500 - 20 * n, 330, 50)) for n in range(20)]
    track = face_track.follow(boxes, SIZE)
    np.testing.assert_allclose(track[:, 1:], [[200, 80]] * 20, atol=1e-6)


def test_film_with_cuts_shows_the_face_of_each_shot():
    """After a cut the face is elsewhere, and of another size: nothing is drawn between them."""
    shots = [(box(150, 200, 60), 10), (box(420, 260, 150), 9), (box(200, 220, 40), 6)]
    boxes = [faces(shot) for shot, count in shots for _ in range(count)]
    track = face_track.follow(boxes, SIZE)
    expected = [[150, 200, 60]] * 10 + [[420, 260, 150]] * 9 + [[200, 220, 40]] * 6
    np.testing.assert_allclose(track, expected)


def test_same_boxes_give_the_same_bits():
    offsets = np.random.default_rng(1).normal(0, 9, (30, 3))
    boxes = [faces(box(200 + x, 150 + y, 60 + z), box(400, 200, 60)) for x, y, z in offsets]
    first, second = (face_track.follow(boxes, SIZE) for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((100, 80, 50), (60, 40, 80)),  # 1.6 sizes
        ((10, 80, 50), (0, 40, 80)),  # at the left edge: moved inside
        ((199, 119, 50), (120, 40, 80)),
        ((100, 60, 500), (40, 0, 120)),  # larger than the picture: its height
        ((100, 60, 0.1), (100, 60, 1)),
    ],
)
def test_square_around_a_face_is_inside_the_picture(row, expected):
    picture = np.arange(120 * 200 * 3).reshape(120, 200, 3)
    left, top, side = expected
    square = face_track.cut(picture, row)
    np.testing.assert_array_equal(square, picture[top : top + side, left : left + side])
