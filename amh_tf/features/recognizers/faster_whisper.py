"""Whisper by faster-whisper, from a model folder on this machine; nothing is downloaded."""

import importlib.metadata
from pathlib import Path

import numpy as np

from amh_tf import errors
from amh_tf.features import transcribe

# Whisper's own codes of languages that have others, too.
_CODES = {"cmn": "zh", "fil": "tl", "in": "id", "iw": "he", "nb": "no"}


class Recognizer:
    """Recognizes by a Whisper model that was converted for CTranslate2.

    Args:
        model: Folder of the model.
        language: Its code, or None to let the model find it out, utterance by utterance. Words
            of another language would be translated into it.
        device: "cpu", "cuda" or "auto".
        compute_type: As faster-whisper takes it, such as "int8".
        beam_size: Width of the search.
    """

    def __init__(
        self, model=None, language=None, device="auto", compute_type="default", beam_size=5
    ):
        folder = Path(model or "")
        needed = transcribe.WHISPER_FILES
        missing = [name for name in needed if not (folder / name).is_file()]
        if not model or missing:
            raise errors.refusal(
                "`model` is not a Whisper model",
                f"a folder with {', '.join(needed)}, as ct2-transformers-converter writes it",
                f"model={model!r}, without {', '.join(missing)}",
                "Set it with --asr_model.",
            )
        import faster_whisper

        try:
            self._model = faster_whisper.WhisperModel(
                str(folder.resolve()),
                device=device,
                compute_type=compute_type,
                local_files_only=True,
            )
        except (RuntimeError, ValueError) as error:
            raise errors.refusal(
                "The Whisper model cannot be loaded",
                "a folder of a whole model, and a device and a compute type that this machine has",
                f"model={model!r}, device={device!r}, compute_type={compute_type!r}: {error}",
                "Set them with --asr_model and --asr_compute_type.",
            ) from error
        language = self._language_code(language)
        self._options = {"language": language, "beam_size": beam_size}
        version = importlib.metadata.version("faster-whisper")
        self.description = f"faster-whisper {version}, {_name(folder.resolve())}, " + (
            language or "language by utterance"
        )
        if compute_type != "default":
            self.description += f", {compute_type}"

    def _language_code(self, language):
        """Returns the code that Whisper has for a language: `en` for `en-GB`."""
        languages = self._model.supported_languages
        if language is None:
            return languages[0] if len(languages) == 1 else None
        code = language.split("-")[0].lower()
        code = _CODES.get(code, code)
        if code not in languages:
            raise errors.refusal(
                "The Whisper model does not know the language",
                f"one of {', '.join(sorted(languages))}",
                f"language={language!r}",
                "Set it with --asr_language, or another model with --asr_model.",
            )
        return code

    def __call__(self, samples):
        # One temperature: at higher ones, words are drawn at random. Utterances are independent.
        segments, _ = self._model.transcribe(
            samples.astype(np.float32) / 32768,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            **self._options,
        )
        return " ".join(segment.text for segment in segments)


def _name(folder):
    """Returns what a model's folder is called; in Hugging Face's cache, its name and version."""
    if folder.parent.name == "snapshots":
        return f"{folder.parent.parent.name.rpartition('--')[2]} ({folder.name[:8]})"
    return folder.name
