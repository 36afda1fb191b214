import importlib.util
import sys
import types
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from scipy.io import wavfile

from amh_tf.corpora import iemocap
from amh_tf.features import transcribe
from amh_tf.features.recognizers import google

DEMO = Path(__file__).parents[1] / "demo_corpus"

needs_pocketsphinx = pytest.mark.skipif(
    not importlib.util.find_spec("pocketsphinx"), reason="pocketsphinx is not installed"
)
needs_jiwer = pytest.mark.skipif(
    not importlib.util.find_spec("jiwer"), reason="jiwer is not installed"
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
    for settings in ({"hmm": "/nowhere"}, {"no_such_setting": 1}):
        with pytest.raises(ValueError, match="PocketSphinx cannot be started"):
            transcribe.Transcriber("pocketsphinx", **settings)


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


class FakeWhisper:
    """Takes what faster_whisper.WhisperModel 1.2 takes, as far as we use it."""

    def __init__(self, model_size_or_path, *, device, compute_type, local_files_only):
        self.loaded = (model_size_or_path, device, compute_type, local_files_only)
        FakeWhisper.last = self

    def transcribe(
        self,
        audio,
        *,
        language,
        beam_size,
        temperature,
        condition_on_previous_text,
        without_timestamps,
    ):
        self.heard = audio, language, beam_size, temperature, condition_on_previous_text
        words = (types.SimpleNamespace(text=text) for text in (" Hello\n", " there."))
        return words, None


@pytest.fixture
def whisper(monkeypatch, tmp_path):
    """A model folder, and faster-whisper itself with another model in it, or a fake."""
    for name in ("config.json", "model.bin", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    if importlib.util.find_spec("faster_whisper"):
        import faster_whisper

        real = mock.create_autospec(faster_whisper.WhisperModel)

        class Checked(FakeWhisper):
            def __init__(self, *args, **kwargs):
                real(*args, **kwargs)  # the real signature
                super().__init__(*args, **kwargs)

            def transcribe(self, *args, **kwargs):
                real.return_value.transcribe(*args, **kwargs)
                return super().transcribe(*args, **kwargs)

        monkeypatch.setattr(faster_whisper, "WhisperModel", Checked)
    else:
        module = types.SimpleNamespace(WhisperModel=FakeWhisper)
        monkeypatch.setitem(sys.modules, "faster_whisper", module)
        monkeypatch.setattr("importlib.metadata.version", lambda name: "1.2.1")
    return tmp_path


def test_faster_whisper_gets_the_waveform(whisper):
    transcriber = transcribe.Transcriber("faster-whisper", model=str(whisper), language="de")
    assert transcriber(tone()) == "Hello there."
    fake = FakeWhisper.last
    assert fake.loaded == (str(whisper), "auto", "default", True)
    audio, language, beam, temperature, previous = fake.heard
    np.testing.assert_allclose(audio, tone(), atol=1 / 32768)
    assert audio.dtype == np.float32
    assert (language, beam, temperature, previous) == ("de", 5, 0.0, False)
    assert transcriber(np.zeros(99, np.float32)) == ""
    assert transcriber.description == f"faster-whisper 1.2.1, {whisper.name}, de"


@pytest.mark.parametrize("missing", ["config.json", "model.bin", "tokenizer.json", None])
def test_faster_whisper_downloads_nothing(whisper, missing):
    model = "tiny"  # the name of a model on the network
    if missing:
        (whisper / missing).unlink()
        model = str(whisper)
    with pytest.raises(ValueError, match=rf"not a Whisper model.*without.*{missing or 'model'}"):
        transcribe.Transcriber("faster-whisper", model=model)
    with pytest.raises(ValueError, match="not a Whisper model"):
        transcribe.Transcriber("faster-whisper")


def test_settings_that_a_recognizer_does_not_take_are_refused(whisper):
    with pytest.raises(ValueError, match=r"does not take these settings.*'modell'"):
        transcribe.Transcriber("faster-whisper", modell=str(whisper))


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
    assert transcribe.Transcriber("google")(waveform) == "one two"
    sent = [np.frombuffer(audio.content, "<i2") for _, audio, _ in cloud.requests]
    assert quiet <= len(sent[0]) <= quiet + 640 and len(sent[0]) + len(sent[1]) == len(waveform)


def test_failing_service_is_told(cloud):
    cloud.results = [cloud.exceptions.ServiceUnavailable("try later")]
    with pytest.raises(
        OSError, match=r"Google's service has failed.*ServiceUnavailable.*try later"
    ):
        transcribe.Transcriber("google")(tone())


def test_missing_credentials_are_told(cloud, monkeypatch):
    from google.auth import exceptions

    def refuse():
        raise exceptions.GoogleAuthError("no credentials.")

    monkeypatch.setattr(cloud.speech, "SpeechClient", refuse)
    with pytest.raises(ValueError, match=r"no credentials\. Set GOOGLE_APPLICATION_CREDENTIALS"):
        transcribe.Transcriber("google")


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 1000, 1234])
def test_pieces_are_the_recording(monkeypatch, count):
    monkeypatch.setattr(google, "FRAME", 4)
    samples = np.random.default_rng(count).integers(-9, 9, count).astype(np.int16)
    parts = list(google.pieces(samples, most=100, search=40))
    np.testing.assert_array_equal(np.concatenate(parts), samples)
    assert all(0 < len(part) <= 100 for part in parts) or count == 0


@needs_jiwer
@pytest.mark.parametrize(
    ("references", "hypotheses", "rate"),
    [
        (["Hello, there!"], ["hello there"], 0),
        (["It's fine."], ["it is fine"], 1 / 3),  # it 's fine
        (["a b c d"], ["a x c"], 2 / 4),
        (["a b", "c"], ["a b", "c d e"], 2 / 3),
        (["a b", "..."], ["a", "c"], 2 / 2),
        (["a"], [""], 1),
        (["[LAUGHTER] no"], ["no"], 1 / 2),
    ],
)
def test_word_error_rate(references, hypotheses, rate):
    assert transcribe.word_error_rate(references, hypotheses) == pytest.approx(rate)


@needs_jiwer
@pytest.mark.parametrize(("references", "hypotheses"), [([], []), (["a"], []), (["?"], ["a"])])
def test_nothing_to_compare_is_refused(references, hypotheses):
    with pytest.raises(ValueError, match="nothing to compare"):
        transcribe.word_error_rate(references, hypotheses)


def test_missing_jiwer_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(ValueError, match=r"pip install 'amh_tf\[asr\]'"):
        transcribe.word_error_rate(["a"], ["a"])
