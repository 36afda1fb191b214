"""Whisper, in whose place stands another."""

import importlib.machinery
import importlib.util
import sys
import types
from unittest import mock

import numpy as np
import pytest

from amh_tf.extraction import settings
from amh_tf.features import transcribe
from tests.features.test_transcribe import tone


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
        ("cmn-Hans-CN", "zh", "zh"),
        ("en-GB", "en", "en"),
        ("DE", "de", "de"),
        (None, None, "language by utterance"),
    ],
)
def test_whisper_hears_the_language_that_is_spoken(whisper, language, asked, told):
    transcriber = transcribe.start_recognizer("faster-whisper", str(whisper), language)
    transcriber(tone())
    assert FakeWhisper.last.heard[1] == asked
    assert transcriber.description.endswith(f", {told}")


def test_english_model_of_whisper_hears_english_alone(whisper, monkeypatch):
    monkeypatch.setattr(FakeWhisper, "supported_languages", ["en"])
    transcribe.start_recognizer("faster-whisper", str(whisper))(tone())
    assert FakeWhisper.last.heard[1] == "en"
    with pytest.raises(ValueError, match=r"does not know the language.*one of en\..*'zh'"):
        transcribe.start_recognizer("faster-whisper", str(whisper), "zh")


@pytest.mark.parametrize("language", ["klingon!", "", "de_DE", "e", "en-", "../de"])
def test_what_is_no_language_is_refused(whisper, language):
    with pytest.raises(ValueError, match=r"`asr_language` is not the code.*--asr_language"):
        transcribe.start_recognizer("faster-whisper", str(whisper), language)
    with pytest.raises(ValueError, match=r"`asr_language` is not the code.*--asr_language"):
        settings.Settings(modalities=("audio",), asr_language=language)


def test_precision_is_whispers_own_affair(whisper):
    transcriber = transcribe.start_recognizer("auto", str(whisper), "de", "int8")
    assert FakeWhisper.last.loaded[2] == "int8"
    assert transcriber.description.endswith(", de, int8")
    with pytest.raises(ValueError, match=r"`asr_compute_type` means nothing.*'pocketsphinx'"):
        transcribe.start_recognizer("pocketsphinx", compute_type="int8")


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
