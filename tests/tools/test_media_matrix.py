"""The matrix of whole and cut films finds what is wrong; a few of its rows are read here."""

import numpy as np
import pytest

from amh_tf.corpora import recording
from tests.features import matrix_files, media_checks
from tools import media_matrix

QUICK = media_matrix.FILMS[1:40:6]


def test_matrix_holds_what_it_should():
    assert len(media_matrix.FILMS) + len(media_matrix.SOUNDS) >= 60
    rates = {film.rate for film in media_matrix.FILMS}
    assert min(rates) == 1 and max(rates) == 60
    assert {film.b_frames for film in media_matrix.FILMS} == {0, 1, 2, 3}
    offsets = {film.offset for film in media_matrix.FILMS}
    assert min(offsets) == -0.5 and max(offsets) == 2


@pytest.mark.parametrize("film", QUICK, ids=lambda film: film.name)
def test_films_are_read_whole_and_refused_cut(tmp_path, film):
    wrong, pictures, sound = media_checks.check_film(film, tmp_path)
    assert not wrong
    tells = film.ending not in ("ts", "mpg") and ("live", "1") not in film.options
    assert not tells or "refused" in (pictures, sound)


@pytest.mark.parametrize("sound", media_matrix.SOUNDS[4::5], ids=lambda sound: sound.name)
def test_sounds_are_read(tmp_path, sound):
    wrong, _, _ = media_checks.check_sound(sound, tmp_path)
    assert not wrong


def test_what_is_wrong_is_found(monkeypatch, tmp_path):
    film = media_matrix.FILMS[0]
    assert media_checks.wrong_pictures(film, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 2])
    assert media_checks.wrong_pictures(film, [0, 0, 0])
    sound = matrix_files.heard(np.arange(4 * 16000) / 16000)
    assert not media_checks.wrong_sound(sound, 0.0)
    assert media_checks.wrong_sound(np.roll(sound, 100), 0.0)
    assert media_checks.wrong_sound(sound[:40000], 0.0)
    assert media_checks.wrong_sound(np.random.default_rng(0).normal(size=64000), 0.0)
    monkeypatch.setattr(media_checks, "read", lambda path: [recording.BadRecording("no")] * 2)
    assert "no; no" in media_checks.check_film(film, tmp_path)[0]


def test_table_says_what_became_of_each():
    rows = [("a.mp4", "", "refused", "refused"), ("b.wav", "1 s of sound", None, "up to the cut")]
    assert media_matrix.table(rows).splitlines()[2:] == [
        "| a.mp4 | read, exact | refused | refused |",
        "| b.wav | 1 s of sound | - | up to the cut |",
    ]
