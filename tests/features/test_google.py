"""Google's service for speech, in whose place stands another."""

import importlib.machinery
import importlib.util
import sys
import types
from unittest import mock

import numpy as np
import pytest

from amh_tf.features import transcribe
from amh_tf.features.recognizers import google
from tests.features.test_transcribe import tone


@pytest.mark.parametrize(
    ("language", "code"), [("en", "en-US"), ("de", "de-DE"), ("cmn-Hans-CN", "cmn-Hans-CN")]
)
def test_google_is_told_the_language(cloud, language, code):
    cloud.results = [["x"]]
    transcribe.start_recognizer("google", language=language)(tone())
    assert cloud.requests[0][0].language_code == code
    with pytest.raises(ValueError, match=r"needs the language.*--asr_language"):
        transcribe.start_recognizer("google")


class FakeGoogle:
    """The part of google-cloud-speech 2.40 that we use, without a network."""

    def __init__(self, speech, exceptions, results):
        self.speech, self.exceptions, self.results = speech, exceptions, results
        self.requests = []

    def recognize(self, *, config, audio, timeout):
        self.requests.append((config, audio, timeout))
        answer = self.results[len(self.requests) - 1]
        if isinstance(answer, Exception):
            raise answer
        options = [types.SimpleNamespace(transcript=text) for text in answer]
        return types.SimpleNamespace(
            results=[types.SimpleNamespace(alternatives=[option]) for option in options]
            + [types.SimpleNamespace(alternatives=[])]
        )


@pytest.fixture
def cloud(monkeypatch):
    """The real google-cloud-speech with a fake service where installed, or a fake of both."""
    if importlib.util.find_spec("google.cloud") and importlib.util.find_spec("google.cloud.speech"):
        from google.api_core import exceptions
        from google.cloud import speech

        fake = FakeGoogle(speech, exceptions, [])
        checked = mock.create_autospec(speech.SpeechClient, instance=True)
        checked.recognize.side_effect = fake.recognize
        monkeypatch.setattr(speech, "SpeechClient", lambda: checked)
        return fake

    def fields(**values):
        return types.SimpleNamespace(**values)

    fields.AudioEncoding = types.SimpleNamespace(LINEAR16=1)
    speech = types.ModuleType("google.cloud.speech")
    speech.RecognitionConfig = fields
    speech.RecognitionAudio = lambda content: types.SimpleNamespace(content=content)
    auth = types.ModuleType("google.auth.exceptions")
    auth.GoogleAuthError = type("GoogleAuthError", (Exception,), {})
    exceptions = types.ModuleType("google.api_core.exceptions")
    exceptions.GoogleAPIError = type("GoogleAPIError", (Exception,), {})
    exceptions.ServiceUnavailable = type("ServiceUnavailable", (exceptions.GoogleAPIError,), {})
    for name, part, leaf in (
        ("google.cloud", "speech", speech),
        ("google.auth", "exceptions", auth),
        ("google.api_core", "exceptions", exceptions),
    ):
        parent = types.ModuleType(name)
        setattr(parent, part, leaf)
        monkeypatch.setitem(sys.modules, name, parent)
        monkeypatch.setitem(sys.modules, f"{name}.{part}", leaf)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.40.0")
    fake = FakeGoogle(speech, exceptions, [])
    speech.SpeechClient = lambda: fake
    return fake


def test_google_gets_the_samples(cloud):
    cloud.results = [["hello ", " there"]]
    transcriber = transcribe.Transcriber("google", language="en-GB")
    assert transcriber(tone()) == "hello there"
    ((config, audio, timeout),) = cloud.requests
    assert (config.sample_rate_hertz, config.language_code, timeout) == (16000, "en-GB", 120.0)
    expected = np.round(tone() * 32768).astype("<i2").tobytes()
    assert audio.content == expected
    assert transcriber(np.zeros(99, np.float32)) == "" and len(cloud.requests) == 1
    assert transcriber.description.endswith("default, en-GB")


def test_google_gets_long_recordings_in_pieces(cloud):
    cloud.results = [["one"], ["two"]]
    waveform = tone(70)
    quiet = 50 * 16000
    waveform[quiet : quiet + 640] = 0
    assert transcribe.Transcriber("google", language="en")(waveform) == "one two"
    sent = [np.frombuffer(audio.content, "<i2") for _, audio, _ in cloud.requests]
    assert quiet <= len(sent[0]) <= quiet + 640 and len(sent[0]) + len(sent[1]) == len(waveform)


def test_failing_service_is_told(cloud):
    cloud.results = [cloud.exceptions.ServiceUnavailable("try later")]
    with pytest.raises(
        OSError, match=r"Google's service has failed.*ServiceUnavailable.*try later"
    ):
        transcribe.Transcriber("google", language="ur")(tone())


def test_missing_credentials_are_told(cloud, monkeypatch):
    from google.auth import exceptions

    def refuse():
        raise exceptions.GoogleAuthError("no credentials.")

    monkeypatch.setattr(cloud.speech, "SpeechClient", refuse)
    with pytest.raises(ValueError, match=r"no credentials\. Set GOOGLE_APPLICATION_CREDENTIALS"):
        transcribe.Transcriber("google", language="en-US")


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 1000, 1234])
def test_pieces_are_the_recording(monkeypatch, count):
    monkeypatch.setattr(google, "FRAME", 4)
    samples = np.random.default_rng(count).integers(-9, 9, count).astype(np.int16)
    parts = list(google.pieces(samples, most=100, search=40))
    np.testing.assert_array_equal(np.concatenate(parts), samples)
    assert all(0 < len(part) <= 100 for part in parts) or count == 0
