"""The live page opened in a browser, and what Python answers to the same sound and words."""

import contextlib
import functools
import re

import numpy as np
import pytest
from scipy import signal
from scipy.io import wavfile

from amh_tf.features import samples
from amh_tf.prediction import clip, predictor
from tools import browser

RATE = 16000
READY = "html[data-state=ready]"
WORDS = "I told you NOT to call 1,000 times, didn't I?"
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
# Of the tests of a page: they take seconds each, and need a browser and its driver.
MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(not browser.is_here(), reason="Chromium or Playwright is missing"),
]


def speech(seconds, seed=0):
    """Sound that is nobody's voice: pulses at a wandering pitch, swelling, in noise."""
    rng = np.random.default_rng(seed)
    time_axis = np.arange(int(seconds * RATE)) / RATE
    pitch = 160 + 60 * np.sin(2 * np.pi * (0.3 + 0.1 * seed) * time_axis)
    pulses = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0)
    voice = signal.lfilter([1], [1, -1.7 * np.cos(0.3), 0.72], pulses)
    voice *= 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * 0.7 * time_axis))
    sound = voice / np.abs(voice).max() * 0.6 + rng.normal(0, 0.005, len(time_axis))
    return np.round(sound * 32767).astype(np.int16)


def write_sound(path, seconds, rate=RATE, seed=0):
    sound = speech(seconds, seed).astype(np.float64)
    if rate != RATE:
        sound = signal.resample_poly(sound, rate, RATE)
    wavfile.write(path, rate, sound.astype(np.int16))
    return path


@contextlib.contextmanager
def opened(folder, *options, until=READY, **settings):
    """Opens a page; yields it, and checks that it complained of nothing and asked nobody else."""
    with (
        browser.serving(folder) as (url, requests),
        browser.opened(url, *options, **settings) as (page, seen),
    ):
        page.wait_for_selector(until)
        yield page
        assert seen.complaints == [] and seen.outside == []
        assert all(address.startswith((url, "blob:")) for address in seen.requests)
        assert all(code in (200, 304) for _, code in requests), requests


def shares(page):
    """Returns the probabilities that the page shows, all digits of them."""
    bars = page.query_selector_all("#classes li")
    return np.array([float(bar.get_attribute("data-share")) for bar in bars])


def wait(page, selector, text):
    """Waits until an element's text holds a pattern; the page lets no such code be evaluated."""
    page.locator(selector).filter(has_text=re.compile(text)).wait_for()


def open_file(page, path):
    page.set_input_files("#file", path)
    wait(page, "#status", r"^Read ")


def heard(page):
    """Returns the sound that the page has heard, as it hands it out."""
    with page.expect_download() as download:
        page.click("#save")
    rate, sound = wavfile.read(download.value.path())
    assert rate == RATE and sound.dtype == np.float32
    return sound


read = functools.cache(predictor.Predictor)


def predicted(run_dir, sound, words=""):
    """Returns what Python answers, a `clip.Prediction`."""
    clipped = clip.Clip(audio=samples.Samples(sound, RATE) if len(sound) else "", text=words)
    (answer,) = read(run_dir).predict([clipped])
    return answer


def expected(run_dir, sound, words=""):
    """Returns Python's probabilities."""
    return np.array(list(predicted(run_dir, sound, words).probabilities.values()))


@contextlib.contextmanager
def opened_loosely(folder):
    """As `opened`, for tests that make the page complain."""
    with browser.serving(folder) as (url, _), browser.opened(url) as (page, _):
        page.wait_for_selector(READY)
        yield page
