"""The live page answers as Python does, whatever the model, the moment and the source of sound."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from amh_tf.features import text
from tests.deploy import conftest as shared
from tests.deploy import live_pages

pytestmark = live_pages.MARKS

TOLERANCE = 1e-4
RAVDESS = Path(__file__).parents[2] / "export" / "models" / "ravdess"
# What each way through the page's code is tried with: frames that are encoded once, of a GRU and,
# averaged, of an LSTM; the whole model anew, standardized by the window; and a model without hops.
RUNS = {
    "lstm": {"cell": "lstm", "audio_stride": 4, "standardize": "global", "modalities": "at"},
    "speaker": {"standardize": "speaker", "bidirectional": True},
    "mdre": {"model": "mdre", "modalities": "at", "num_hops": None},
    "words": {"model": "rnn_attn", "modalities": "t", "num_hops": None},
}


def test_answers_are_those_of_python(save, run_dir, tmp_path):
    with live_pages.opened(save(run_dir)) as page:
        live_pages.open_file(page, live_pages.write_sound(tmp_path / "a.wav", 3.3))
        sound = live_pages.heard(page)
        assert len(sound) == round(3.3 * live_pages.RATE)
        np.testing.assert_allclose(
            live_pages.shares(page), live_pages.expected(run_dir, sound), atol=TOLERANCE
        )
        page.fill("#words", live_pages.WORDS)
        live_pages.wait(page, "#when", f"{len(text.words(live_pages.WORDS))} words")
        with_words = live_pages.expected(run_dir, sound, live_pages.WORDS)
        np.testing.assert_allclose(live_pages.shares(page), with_words, atol=TOLERANCE)
        assert np.abs(with_words - live_pages.expected(run_dir, sound)).max() > 10 * TOLERANCE


def test_every_moment_and_window_is_that_of_python(save, run_dir, tmp_path):
    """The page is asked at moments before the end, and in windows after the first."""
    with live_pages.opened(save(run_dir)) as page:
        live_pages.open_file(page, live_pages.write_sound(tmp_path / "a.wav", 17.2, seed=2))
        sound = live_pages.heard(page)
        page.focus("#curve")
        page.keyboard.press("Home")
        for steps, (first, last) in (
            (2, (0, 1.5)),
            (11, (0, 7.0)),
            (4, (7.5, 9.0)),
            (17, (15, 17.2)),
        ):
            for _ in range(steps):
                page.keyboard.press("ArrowRight")
            page.wait_for_timeout(200)
            part = sound[int(first * live_pages.RATE) : int(last * live_pages.RATE)]
            np.testing.assert_allclose(
                live_pages.shares(page), live_pages.expected(run_dir, part), atol=TOLERANCE
            )


@pytest.mark.parametrize("name", RUNS)
def test_models_answer_as_in_python(save, declared_data, tmp_path, name):
    changes = dict(RUNS[name])
    letters = changes.pop("modalities", "atv")
    names = {"a": "audio", "t": "text", "v": "video"}
    settings = {"num_hops": 3, **changes, "modalities": tuple(names[c] for c in letters)}
    run_dir = shared.train(declared_data, tmp_path / "run", **settings)
    with live_pages.opened(save(run_dir)) as page:
        sound = np.zeros(0, np.float32)
        if "a" in letters:
            live_pages.open_file(page, live_pages.write_sound(tmp_path / "a.wav", 5.1, seed=3))
            sound = live_pages.heard(page)
        page.fill("#words", live_pages.WORDS)
        live_pages.wait(page, "#when", f"{len(text.words(live_pages.WORDS))} words")
        np.testing.assert_allclose(
            live_pages.shares(page),
            live_pages.expected(run_dir, sound, live_pages.WORDS),
            atol=TOLERANCE,
        )


@pytest.mark.parametrize("rate", [live_pages.RATE, 44100, 48000])
def test_included_model_answers_as_in_python(save, tmp_path, rate):
    silence = np.zeros(live_pages.RATE // 2, np.int16)
    path = live_pages.write_sound(tmp_path / "a.wav", 4.0, rate, seed=4)
    _, sound = wavfile.read(path)
    wavfile.write(path, rate, np.concatenate([silence, sound, silence]))
    with live_pages.opened(save(RAVDESS)) as page:
        live_pages.open_file(page, path)
        sound = live_pages.heard(page)
        assert (
            abs(len(sound) - (4 * live_pages.RATE + 2 * len(silence) * live_pages.RATE // rate))
            <= 2
        )
        np.testing.assert_allclose(
            live_pages.shares(page), live_pages.expected(RAVDESS, sound), atol=TOLERANCE
        )


def test_microphone_is_listened_to(save, run_dir, tmp_path):
    path = live_pages.write_sound(tmp_path / "voice.wav", 20, 48000, seed=5)
    options = (*live_pages.MICROPHONE, f"--use-file-for-fake-audio-capture={path}%noloop")
    with live_pages.opened(save(run_dir), *options, permissions=["microphone"]) as page:
        page.keyboard.press("Tab")
        page.focus("#start")
        page.keyboard.press("Enter")
        live_pages.wait(page, "#when", r"to 9\.")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Space")
        live_pages.wait(page, "#status", "^Paused")
        page.wait_for_timeout(2000)
        sound = live_pages.heard(page)
        # The answer is of the second window.
        np.testing.assert_allclose(
            live_pages.shares(page),
            live_pages.expected(run_dir, sound[round(7.5 * live_pages.RATE) :]),
            atol=TOLERANCE,
        )
        (seconds,) = re.findall(r"takes ([\d.]+) s for each", page.inner_text("#speed"))
        assert 0 < float(seconds) < 1, "it cannot keep up with the sound"
        # Nothing is heard in the pause, and what comes after it is another window.
        assert abs(len(live_pages.heard(page)) - len(sound)) == 0
        page.click("#pause")
        page.wait_for_timeout(2000)
        page.click("#start")
        page.wait_for_timeout(1000)
        later = live_pages.heard(page)[len(sound) :]
        assert len(later) > live_pages.RATE
        np.testing.assert_allclose(
            live_pages.shares(page), live_pages.expected(run_dir, later), atol=TOLERANCE
        )
        assert np.abs(later).max() > 0.05


def test_words_are_tinted_by_the_hop_that_is_chosen(save, run_dir, tmp_path):
    with live_pages.opened(save(run_dir)) as page:
        live_pages.open_file(page, live_pages.write_sound(tmp_path / "a.wav", 2.0))
        page.fill("#words", live_pages.WORDS)
        live_pages.wait(page, "#when", f"{len(text.words(live_pages.WORDS))} words")
        page.get_by_text("3: words").click()
        page.wait_for_timeout(500)
        tints = [
            float(word.evaluate("word => word.style.getPropertyValue('--weight')"))
            for word in page.query_selector_all("#read span")
        ]
        _, _, (target, weights) = live_pages.predicted(
            run_dir, live_pages.heard(page), live_pages.WORDS
        ).hops
        assert target == "text" and np.ptp(weights / weights.max()) > 0.05
        np.testing.assert_allclose(tints, weights / weights.max(), atol=1e-3)
