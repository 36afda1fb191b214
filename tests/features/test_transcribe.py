"""Recognizers of speech: pocketsphinx, and what all owe."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from amh_tf.corpora import iemocap
from amh_tf.features import transcribe

DEMO = Path(__file__).parents[1] / "demo_corpus"

needs_pocketsphinx = pytest.mark.skipif(
    not importlib.util.find_spec("pocketsphinx"), reason="pocketsphinx is not installed"
)


@pytest.fixture(scope="module")
def pocketsphinx():
    return transcribe.Transcriber("pocketsphinx")


def tone(seconds=0.5, level=0.1):
    return (level * np.sin(np.arange(int(16000 * seconds)) / 8)).astype(np.float32)


def demo(name):
    """A sentence of the demo corpus (synthetic)."""
    (recording,) = [r for r in iemocap.read(DEMO).recordings if r.id == name]
    return wavfile.read(recording.audio)[1].astype(np.float32) / 32768, recording.transcript


@needs_pocketsphinx
def test_pocketsphinx_hears_words(pocketsphinx):
    waveform, transcript = demo("Ses05M_impro01_F000")
    assert transcript == "We're moving to another town next month."
    heard = pocketsphinx(waveform).split()
    assert len({"we're", "moving", "to", "another", "town", "next", "month"} & set(heard)) >= 4
    assert pocketsphinx.description.startswith("pocketsphinx 5")


@needs_pocketsphinx
def test_pocketsphinx_does_not_remember(pocketsphinx):
    waveform, _ = demo("Ses01F_impro01_F000")
    first = pocketsphinx(waveform)
    pocketsphinx(demo("Ses02F_impro01_M000")[0])
    assert pocketsphinx(waveform) == first


@needs_pocketsphinx
@pytest.mark.parametrize(
    "waveform",
    [
        np.zeros(0, np.float32),
        np.zeros(16000, np.float32),
        np.full(16000, 5e-5, np.float32),
        np.ones(1, np.float32),
        tone(0.01),
    ],
    ids=["empty", "silence", "nearly silence", "a sample", "ten milliseconds"],
)
def test_nothing_to_hear_gives_no_words(pocketsphinx, waveform):
    assert pocketsphinx(waveform) == ""


@needs_pocketsphinx
def test_loud_and_strange_sounds_do_no_harm(pocketsphinx):
    rng = np.random.default_rng(0)
    for waveform in (tone(level=7), rng.normal(0, 3, 4000).astype(np.float32), -tone(0.1, 1)):
        assert isinstance(pocketsphinx(waveform), str)
    assert pocketsphinx(demo("Ses05M_impro01_F000")[0])


@needs_pocketsphinx
def test_pocketsphinx_refuses_wrong_settings():
    for wrong in ({"hmm": "/nowhere"}, {"no_such_setting": 1}):
        with pytest.raises(ValueError, match="PocketSphinx cannot be started"):
            transcribe.Transcriber("pocketsphinx", **wrong)


@pytest.mark.parametrize(
    "waveform",
    [np.zeros((2, 9), np.float32), np.zeros(9, np.int16), np.array([0, np.nan]), 1.0, ["a"]],
)
def test_what_is_no_recording_is_refused(waveform):
    with pytest.raises(ValueError, match="`waveform` is not a recording"):
        transcribe._samples(waveform)


def test_unknown_recognizer_is_refused():
    with pytest.raises(ValueError, match=r"`asr` is not known.*'pocketsphinx'.*--asr"):
        transcribe.Transcriber("sphinx")


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("pocketsphinx", "pocketsphinx", "asr"),
        ("faster-whisper", "faster_whisper", "asr-whisper"),
        ("google", "google.cloud.speech", "asr-google"),
    ],
)
def test_missing_package_names_its_extra(monkeypatch, name, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"pip install 'amh_tf\[{extra}\]'"):
        transcribe.Transcriber(name)


@needs_pocketsphinx
@pytest.mark.parametrize("language", ["zh", "de-DE", "ur"])
def test_pocketsphinx_refuses_other_languages(language):
    with pytest.raises(ValueError, match=r"no model of the language.*--asr=faster-whisper"):
        transcribe.start_recognizer("pocketsphinx", language=language)
    assert transcribe.start_recognizer("pocketsphinx", language="en-GB").name == "pocketsphinx"


def test_every_recognizer_says_what_it_is_fit_for():
    assert transcribe.FIT_FOR.keys() == transcribe.RECOGNIZERS.keys()
