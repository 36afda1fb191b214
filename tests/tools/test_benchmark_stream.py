"""Tests of `tools/benchmark_stream.py`: what comes, and that each piece is timed."""

import numpy as np

from amh_tf.prediction import predictor, stream
from tests.prediction import small_runs
from tools import benchmark_stream


def test_pictures_and_words_come_at_their_rates():
    coming = [benchmark_stream._others(number, ("text", "video")) for number in range(100)]
    assert sum("video" in one for one in coming) == 30
    assert sum("text" in one for one in coming) == 25
    assert benchmark_stream._others(9, ("audio",)) == {}


def test_each_piece_is_timed_over_several_spans(tmp_path):
    folder = small_runs.write(
        tmp_path / "run", most={"audio": 50}, modalities=("audio", "text"), num_hops=2
    )
    own = stream.Stream(predictor.Predictor(folder))
    times = benchmark_stream._measure(own, ("audio", "text"), small_runs.sound(1.3))
    assert times.shape == (3, 13) and (times[:2] > 0).all()
    assert (times[0] <= times[1]).all() and np.isfinite(times).all()
    assert 0 < own.seconds <= 0.5
