"""Tests of `tools/benchmark_speech.py` and of the recordings that `benchmark_timeline.py` makes."""

import numpy as np
import pytest
import soundfile
from scipy.io import wavfile

from amh_tf.features import decoding
from tools import benchmark_speech, benchmark_timeline


def test_a_turn_is_right_by_its_first_and_last_segment():
    turns = [(1.0, 3.0), (5.0, 6.0), (8.0, 9.0), (11.0, 12.0)]
    spans = [(0.9, 1.5), (1.8, 3.1), (5.1, 6.3), (7.7, 9.0), (20.0, 21.0)]
    assert benchmark_speech.right(turns, spans) == [True, False, False, False]
    row = benchmark_speech._row("a", turns, spans, [(19.0, 20.5)])
    assert row == ["a", "4", ".250", "1", "5", "0"]
    assert benchmark_speech._row("a", turns, spans)[-1] == "1"


def test_turns_near_others_are_left_out():
    turns = [(0.0, 1.0), (0.5, 3.0), (3.2, 4.0), (3.5, 3.6), (4.6, 5.0), (6.0, 7.0)]
    assert benchmark_speech.alone(turns, -np.inf) == turns
    assert benchmark_speech.alone(turns, 0.0) == [(4.6, 5.0), (6.0, 7.0)]
    assert benchmark_speech.alone(turns, 0.7) == [(6.0, 7.0)]


def test_sentences_are_heard_when_it_says(tmp_path):
    tone = np.sin(np.arange(16000) / 9)
    for number, level in enumerate((0.5, 0.1)):
        quiet = np.full(4000, 0.001)
        sound = np.concatenate([quiet, level * tone, quiet])
        soundfile.write(tmp_path / f"{number}.flac", sound, 16000)
    paths = benchmark_speech.sentences_of(tmp_path)
    made = list(benchmark_speech.joined(paths, np.random.default_rng(0), (0.5, 0.9)))
    samples = np.concatenate([part for part, *_ in made])
    for _, start, end in made:
        assert end - start == pytest.approx(1.0, abs=0.03)
        before, inside = samples[round(start * 16000) - 4000 :], samples[round(start * 16000) :]
        assert not before[:4000].any() and np.abs(inside[:4000]).max() > 0.09


def test_film_has_the_sound_of_the_talk(tmp_path):
    talk, film = tmp_path / "talk.wav", tmp_path / "film.avi"
    sound = np.random.default_rng(0).integers(-9000, 9000, 40000).astype(np.int16)
    wavfile.write(talk, 16000, sound)
    benchmark_timeline.write_film(film, talk)
    np.testing.assert_array_equal(decoding.load_audio(str(film)), sound / np.float32(32768))
