"""Google Cloud Speech-to-Text, which the paper used. Recordings leave this machine.

Credentials are found as Google's libraries find them: GOOGLE_APPLICATION_CREDENTIALS, or
`gcloud auth application-default login`. Failed requests are repeated as the library sees fit.
"""

import importlib.metadata

import numpy as np

from amh_tf import errors

SAMPLE_RATE = 16000
# A request may hold a minute. Longer recordings are cut where they are quietest.
MAX_SECONDS = 55
SEARCH_SECONDS = 10
FRAME = SAMPLE_RATE // 50
# Google's codes name a country.
REGIONS = {"en": "en-US", "de": "de-DE", "ur": "ur-PK"}


class Recognizer:
    """Recognizes by Google's service.

    Args:
        language: BCP-47 code, such as de-DE.
        model: Google's name of a model, or "" for its default.
        timeout: Seconds after which a request fails.
    """

    def __init__(self, language=None, model="", timeout=120.0):
        if not language:
            raise errors.refusal(
                "Google's service needs the language",
                "its code, such as en-US, de-DE or cmn-Hans-CN",
                "none",
                "Set it with --asr_language.",
            )
        language = REGIONS.get(language, language)
        from google.auth import exceptions
        from google.cloud import speech

        try:
            self._client = speech.SpeechClient()
        except exceptions.GoogleAuthError as error:
            raise errors.refusal(
                "Google's service cannot be used",
                "credentials where Google's libraries look for them",
                f"{error} Set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth "
                "application-default login`",
            ) from error
        self._speech = speech
        self._timeout = timeout
        self._config = speech.RecognitionConfig(
            encoding=speech.RecognitionConfig.AudioEncoding.LINEAR16,
            sample_rate_hertz=SAMPLE_RATE,
            language_code=language,
            model=model,
        )
        version = importlib.metadata.version("google-cloud-speech")
        self.description = f"google-cloud-speech {version}, {model or 'default'}, {language}"

    def __call__(self, samples):
        from google.api_core import exceptions

        transcripts = []
        for piece in pieces(samples):
            audio = self._speech.RecognitionAudio(content=piece.astype("<i2").tobytes())
            try:
                response = self._client.recognize(
                    config=self._config, audio=audio, timeout=self._timeout
                )
            except exceptions.GoogleAPIError as error:
                raise OSError(
                    "Google's service has failed. Expected a transcript. Received: "
                    f"{type(error).__name__}: {error}. Repeat the command to continue."
                ) from error
            for result in response.results:
                transcripts += [alternative.transcript for alternative in result.alternatives[:1]]
        return " ".join(transcripts)


def pieces(samples, most=MAX_SECONDS * SAMPLE_RATE, search=SEARCH_SECONDS * SAMPLE_RATE):
    """Cuts a long recording where it is quietest.

    Args:
        samples: int16 array of shape `(samples,)`.
        most: Samples that a piece may hold.
        search: How many samples before that the cut is looked for.

    Yields:
        The pieces, which together are the recording.
    """
    while len(samples) > most:
        start = most - search
        frames = samples[start:most][: search // FRAME * FRAME].reshape(-1, FRAME)
        loudness = np.square(frames.astype(np.float64)).sum(axis=1)
        end = start + (int(loudness.argmin()) + 1) * FRAME
        yield samples[:end]
        samples = samples[end:]
    yield samples
