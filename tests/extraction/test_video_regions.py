"""Features of the half, of the whole picture and of a face, through the whole extraction.

A red square is what the stand-in of the face detector finds; the detector itself is tested with
photographs in `tests/features/test_faces.py`.
"""

import dataclasses
import json

import numpy as np
import pytest

from amh_tf import errors, feature_kinds
from amh_tf.corpora import recording
from amh_tf.extraction import extractor, from_recordings, groups, work_folder
from amh_tf.features import faces, regions
from tests.extraction import demo
from tests.features import media_files

SIZE = WIDTH, HEIGHT = 320, 120
SQUARE = 30
RED = np.array([250, 5, 5])


class RedDetector:
    """Finds the red square of a picture."""

    description = "red squares 1.0"

    def __call__(self, picture):
        is_red = (picture[..., 0] > 150) & (picture[..., 1] < 110)
        rows, columns = is_red.any(axis=1).nonzero()[0], is_red.any(axis=0).nonzero()[0]
        if not len(rows):
            return np.zeros((0, 4))
        return np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], float)


@pytest.fixture(autouse=True)
def red(monkeypatch):
    monkeypatch.setattr(faces, "Detector", RedDetector)


def draw(*squares):
    """Returns a function that draws red squares, each at an x of the picture's number, or none."""

    def picture(number):
        canvas = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        canvas[:, WIDTH // 2 :] += 40
        for place in squares:
            if (x := place(number)) is not None:
                canvas[40 : 40 + SQUARE, x : x + SQUARE] = RED
        return canvas

    return picture


def film(path, *squares, frames=90):
    media_files.write_picture(path, frames, size=SIZE, codec="mjpeg", draw=draw(*squares))
    return str(path)


def spoken(path, side="left", start=0.0, end=3.0, name="a"):
    return recording.Recording(
        name, 0, "film", video=path, video_start=start, video_end=end, side=side
    )


def pictures_of(monkeypatch, recordings, region):
    """Returns the pictures that features are made of, and what was extracted."""
    shown, chosen = [], demo.quick(monkeypatch)
    chosen = dataclasses.replace(chosen, modalities=("video",), video_region=region)
    maker = extractor.Extractor(chosen)
    make = maker.video_features
    maker.video_features = lambda frames: (shown.append(frames), make(frames))[1]
    return shown, maker.group(recordings, strict=True)


def share_of_red(picture):
    return ((picture[..., 0] > 150) & (picture[..., 1] < 110)).mean()


def test_face_is_cut_out_in_the_middle_and_fills_its_share(tmp_path, monkeypatch):
    path = film(tmp_path / "a.avi", lambda number: 20 + number)
    (frames,), (made,) = pictures_of(monkeypatch, [spoken(path)], "face")
    assert frames.shape == (9, 256, 256, 3) and made.notes == []
    for picture in frames[1:-1]:
        assert share_of_red(picture) == pytest.approx(1 / 1.6**2, abs=0.07)
        columns = ((picture[..., 0] > 150) & (picture[..., 1] < 110)).any(axis=0).nonzero()[0]
        assert columns.mean() == pytest.approx(127.5, abs=12)


@pytest.mark.parametrize("side", ["left", "right"])
def test_face_is_looked_for_in_the_speakers_half(tmp_path, monkeypatch, side):
    """Both speakers of a dialog are seen; each utterance gets its own, from one pass."""
    path = film(tmp_path / "a.avi", lambda number: 60, lambda number: 220)
    both = [spoken(path, "left"), spoken(path, "right", name="b")]
    frames, _ = pictures_of(monkeypatch, both, "face")
    background = [picture[:10, :10].mean() for picture in frames]
    assert background == pytest.approx([90, 130], abs=6)
    for picture in frames:
        assert share_of_red(picture[0]) == pytest.approx(1 / 1.6**2, abs=0.07)


def test_span_without_a_face_gets_the_half_and_is_counted(tmp_path, monkeypatch):
    path = film(tmp_path / "a.avi", lambda number: 60 if number < 45 else None)
    several = [
        spoken(path, start=0.0, end=1.0),
        spoken(path, start=1.6, end=2.9, name="b"),
        spoken(path, "right", name="c"),
    ]
    (with_face, without, other), made = pictures_of(monkeypatch, several, "face")
    assert [extracted.notes for extracted in made] == [[], [("b", "faceless")], [("c", "faceless")]]
    (_, half, other_half), _ = pictures_of(monkeypatch, several, "half")
    np.testing.assert_array_equal(without, half)
    np.testing.assert_array_equal(other, other_half)
    assert share_of_red(with_face[0]) > 0.3


def test_face_that_vanishes_for_a_while_is_followed_across_the_gap(tmp_path, monkeypatch):
    path = film(tmp_path / "a.avi", lambda number: None if 30 <= number < 60 else 20 + number)
    (frames,), (made,) = pictures_of(monkeypatch, [spoken(path)], "face")
    assert made.notes == []
    assert [share_of_red(picture) > 0.3 for picture in frames] == [True] * 3 + [False] * 3 + [
        True
    ] * 3


def test_whole_picture_is_taken_whatever_the_side(tmp_path, monkeypatch):
    path = film(tmp_path / "a.avi", lambda number: 60)
    both = [spoken(path, "left"), spoken(path, "whole", name="b")]
    (left, whole), made = pictures_of(monkeypatch, both, "whole")
    np.testing.assert_array_equal(left, whole)
    assert whole.shape == (9, 256, 682, 3) and not any(extracted.notes for extracted in made)
    (half, _), _ = pictures_of(monkeypatch, both, "half")
    assert half.shape == (9, 256, 341, 3)


@pytest.mark.parametrize(("short_side", "expected"), [(None, 224), (64, 64)])
def test_face_has_the_size_that_the_network_reads(short_side, expected):
    frames = np.stack([draw(lambda number: 60)(0)] * 3)
    cropped, is_found = regions.Region("face").crop(frames, short_side)
    assert cropped.shape == (3, expected, expected, 3) and is_found


def test_pictures_are_kept_large_but_bounded(tmp_path):
    """25 pictures of 1920 x 1080 are kept as they are; larger ones keep to the same memory."""
    scaling = regions.Region("face").scaling(256, 25)
    assert scaling["short_side"] is None
    assert 1920 * 1080 < scaling["most_pixels"] < 3840 * 2160
    assert 3 * 25 * scaling["most_pixels"] <= 1 << 28
    assert regions.Region("face").scaling(256, 100_000)["most_pixels"] == 256 * 256
    assert regions.Region("half").scaling(256, 25) == {"short_side": 256, "most_pixels": None}


def test_recipe_says_the_region_and_its_detector(monkeypatch):
    chosen = dataclasses.replace(demo.quick(monkeypatch), modalities=("video",))
    made = {}
    for region in ("half", "whole", "face"):
        maker = extractor.Extractor(dataclasses.replace(chosen, video_region=region))
        made[region] = maker.recipe["video"]
        feature_kinds.check(maker.recipe, {"audio": 120, "video": 2048})
        assert feature_kinds.can_make(maker.recipe, "video")
    # Data sets of earlier versions have the first, and stay the same bytes.
    assert "region" not in made["half"] and "detector" not in made["half"]
    assert made["whole"] == {**made["half"], "region": "whole"}
    assert made["face"] == {**made["half"], "region": "face", "detector": "red squares 1.0"}
    described = feature_kinds.describe({"video": {"kind": "resnet101", **made["face"]}}, "video")
    assert described.endswith(", of the face")


def test_unknown_region_is_refused(monkeypatch):
    with pytest.raises(errors.InputError, match=r"`video_region` is not known.*--video_region"):
        dataclasses.replace(demo.quick(monkeypatch), video_region="eyes")
    with pytest.raises(errors.InputError):
        feature_kinds.check({"video": {"kind": "resnet101", "region": "eyes"}}, {"video": 2048})


def corpus(folder):
    """Returns three dialogs: with faces on both sides, on the left alone, and on neither."""
    splits = {"both": "train", "left": "dev", "none": "test"}
    places = {"both": (60, 220), "left": (60,), "none": ()}
    recordings = []
    for name, squares in places.items():
        path = film(folder / f"{name}.avi", *(lambda number, x=x: x + number // 9 for x in squares))
        for at, side in enumerate(("left", "right")):
            utterance = spoken(path, side, end=2.0, name=f"{name}_{side}")
            words = {"transcript": f"words of {name}", "splits": (splits[name],)}
            recordings.append(dataclasses.replace(utterance, label=at, group=name, **words))
    return recording.Corpus("squares", True, ("low", "high"), tuple(recordings))


def write(corpus, chosen, folder, **options):
    return from_recordings.write(corpus, chosen, folder, protocols=("given",), **options)


@pytest.fixture
def chosen(monkeypatch):
    quick = demo.quick(monkeypatch)
    return dataclasses.replace(quick, modalities=("text", "video"), video_region="face")


def test_summary_counts_the_utterances_without_a_face(tmp_path, chosen, capsys):
    manifest = write(corpus(tmp_path), chosen, tmp_path / "data")
    said = " ".join(capsys.readouterr().out.split())
    assert "In 3 utterances no face is found" in said
    stored = json.loads((tmp_path / "data" / "dataset.json").read_text())
    assert stored["features"]["video"]["region"] == "face"
    assert manifest.features["video"]["detector"] == "red squares 1.0"


def test_stopped_work_on_faces_goes_on_to_the_same_bytes(tmp_path, monkeypatch, chosen):
    dialogs = corpus(tmp_path)
    write(dialogs, chosen, tmp_path / "whole")
    save, saved = work_folder.WorkFolder.save, []

    def stopping(self, group, results):
        if saved:
            raise KeyboardInterrupt
        saved.append(group)
        return save(self, group, results)

    with monkeypatch.context() as patched:
        patched.setattr(work_folder.WorkFolder, "save", stopping)
        with pytest.raises(KeyboardInterrupt):
            write(dialogs, chosen, tmp_path / "data")
    other = dataclasses.replace(chosen, video_region="half")
    with pytest.raises(errors.InputError, match="was started with other settings"):
        write(dialogs, other, tmp_path / "data")
    write(dialogs, chosen, tmp_path / "data")
    assert demo.contents(tmp_path / "data") == demo.contents(tmp_path / "whole")


def test_beam_gives_the_same_bytes_of_faces(tmp_path, monkeypatch, chosen):
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    dialogs = corpus(tmp_path)
    write(dialogs, chosen, tmp_path / "plain")
    monkeypatch.setattr(groups, "tell_speed", lambda count, seconds: None)
    write(dialogs, chosen, tmp_path / "piped", runner="DirectRunner")
    assert demo.contents(tmp_path / "piped") == demo.contents(tmp_path / "plain")


def test_beam_worker_with_another_detector_is_refused(monkeypatch, chosen):
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    from amh_tf.extraction import beam_pipeline

    expected = extractor.Extractor(chosen).fingerprint
    monkeypatch.setattr(RedDetector, "description", "red squares 1.1")
    worker = beam_pipeline.ExtractGroup(chosen, expected, "work")
    with pytest.raises(errors.InputError, match=r"makes different features.*red squares 1\.1"):
        worker.setup()
