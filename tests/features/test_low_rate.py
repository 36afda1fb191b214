"""Films of few pictures a second are as whole as others, and as cut."""

import fractions

import av
import numpy as np
import pytest

from amh_tf.corpora import recording
from amh_tf.features import video
from tests.features import matrix_files, media_files
from tests.features.matrix_files import Film

CODECS = {"mp4": "libx264", "mkv": "libx264", "avi": "mpeg4", "mov": "mjpeg", "webm": "libvpx-vp9"}
SLOW = [
    Film(
        ending, CODECS[ending], "", fractions.Fraction(rate), 0 if ending in ("mov", "webm") else 2
    )
    for ending in CODECS
    for rate in (1, 2, 5)
]


def pictures_of(path, start=None, end=None):
    ((_, found),) = video.frames_of(path, [(start, end, "whole")], short_side=None)
    if isinstance(found, recording.BadRecording):
        raise found
    return media_files.numbers(found)


@pytest.mark.parametrize("film", SLOW, ids=lambda film: film.name)
def test_slow_film_is_whole(tmp_path, film):
    path = tmp_path / f"slow.{film.ending}"
    matrix_files.write_film(film, path)
    expected = [int(fractions.Fraction(step, 3) * film.rate) for step in range(12)]
    assert pictures_of(path) == expected
    assert pictures_of(path, 1.0, 3.0) == expected[3:9]


@pytest.mark.parametrize("film", SLOW[:9:2], ids=lambda film: film.name)
def test_cut_slow_film_gives_no_picture_that_is_not_right(tmp_path, film):
    path = tmp_path / f"slow.{film.ending}"
    matrix_files.write_film(film, path)
    data = path.read_bytes()
    for kept in (0.5, 0.7, 0.9):
        path.write_bytes(data[: int(len(data) * kept)])
        with pytest.raises(recording.BadRecording, match=path.name):
            pictures_of(path)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_slides_are_shown_until_the_next(tmp_path, ending):
    path = tmp_path / f"slides.{ending}"
    film = Film(ending, CODECS[ending], "", times=(0, 0.033, 0.066, 0.1, 1, 2.5))
    matrix_files.write_film(film, path)
    assert pictures_of(path, 0.0, 2.6) == [0, 3, 3, 4, 4, 4, 4, 4]
    # For as long as a slide was ever shown; nobody says for how long the last one is.
    assert pictures_of(path, 2.0, 3.8) == [4, 4, 5, 5, 5, 5]
    with pytest.raises(recording.BadRecording, match="does not hold the span"):
        pictures_of(path, 2.0, 9.0)


@pytest.mark.parametrize("ending", ["avi", "mp4"])
def test_film_does_not_stand_still_for_longer_than_it_did(tmp_path, ending):
    path = tmp_path / f"film.{ending}"
    matrix_files.write_film(Film(ending, CODECS[ending], "", b_frames=2), path)
    assert pictures_of(path, 3.0, 4.05)[-1] == 119
    with pytest.raises(recording.BadRecording, match="does not hold the span"):
        pictures_of(path, 3.0, 5.0)


@pytest.mark.parametrize("rate", [10, 25, 30, fractions.Fraction(30000, 1001), 50, 60])
def test_whole_milliseconds_of_matroska_are_not_taken_at_their_word(tmp_path, rate):
    path = tmp_path / "exact.mkv"
    film = Film("mkv", "libx264", "", fractions.Fraction(rate), 2)
    matrix_files.write_film(film, path)
    expected = [int(fractions.Fraction(step, 3) * film.rate) for step in range(11)]
    assert pictures_of(path)[:11] == expected
    assert np.all(np.diff(expected) > 0)


@pytest.mark.parametrize("times", [(0, 0.5, 1.0, 1.5), (0, 0.1, 0.2, 1.2), (0,)])
def test_gif_is_a_film(tmp_path, times):
    path = tmp_path / "smile.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=100)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb8"
        for number, time in enumerate(times):
            picture = av.VideoFrame.from_ndarray(media_files.numbered(number), format="rgb24")
            frame = picture.reformat(format="rgb8")
            frame.pts, frame.time_base = round(100 * time), fractions.Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    expected = [sum(time <= step / 3 for time in times) - 1 for step in range(20)]
    found = pictures_of(path)
    assert found == expected[: len(found)] and len(found) >= 3 * times[-1]
    data = path.read_bytes()
    for cut in (data[:-1], data[: len(data) * 4 // 5]):
        path.write_bytes(cut)
        with pytest.raises(recording.BadRecording, match=path.name):
            pictures_of(path)
