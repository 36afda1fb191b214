"""Automatic speech recognition in place of reference transcripts."""

import importlib
import importlib.util
import os
import re
from pathlib import Path

import numpy as np

from amh_tf import errors, schema

# For each recognizer the package it needs and the extra that installs it.
RECOGNIZERS = {
    "pocketsphinx": ("pocketsphinx", "asr"),
    "faster-whisper": ("faster_whisper", "asr-whisper"),
    "google": ("google.cloud.speech", "asr-google"),
}
AUTO = "auto"
# What each is fit for: users see it where words are recognized.
FIT_FOR = {
    "pocketsphinx": "it takes all speech for clear US English and mistakes most words of real "
    "speakers: suitable for trying out the tools, not for results",
    "faster-whisper": "Whisper knows about a hundred languages: fit for results, the better the "
    "larger its model",
    "google": "a service: suitable for results, as in the paper, but recordings leave this machine",
}
# Files of a Whisper model as faster-whisper reads it; the last would be fetched from the network.
WHISPER_FILES = ("config.json", "model.bin", "tokenizer.json")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII | re.IGNORECASE)
# Nothing louder than two steps of 16 bits is silence, of which recognizers make up words.
SILENCE = 2


def check_language(language):
    """Refuses what is not the code of a language.

    Args:
        language: BCP-47 code, or None.

    Raises:
        ValueError: If it is not.
    """
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise errors.refusal(
            "`asr_language` is not the code of a language",
            "one such as en, de, zh or en-GB",
            f"asr_language={language!r}",
            "Set it with --asr_language.",
        )


def is_whisper(folder):
    """Returns whether a folder holds a Whisper model for faster-whisper."""
    return all((Path(folder) / name).is_file() for name in WHISPER_FILES)


def choose(name, model=None):
    """Chooses the recognizer where the user has not.

    Faster-whisper if it is installed and has a model: the one that is given, or the largest of
    those that it has fetched before. Else PocketSphinx.

    Args:
        name: One of `RECOGNIZERS`, or `AUTO`.
        model: As the user gave it, or None.

    Returns:
        Name of the recognizer, and its model or None.
    """
    if name != AUTO:
        return name, model
    if importlib.util.find_spec("faster_whisper"):
        if model and is_whisper(model):
            return "faster-whisper", model
        fetched = [] if model else _fetched_models()
        if fetched:
            return "faster-whisper", str(fetched[0])
    return "pocketsphinx", model


def _fetched_models():
    """Lists the Whisper models in Hugging Face's cache, the largest first."""
    home = Path(os.environ.get("HF_HOME") or os.path.expanduser("~/.cache/huggingface"))
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    folders = filter(is_whisper, hub.glob("models--*--faster-*whisper-*/snapshots/*"))
    return sorted(folders, key=lambda folder: (-(folder / "model.bin").stat().st_size, str(folder)))


def _require(name):
    package, extra = RECOGNIZERS[name]
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise errors.refusal(
            f"The speech recognizer {name} cannot be loaded",
            f"the package {package}",
            error,
            f"Install it with pip install 'amh_tf[{extra}]', or choose another with --asr.",
        ) from error


def _samples(waveform):
    waveform = np.asarray(waveform)
    if waveform.ndim != 1 or waveform.dtype.kind != "f" or not np.isfinite(waveform).all():
        raise errors.refusal(
            "`waveform` is not a recording",
            "finite floating-point samples of shape (samples,)",
            f"shape={waveform.shape}, dtype={waveform.dtype}",
        )
    return np.clip(np.rint(waveform * 32768.0), -32768, 32767).astype(np.int16)


