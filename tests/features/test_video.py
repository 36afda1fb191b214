import fractions
import math
import struct

import av
import numpy as np
import pytest

from amh_tf.corpora import recording
from amh_tf.features import video
from tests.features import films, media_files


@pytest.mark.parametrize("name", films.FILMS)
def test_pictures_of_spans_are_exact(tmp_path, name):
    media_files.write_picture(tmp_path / name, frames=90, **films.FILMS[name])
    rate = films.FILMS[name].get("rate", 30)
    # Without 1/3 s and 2/3 s in Matroska, whose times are whole milliseconds.
    spans = films.random_spans(40, 2.9) + [("0", "0.3" if name.endswith("mkv") else "2.9")]
    got = films.collect(tmp_path / name, [(float(a), float(b), "whole") for a, b in spans])
    for span, found in zip(spans, got, strict=True):
        assert media_files.numbers(found) == films.wanted(*span, rate)


@pytest.mark.parametrize("name", ["plain.avi", "ntsc.mp4", "offset.mp4"])
def test_whole_film_is_a_span(tmp_path, name):
    media_files.write_picture(tmp_path / name, frames=61, **films.FILMS[name])
    rate = films.FILMS[name].get("rate", fractions.Fraction(30))
    whole, rest, start = films.collect(
        tmp_path / name, [(None, None, "whole"), (0.5, None, "whole"), (None, 1.0, "whole")]
    )
    assert media_files.numbers(whole) == films.wanted(0, 61 / rate, rate)
    assert media_files.numbers(rest) == films.wanted("0.5", 61 / rate, rate)
    assert media_files.numbers(start) == films.wanted(0, 1, rate)


def test_written_times_count_not_their_binary_form(tmp_path):
    media_files.write_picture(tmp_path / "a.mp4", frames=90)
    # 0.3 and 2.3 in binary are a little less than 9/30 and 69/30.
    early, late = films.collect(tmp_path / "a.mp4", [(0.3, 1.3, "whole"), (2.3, 2.6, "whole")])
    assert media_files.numbers(early) == [9, 19, 29]
    assert media_files.numbers(late) == [69]


def test_sides_are_the_halves_of_the_picture(tmp_path):
    def draw(number):
        left = media_files.numbered(number, (64, 64))
        right = media_files.numbered(number + 100, (64, 64))
        return np.concatenate([left, right], axis=1)

    media_files.write_picture(tmp_path / "a.mp4", frames=30, size=(128, 64), draw=draw)
    spans = [(0.0, 1.0, side) for side in ("left", "right", "whole")]
    left, right, whole = films.collect(tmp_path / "a.mp4", spans, short_side=None)
    assert left.shape == right.shape == (3, 64, 64, 3)
    assert whole.shape == (3, 64, 128, 3)
    assert media_files.numbers(left) == [0, 10, 20]
    assert media_files.numbers(right) == [100, 110, 120]


def test_pictures_are_scaled_to_a_shorter_side_of_256(tmp_path):
    media_files.write_picture(tmp_path / "a.mp4", frames=12, size=(96, 64))
    left, whole = films.collect(tmp_path / "a.mp4", [(0, 0.3, "left"), (0, 0.3, "whole")])
    assert left.shape == (1, 341, 256, 3)
    assert whole.shape == (1, 256, 384, 3)
    assert left.dtype == whole.dtype == np.uint8


def test_turned_film_is_turned_back(tmp_path):
    path = tmp_path / "phone.mp4"
    upright = np.zeros((64, 96, 3), np.uint8)
    upright[:, :48] = 255  # as stored, the left half is white
    media_files.write_picture(path, frames=12, size=(96, 64), draw=lambda _: upright)
    data = bytearray(path.read_bytes())
    # ISO 14496-12: the matrix (0 1; -1 0) shows the film turned clockwise by 90 degrees.
    matrix = data.index(b"tkhd") + 4 + 40
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    (shown,) = films.collect(path, [(0, 0.3, "whole")], short_side=None)
    assert shown.shape == (1, 96, 64, 3)
    assert shown[0, :40].min() > 200 and shown[0, -40:].max() < 50


