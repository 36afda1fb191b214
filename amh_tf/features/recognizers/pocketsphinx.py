"""CMU PocketSphinx: works offline, with the US English model that it brings along."""

import importlib.metadata

import numpy as np

from amh_tf import errors

SAMPLE_RATE = 16000
# Cut sentences start and end without a pause, and synthetic ones are silent in between, which
# the recognizer was not made for. On six synthetic sentences by three voices these two took
# its word error rate from 0.77 to 0.56.
PAUSE_SECONDS = 0.3
NOISE = 33  # of 32768; about -60 dB


class Recognizer:
    """Recognizes US English.

    Args:
        language: Its code; anything but English needs its own model.
        **settings: Passed to `pocketsphinx.Decoder`, such as `hmm`, `lm` and `dict` for
            another model.
    """

    def __init__(self, language=None, **settings):
        import pocketsphinx

        if language and language.split("-")[0].lower() != "en" and not settings.get("hmm"):
            raise errors.refusal(
                "PocketSphinx has no model of the language",
                "English, or a folder with a model",
                f"language={language!r}",
                "Set another recognizer with --asr=faster-whisper, or a model with --asr_model.",
            )

        try:
            self._decoder = pocketsphinx.Decoder(
                **{"samprate": SAMPLE_RATE, "loglevel": "FATAL", **settings}
            )
        except (KeyError, RuntimeError, TypeError) as error:
            raise errors.refusal(
                "PocketSphinx cannot be started",
                "settings that pocketsphinx.Decoder takes",
                f"{settings}: {error}",
            ) from error
        version = importlib.metadata.version("pocketsphinx")
        self.description = f"pocketsphinx {version}, {settings or 'its own US English model'}"

    def __call__(self, samples):
        pause = np.zeros(int(PAUSE_SECONDS * SAMPLE_RATE), np.int16)
        samples = np.concatenate([pause, samples, pause])
        noise = np.random.default_rng(0).normal(0, NOISE, len(samples))
        noisy = np.clip(samples + np.rint(noise), -32768, 32767).astype("<i2")
        # Otherwise what it adapts to one speaker colours the next one's words, and the order
        # of the utterances would show in the result.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(noisy.tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""