class Transcriber:
    """Turns speech into text by one of several recognizers.

    Args:
        name: One of `RECOGNIZERS`.
        **settings: What the recognizer's module under `amh_tf.features.recognizers` takes.

    Call arguments:
        waveform: float32 array of shape `(samples,)` within +-1, 16 kHz, one channel.

    Returns:
        The words on one line; "" where there is nothing to hear. The same waveform gives the
        same words whatever came before it.

    Attributes:
        name: As given.
        description: What tells it from another in results: package, version, model.

    Raises:
        ValueError: If the recognizer is not known, not installed, or refuses its settings, or
            the waveform is not one.
        OSError: If a service on the network fails.
    """

    def __init__(self, name, **settings):
        if name not in RECOGNIZERS:
            raise errors.unknown("asr", name, RECOGNIZERS, flag="asr")
        _require(name)
        module = importlib.import_module(f"amh_tf.features.recognizers.{name.replace('-', '_')}")
        try:
            self._recognize = module.Recognizer(**settings)
        except TypeError as error:
            raise errors.refusal(
                f"The speech recognizer {name} does not take these settings",
                f"those of {module.__name__}",
                f"{settings}: {error}",
            ) from error
        self.name = name
        self.description = self._recognize.description

    def __call__(self, waveform):
        samples = _samples(waveform)
        if not (np.abs(samples.astype(np.int32)) > SILENCE).any():
            return ""
        return " ".join(self._recognize(samples).split())


def _plain(transcript, unspaced):
    """Returns the words of a transcript, without punctuation."""
    from amh_tf.features import text  # which imports TensorFlow, as naming recognizers need not

    words = text.words(transcript, unspaced)
    return " ".join(word for word in words if any(map(str.isalnum, word)))


def word_error_rate(references, hypotheses, unspaced=schema.UNSPACED_SCRIPTS[0]):
    """Compares recognized words with reference transcripts.

    Both are lower-cased and cut into the words that the models see, so that `it's` counts as
    two, and punctuation is left out. Of scripts without spaces it is the rate of characters.

    Args:
        references: List of transcripts.
        hypotheses: List of what was recognized, in the same order.
        unspaced: How scripts without spaces are cut, as for `text.words`.

    Returns:
        Substituted, deleted and inserted words, over the number of reference words.

    Raises:
        ValueError: If the lists differ in length, the references hold no word, or jiwer is
            not installed.
    """
    try:
        import jiwer
    except ImportError as error:
        raise errors.refusal(
            "Word error rates cannot be computed",
            "the package jiwer",
            error,
            "Install it with pip install 'amh_tf[asr]'.",
        ) from error
    references = [_plain(reference, unspaced) for reference in references]
    hypotheses = [_plain(hypothesis, unspaced) for hypothesis in hypotheses]
    if len(references) != len(hypotheses) or not any(references):
        raise errors.refusal(
            "There is nothing to compare",
            "a reference with words for each hypothesis",
            f"{len(references)} references, {sum(map(bool, references))} with words, and "
            f"{len(hypotheses)} hypotheses",
        )
    return float(jiwer.process_words(references, hypotheses).wer)


def start_recognizer(name, model=None, language=None, compute_type="default"):
    """Starts a speech recognizer.

    Args:
        name: One of `RECOGNIZERS`, or `AUTO`.
        model: Its model, or None for its default: a folder for PocketSphinx and
            faster-whisper, a name for Google.
        language: BCP-47 code of the language that is spoken, or None where that is not known.
        compute_type: Precision of faster-whisper, such as "int8".

    Returns:
        `Transcriber`.

    Raises:
        ValueError: If it cannot be started, or has no use for a setting.
    """
    check_language(language)
    name, model = choose(name, model)
    chosen = {"language": language} if language else {}
    if model:
        chosen["hmm" if name == "pocketsphinx" else "model"] = model
    if compute_type != "default":
        if name != "faster-whisper":
            raise errors.refusal(
                "`asr_compute_type` means nothing to this recognizer",
                "faster-whisper",
                f"asr={name!r}, asr_compute_type={compute_type!r}",
                "Leave --asr_compute_type out, or set --asr=faster-whisper and --asr_model.",
            )
        chosen["compute_type"] = compute_type
    return Transcriber(name, **chosen)
