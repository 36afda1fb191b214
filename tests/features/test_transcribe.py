import importlib.machinery
import importlib.util
import sys
import types
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from scipy.io import wavfile

from amh_tf.corpora import iemocap
from amh_tf.extraction import extractor, settings
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


class FakeWhisper:
    """Takes what faster_whisper.WhisperModel 1.2 takes, as far as we use it."""

    supported_languages = ("de", "en", "yue", "zh")

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
        module = types.ModuleType("faster_whisper")
        module.WhisperModel = FakeWhisper
        module.__spec__ = importlib.machinery.ModuleSpec("faster_whisper", None)
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


@pytest.mark.parametrize(
    ("language", "asked", "told"),
    [
        ("zh", "zh", "zh"),
        ("zh-CN", "zh", "zh"),
        ("en-GB", "en", "en"),
        ("DE", "de", "de"),
        (None, None, "language by utterance"),
    ],
)
def test_whisper_hears_the_language_that_is_spoken(whisper, language, asked, told):
    transcriber = extractor.start_recognizer("faster-whisper", str(whisper), language)
    transcriber(tone())
    assert FakeWhisper.last.heard[1] == asked
    assert transcriber.description.endswith(f", {told}")


def test_english_model_of_whisper_hears_english_alone(whisper, monkeypatch):
    monkeypatch.setattr(FakeWhisper, "supported_languages", ["en"])
    extractor.start_recognizer("faster-whisper", str(whisper))(tone())
    assert FakeWhisper.last.heard[1] == "en"
    with pytest.raises(ValueError, match=r"does not know the language.*one of en\..*'zh'"):
        extractor.start_recognizer("faster-whisper", str(whisper), "zh")


@pytest.mark.parametrize("language", ["klingon!", "", "de_DE", "e", "en-", "../de"])
def test_what_is_no_language_is_refused(whisper, language):
    with pytest.raises(ValueError, match=r"`asr_language` is not the code.*--asr_language"):
        extractor.start_recognizer("faster-whisper", str(whisper), language)
    with pytest.raises(ValueError, match=r"`asr_language` is not the code.*--asr_language"):
        settings.Settings(modalities=("audio",), asr_language=language)


def test_precision_is_whispers_own_affair(whisper):
    transcriber = extractor.start_recognizer("auto", str(whisper), "de", "int8")
    assert FakeWhisper.last.loaded[2] == "int8"
    assert transcriber.description.endswith(", de, int8")
    with pytest.raises(ValueError, match=r"`asr_compute_type` means nothing.*'pocketsphinx'"):
        extractor.start_recognizer("pocketsphinx", compute_type="int8")


def whisper_folder(path, size):
    path.mkdir(parents=True)
    for name in transcribe.WHISPER_FILES:
        (path / name).write_bytes(b"x" * size)
    return str(path)


def test_recognizer_is_whisper_where_it_and_a_model_are_there(whisper, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    assert transcribe.choose("auto") == ("pocketsphinx", None)
    assert transcribe.choose("auto", str(whisper)) == ("faster-whisper", str(whisper))
    assert transcribe.choose("auto", "en-us-folder") == ("pocketsphinx", "en-us-folder")
    hub = tmp_path / "hf" / "hub"
    (hub / "models--Systran--faster-whisper-tiny/snapshots/1").mkdir(parents=True)  # unfinished
    small = whisper_folder(hub / "models--Systran--faster-whisper-base/snapshots/ab12", 9)
    assert transcribe.choose("auto") == ("faster-whisper", small)
    assert transcribe.Transcriber("faster-whisper", model=small).description == (
        "faster-whisper 1.2.1, faster-whisper-base (ab12), language by utterance"
    )
    large = whisper_folder(
        hub / "models--mobiuslabsgmbh--faster-whisper-large-v3-turbo/snapshots/1", 99
    )
    whisper_folder(hub / "models--openai--whisper-large/snapshots/1", 999)  # of another kind
    assert transcribe.choose("auto") == ("faster-whisper", large)
    assert transcribe.choose("pocketsphinx") == ("pocketsphinx", None)
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    assert transcribe.choose("auto", str(whisper)) == ("pocketsphinx", str(whisper))


@needs_pocketsphinx
@pytest.mark.parametrize("language", ["zh", "de-DE", "ur"])
def test_pocketsphinx_refuses_other_languages(language):
    with pytest.raises(ValueError, match=r"no model of the language.*--asr=faster-whisper"):
        extractor.start_recognizer("pocketsphinx", language=language)
    assert extractor.start_recognizer("pocketsphinx", language="en-GB").name == "pocketsphinx"


@pytest.mark.parametrize(
    ("language", "code"), [("en", "en-US"), ("de", "de-DE"), ("cmn-Hans-CN", "cmn-Hans-CN")]
)
def test_google_is_told_the_language(cloud, language, code):
    cloud.results = [["x"]]
    extractor.start_recognizer("google", language=language)(tone())
    assert cloud.requests[0][0].language_code == code
    with pytest.raises(ValueError, match=r"must be told the language.*--asr_language"):
        extractor.start_recognizer("google")


def test_every_recognizer_says_what_it_is_fit_for():
    assert transcribe.FIT_FOR.keys() == transcribe.RECOGNIZERS.keys()


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
