"""One pass over a recording's sound: how long it is, how loud, and when somebody speaks."""

import dataclasses

import numpy as np

from amh_tf import progress
from amh_tf.features import decoding, speech

# Peaks a second of what is drawn of the sound.
PEAKS_PER_SECOND = 50
_PEAK = decoding.SAMPLE_RATE // PEAKS_PER_SECOND
# Of those peaks, the share that may be louder than what is called the level: clicks are few.
_LOUD_SHARE = 0.01
# Below the first level the detector misses speech: the sound is brought to the second.
_QUIET, _USUAL = 0.1, 0.3
# What is amplified more than this is no recording of anybody, but the last bits of silence.
_MOST_GAIN = 1000.0
# Sound is heard in parts that are kept, so that a stopped command continues: 5 minutes in samples.
# The detector forgets at each what came before, but for the last seconds. Windows and peaks fit in.
PART = 300 * decoding.SAMPLE_RATE
_BEFORE = 64 * speech.WINDOW
_SHOWN = 5 * decoding.SAMPLE_RATE  # samples between two moves of the bar


@dataclasses.dataclass(frozen=True)
class Heard:
    """What one pass over the sound gives.

    Attributes:
        seconds: How long it is.
        peaks: Loudest sample of each fiftieth of a second, over the loudest of all, `(n,)` uint8.
        speech: Probabilities of speech, `(windows,)` float32; empty where it was not looked for.
        level: How loud its loud moments are, in +-1.
        remarks: List of those of `media` that the file deserves.
    """

    seconds: float
    peaks: np.ndarray
    speech: np.ndarray
    level: float
    remarks: list

    @property
    def gain(self):
        """By how much it is amplified before speech is looked for; 1 where it is not quiet."""
        gain = _USUAL / max(self.level, 1e-9)
        return gain if _USUAL / _QUIET < gain <= _MOST_GAIN else 1.0

    @property
    def notes(self):
        """What the user should know of how speech was looked for, one line each."""
        if not len(self.speech) or self.gain == 1:
            return []
        decibels = 20 * np.log10(self.gain)
        return [
            f"The recording is quiet: speech is looked for in it {decibels:.0f} dB louder. The "
            "model hears it as it is."
        ]


def hear(path, detector, work=None, name=""):
    """Listens to a recording, and shows how far it is; to one that is quiet twice.

    Args:
        path: The file, or `samples.Samples`.
        detector: `speech.Detector`, or None where speech is not looked for.
        work: `work.Work` in which what is done so far is kept, or None.
        name: What differs there for another recording or detector.

    Returns:
        `Heard`.

    Raises:
        BadRecording: If the file is damaged, or has no sound.
    """
    total = decoding.seconds(path) or 1
    with progress.bar(total, "listening", "seconds") as bar:
        heard = _listen(path, detector, bar, 1.0, (work, name))
    if detector and heard.gain > 1:
        with progress.bar(total, "listening again, amplified", "seconds") as bar:
            heard = _listen(path, detector, bar, heard.gain, (work, f"{name}-amplified"))
    return heard


def _listen(path, detector, bar, gain, kept):
    """Reads the sound once, part by part, and amplifies what the detector hears."""
    remarks, count, before = set(), 0, np.zeros(0, np.float32)
    peaks, probabilities = [], [np.zeros(0, np.float32)]
    for number, sound in enumerate(_parts(decoding.stream(path, remarks))):
        work, name = kept[0], f"{kept[1]}-{number}"
        stored = work and work.load(name)
        if stored:
            arrays = stored[1]
        else:
            arrays = {"peaks": _peaks(sound), "speech": np.zeros(0, np.float32)}
            if detector:
                detector.begin(gain * before)
                blocks = _shown(sound, bar, count)
                found = [detector.probabilities(gain * block) for block in blocks]
                arrays["speech"] = np.concatenate([*found, detector.finish()])
            if work:
                work.save(name, {}, arrays)
        count, before = count + len(sound), sound[-_BEFORE:]
        bar.move_to(count / decoding.SAMPLE_RATE)
        peaks.append(arrays["peaks"])
        probabilities.append(arrays["speech"])
    loudness = np.concatenate(peaks)
    scale = 255 / max(loudness.max(), 1e-6)
    return Heard(
        seconds=round(count / decoding.SAMPLE_RATE, 6),
        peaks=np.round(loudness * scale).astype(np.uint8),
        speech=np.concatenate(probabilities),
        level=float(np.quantile(loudness, 1 - _LOUD_SHARE)),
        remarks=sorted(remarks),
    )


def _parts(blocks):
    """Yields the samples of blocks in parts of `PART`; the last is shorter."""
    waiting, count = [], 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        while count >= PART:
            joined = np.concatenate(waiting)
            yield joined[:PART]
            waiting, count = [joined[PART:]], count - PART
    if count:
        yield np.concatenate(waiting)


def _shown(sound, bar, count):
    """Yields a part in blocks, and moves the bar, which is `count` samples far."""
    for start in range(0, len(sound), _SHOWN):
        yield sound[start : start + _SHOWN]
        bar.move_to((count + start) / decoding.SAMPLE_RATE)


def _peaks(sound):
    loud = np.abs(sound)
    whole = len(loud) // _PEAK * _PEAK
    peaks = loud[:whole].reshape(-1, _PEAK).max(axis=1, initial=0)
    return np.append(peaks, loud[whole:].max()) if len(loud) > whole else peaks


def load(work, name):
    """Returns what `store` has kept, or None."""
    stored = work.load(name)
    if stored is None:
        return None
    fields, arrays = stored
    return Heard(**fields, **arrays)


def store(work, name, heard):
    """Keeps a `Heard` in a `work.Work`."""
    fields = {"seconds": heard.seconds, "level": heard.level, "remarks": heard.remarks}
    work.save(name, fields, {"peaks": heard.peaks, "speech": heard.speech})


def cut(heard, settings):
    """Lists the spans of speech, (start, end) in seconds; see `speech.spans`."""
    return speech.spans(heard.speech, heard.seconds, settings)
