"""One pass over a recording's sound: how long it is, how loud, and when somebody speaks."""

import dataclasses

import numpy as np

from amh_tf.features import decoding, speech

# Peaks a second of what is drawn of the sound.
PEAKS_PER_SECOND = 50
_PEAK = decoding.SAMPLE_RATE // PEAKS_PER_SECOND


@dataclasses.dataclass(frozen=True)
class Heard:
    """What one pass over the sound gives.

    Attributes:
        seconds: How long it is.
        peaks: Loudest sample of each fiftieth of a second, over the loudest of all, `(n,)` uint8.
        speech: Probabilities of speech, `(windows,)` float32; empty where it was not looked for.
        remarks: List of those of `media` that the file deserves.
    """

    seconds: float
    peaks: np.ndarray
    speech: np.ndarray
    remarks: list


def listen(path, detector, bar):
    """Reads the sound of a recording once, block by block.

    Args:
        path: The file, or `samples.Samples`.
        detector: `speech.Detector`, or None where speech is not looked for.
        bar: As `progress.bar` yields it, counted in seconds.

    Returns:
        `Heard`.

    Raises:
        BadRecording: If the file is damaged, or has no sound.
    """
    remarks, count, rest = set(), 0, np.zeros(0, np.float32)
    peaks, probabilities = [], [np.zeros(0, np.float32)]
    for block in decoding.stream(path, remarks):
        count += len(block)
        loud = np.abs(np.concatenate([rest, block]))
        whole = len(loud) // _PEAK * _PEAK
        peaks.append(loud[:whole].reshape(-1, _PEAK).max(axis=1, initial=0))
        rest = loud[whole:]
        if detector:
            probabilities.append(detector.probabilities(block))
        bar.move_to(count / decoding.SAMPLE_RATE)
    peaks.append(rest.max(keepdims=True) if len(rest) else rest)
    if detector:
        probabilities.append(detector.finish())
    loudness = np.concatenate(peaks)
    scale = 255 / max(loudness.max(), 1e-6)
    return Heard(
        seconds=round(count / decoding.SAMPLE_RATE, 6),
        peaks=np.round(loudness * scale).astype(np.uint8),
        speech=np.concatenate(probabilities),
        remarks=sorted(remarks),
    )


def load(work, name):
    """Returns what `store` has kept, or None."""
    stored = work.load(name)
    if stored is None:
        return None
    fields, arrays = stored
    return Heard(fields["seconds"], arrays["peaks"], arrays["speech"], fields["remarks"])


def store(work, name, heard):
    """Keeps a `Heard` in a `work.Work`."""
    fields = {"seconds": heard.seconds, "remarks": heard.remarks}
    work.save(name, fields, {"peaks": heard.peaks, "speech": heard.speech})


def cut(heard, settings):
    """Lists the spans of speech, (start, end) in seconds; see `speech.spans`."""
    return speech.spans(heard.speech, heard.seconds, settings)
