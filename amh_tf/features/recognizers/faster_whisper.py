"""Whisper by faster-whisper, from a model folder on this machine; nothing is downloaded."""

import importlib.metadata
from pathlib import Path

import numpy as np

# The last would be fetched from the network where it is missing.
MODEL_FILES = ("config.json", "model.bin", "tokenizer.json")


class Recognizer:
    """Recognizes by a Whisper model that was converted for CTranslate2.

    Args:
        model: Folder of the model.
        language: Its code, or None to let the model guess.
        device: "cpu", "cuda" or "auto".
        compute_type: As faster-whisper takes it, such as "int8".
        beam_size: Width of the search.
    """

    def __init__(
        self, model=None, language="en", device="auto", compute_type="default", beam_size=5
    ):
        folder = Path(model or "")
        missing = [name for name in MODEL_FILES if not (folder / name).is_file()]
        if not model or missing:
            raise ValueError(
                f"`model` is not a Whisper model. Expected a folder with {', '.join(MODEL_FILES)}, "
                f"as ct2-transformers-converter writes it. Received: model={model!r}, without "
                f"{', '.join(missing)}. Set it with --asr_model."
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
            raise ValueError(
                f"The Whisper model cannot be loaded. Expected a folder of a whole model, and a "
                f"device and a compute type that this machine has. Received: model={model!r}, "
                f"device={device!r}, compute_type={compute_type!r}: {error}."
            ) from error
        self._options = {"language": language, "beam_size": beam_size}
        version = importlib.metadata.version("faster-whisper")
        self.description = f"faster-whisper {version}, {folder.resolve().name}, {language}"

    def __call__(self, samples):
        # One temperature: at higher ones, words are drawn at random. Utterances stand alone.
        segments, _ = self._model.transcribe(
            samples.astype(np.float32) / 32768,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            **self._options,
        )
        return " ".join(segment.text for segment in segments)
