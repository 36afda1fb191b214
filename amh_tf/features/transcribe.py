"""Automatic speech recognition in place of reference transcripts."""

import importlib

import numpy as np

from amh_tf.features import text

# For each recognizer the package it needs and the extra that installs it.
RECOGNIZERS = {
    "pocketsphinx": ("pocketsphinx", "asr"),
    "faster-whisper": ("faster_whisper", "asr-whisper"),
    "google": ("google.cloud.speech", "asr-google"),
}
# Nothing louder than two steps of 16 bits is silence, of which recognizers make up words.
SILENCE = 2


def _require(name):
    package, extra = RECOGNIZERS[name]
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ValueError(
            f"The speech recognizer {name} cannot be loaded. Expected the package {package}. "
            f"Received: {error}. Install it with pip install 'amh_tf[{extra}]', or choose "
            "another with --asr."
        ) from error


def _samples(waveform):
    waveform = np.asarray(waveform)
    if waveform.ndim != 1 or waveform.dtype.kind != "f" or not np.isfinite(waveform).all():
        raise ValueError(
            "`waveform` is not a recording. Expected finite floating-point samples of shape "
            f"(samples,). Received: shape={waveform.shape}, dtype={waveform.dtype}."
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
            raise ValueError(
                "`asr` is not known. Expected one of "
                f"{', '.join(map(repr, RECOGNIZERS))}. Received: asr={name!r}. Set it with --asr."
            )
        _require(name)
        module = importlib.import_module(f"amh_tf.features.recognizers.{name.replace('-', '_')}")
        try:
            self._recognize = module.Recognizer(**settings)
        except TypeError as error:
            raise ValueError(
                f"The speech recognizer {name} does not take these settings. Expected those of "
                f"{module.__name__}. Received: {settings}: {error}."
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
    words = text.words(transcript, unspaced)
    return " ".join(word for word in words if any(map(str.isalnum, word)))


def word_error_rate(references, hypotheses, unspaced=text.CHARACTERS):
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
        raise ValueError(
            "Word error rates cannot be computed. Expected the package jiwer. Received: "
            f"{error}. Install it with pip install 'amh_tf[asr]'."
        ) from error
    references = [_plain(reference, unspaced) for reference in references]
    hypotheses = [_plain(hypothesis, unspaced) for hypothesis in hypotheses]
    if len(references) != len(hypotheses) or not any(references):
        raise ValueError(
            "There is nothing to compare. Expected a reference with words for each hypothesis. "
            f"Received: {len(references)} references, {sum(map(bool, references))} with words, "
            f"and {len(hypotheses)} hypotheses."
        )
    return float(jiwer.process_words(references, hypotheses).wer)