def test_file_is_opened_once_and_spans_come_when_complete(tmp_path, monkeypatch):
    media_files.write_picture(tmp_path / "a.mp4", frames=90)
    opened = []
    original = av.open
    monkeypatch.setattr(av, "open", lambda *a, **k: opened.append(a) or original(*a, **k))
    spans = [(2.0, 2.5, "left"), (0.0, 2.9, "whole"), (0.1, 0.2, "right"), (0.1, 1.0, "left")]
    order = [index for index, _ in video.frames_of(tmp_path / "a.mp4", spans)]
    assert order == [2, 3, 0, 1]
    assert len(opened) == 1


def test_no_spans_need_no_file(tmp_path):
    assert list(video.frames_of(tmp_path / "absent.mp4", [])) == []


@pytest.mark.parametrize(
    ("span", "problem"),
    [
        ((0.5, 0.5, "left"), "no span of time"),
        ((math.nan, 0.5, "left"), "no span of time"),
        ((-1.0, 0.5, "left"), "no span of time"),
        ((1.0, 3.5, "left"), "does not hold the span"),
        ((3.2, None, "left"), "does not hold the span"),
        ((5.0, 6.0, "left"), "does not hold the span"),
    ],
)
def test_impossible_span_fails_alone(tmp_path, span, problem):
    media_files.write_picture(tmp_path / "a.mp4", frames=90)
    good, bad, last = films.collect(
        tmp_path / "a.mp4", [(0.0, 0.3, "left"), span, (2.6, 3.0, "left")]
    )
    assert good.shape[0] == 1 and last.shape[0] == 2
    assert isinstance(bad, recording.BadRecording)
    assert problem in str(bad) and "a.mp4" in str(bad)


def test_span_may_end_a_rounding_after_the_film(tmp_path):
    media_files.write_picture(tmp_path / "a.mp4", frames=90)
    (found,) = films.collect(tmp_path / "a.mp4", [(2.02, 3.06, "whole")])
    assert media_files.numbers(found) == [60, 70, 80, 89]


def test_unknown_side_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'whole', 'left', 'right'.*Received: 'top'"):
        list(video.frames_of(tmp_path / "a.mp4", [(0, 1, "top")]))


def test_pictures_that_are_not_kept_are_counted_and_looked_at(tmp_path):
    path = tmp_path / "a.avi"
    media_files.write_picture(path, frames=90, codec="mjpeg")
    spans, counts = [(0.0, 2.9, "whole"), (None, None, "whole"), (1.0, 1.3, "whole")], {}
    got = films.collect(path, spans, most=2, counts=counts)
    assert [media_files.numbers(found) for found in got] == [[0, 10], [0, 10], [30]]
    assert counts == {0: 9, 1: 9, 2: 1}
    path.write_bytes(path.read_bytes()[:-4000])
    assert isinstance(films.collect(path, spans[1:2], most=2)[0], recording.BadRecording)


def test_film_of_more_than_the_most_seconds_is_refused(tmp_path, monkeypatch):
    media_files.write_picture(tmp_path / "a.mp4", frames=90)
    monkeypatch.setattr(video, "_MAX_SECONDS", 2)
    (found,) = films.collect(tmp_path / "a.mp4", [(None, None, "whole")], most=1)
    assert "too much for an utterance" in str(found)


def test_large_pictures_are_scaled_down_to_a_number_of_pixels(tmp_path):
    media_files.write_picture(tmp_path / "a.mp4", frames=30, size=(128, 64))
    spans = [(0.0, 0.9, "whole"), (0.0, 0.9, "left")]
    whole, half = films.collect(tmp_path / "a.mp4", spans, short_side=None, most_pixels=64 * 64)
    assert whole.shape == (3, 45, 90, 3) and half.shape == (3, 64, 64, 3)
    assert media_files.numbers(half) == [0, 10, 20]
