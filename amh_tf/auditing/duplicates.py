"""Finds recordings that are in a data set twice: the same bytes, or the same sound changed.

A copy at another level, cut, shifted, saved in another format or with a little noise has other
bytes. It is found in two steps, both of which look at the loud frames alone, since what a copy
changes most is its silence:

1. The mean and deviation of each cepstral coefficient over the loud frames, standardised over the
   corpus, without the mean of the first, which is the level. Pairs with a cosine of at least
   `COSINE` go on, and each recording's `CLOSEST` with one of at least `LEAST_COSINE`: a cut that
   takes loud frames away moves the means of a short sound far.
2. The two sounds' frames, shifted against each other by up to a tenth of their length, are
   compared one by one. Pairs with a concordance of at least `CONCORDANCE` are near-duplicates.

On RAVDESS' 1,440 recordings, 318 of 320 changed copies were found, and no pair else but one that
the corpus really holds twice. The copies were 6 and 20 dB softer in 16 bits (38 of 40), 3 dB louder
and clipped, cut by up to a tenth, shifted by half a frame, or with noise at 40 dB; the lowest
concordance of those found was 0.93. The closest recordings that are not copies, two takes of one
sentence by one actor, have 0.84. Other loudspeakers, filters or speeds are not looked for.
"""

import collections
import hashlib

import numpy as np

COSINE = 0.9
LEAST_COSINE, CLOSEST = 0.5, 3
CONCORDANCE = 0.9
# Shorter sounds hold too little to tell a copy by: 20 frames are 0.2 seconds.
SHORTEST = 20
# Share of the length by which copies may be shifted, and that they must have in common.
_SHIFT, _COMMON = 0.1, 0.8
# Coefficients that are kept of each frame, and those that are compared frame by frame.
_KEPT, _COMPARED = 20, 13
# A frame is loud within this many deviations of the loudest twentieth.
_LOUD = 0.6
# A tone or hum varies less, in squared deviations of the corpus: nothing tells copies apart.
_STEADY = 0.01
# Rows of similarities at a time, and pairs of a recording that are looked at closely.
_BLOCK, _MOST = 512, 20


class Sounds:
    """Gathers the recordings of a data set; of each it keeps some kilobytes a second."""

    def __init__(self):
        self._digests, self._frames = [], []

    def add(self, digest, frames):
        """Takes in the next recording.

        Args:
            digest: Digest of its bytes, or None where there is no recording.
            frames: `(time, width)` cepstral coefficients, the level first; None where there are
                none, and bytes alone are compared.
        """
        self._digests.append(digest)
        if frames is not None:
            # Features of strangers may exceed what half precision can hold.
            frames = np.clip(frames[:, :_KEPT], -65000, 65000).astype(np.float16)
        self._frames.append(frames)

    def __len__(self):
        return len(self._digests)

    @property
    def present(self):
        """Whether each utterance has a recording, a list of bools."""
        return [digest is not None for digest in self._digests]

    @property
    def have_frames(self):
        """Whether each can be compared with changed copies, a list of bools."""
        return [frames is not None for frames in self._frames]

    def same(self):
        """Lists the groups of identical recordings.

        Returns:
            List of lists of their numbers, in the order in which they came.
        """
        groups = collections.defaultdict(list)
        for number, digest in enumerate(self._digests):
            if digest is not None:
                groups[digest].append(number)
        return [group for group in groups.values() if len(group) > 1]

    def near(self, advance=lambda: None):
        """Lists the pairs of near-duplicates that are not identical.

        Args:
            advance: Function that is called for each of `len(self)` recordings.

        Returns:
            List of (number, number, concordance), the smaller number first.
        """
        numbers = [n for n, f in enumerate(self._frames) if f is not None and len(f) >= SHORTEST]
        if len(numbers) < 2:
            return []
        scale = self._scale(numbers)
        loud = {number: self._loud(number, scale) for number in numbers}
        candidates = _candidates(self._summaries(numbers, loud), [*map(self._length, numbers)])
        pairs = []
        for place, others in enumerate(candidates):
            for other in others:
                pair = numbers[place], numbers[other]
                if self._digests[pair[0]] == self._digests[pair[1]]:
                    continue
                concordance = _concordance(
                    *((self._sketch(number, scale), loud[number]) for number in pair)
                )
                if concordance >= CONCORDANCE:
                    pairs.append((*pair, concordance))
            advance()
        return pairs

    def _length(self, number):
        return len(self._frames[number])

    def _scale(self, numbers):
        """Returns the deviation of each coefficient over all frames, `(kept,)`."""
        count, total, squares = 0, 0.0, 0.0
        for number in numbers:
            frames = self._frames[number].astype(np.float64)
            count += len(frames)
            total = total + frames.sum(axis=0)
            squares = squares + np.square(frames).sum(axis=0)
        deviation = np.sqrt(np.maximum(squares / count - np.square(total / count), 0))
        return np.where(deviation > 0, deviation, 1.0)

    def _loud(self, number, scale):
        level = self._frames[number][:, 0].astype(np.float32)
        return level >= np.quantile(level, 0.95) - _LOUD * scale[0]

    def _summaries(self, numbers, loud):
        """Returns unit vectors, one for each recording."""
        rows = []
        for number in numbers:
            frames = self._frames[number][loud[number]].astype(np.float64)
            rows.append(np.concatenate([frames[:, 1:].mean(axis=0), frames.std(axis=0)]))
        rows = np.stack(rows)
        deviation = rows.std(axis=0)
        rows = (rows - rows.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(length > 0, length, 1.0)).astype(np.float32)

    def _sketch(self, number, scale):
        return self._frames[number][:, :_COMPARED].astype(np.float64) / scale[:_COMPARED]


def digest(content):
    """Returns the digest of bytes that `Sounds.add` takes."""
    return hashlib.sha256(content).digest()


def _candidates(rows, lengths):
    """Yields for each recording the later ones that are worth a close look."""
    lengths = np.array(lengths)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK] @ rows[start:].T
        for place, similar in enumerate(block):
            number = start + place
            others = np.flatnonzero(similar[place + 1 :] >= LEAST_COSINE) + place + 1
            shorter = np.minimum(lengths[number], lengths[start + others])
            longer = np.maximum(lengths[number], lengths[start + others])
            others = others[shorter >= _COMMON * longer]
            closest = others[np.argsort(-similar[others], kind="stable")]
            sure = np.arange(len(closest)) < CLOSEST
            closest = closest[sure | (similar[closest] >= COSINE)][:_MOST]
            yield sorted((start + closest).tolist())


def _concordance(first, second):
    """Returns the concordance of two sounds' loud frames at the shift that suits them best.

    It is Lin's, over all frames and coefficients: a correlation that also falls where means or
    deviations differ. The mean of the level is taken away before, since copies may differ in it.

    Args:
        first, second: `(time, width)` frames, and a `(time,)` array of which are loud.

    Returns:
        At most 1; 0 where there is too little to compare.
    """
    (a, loud_a), (b, loud_b) = first, second
    longest, best = max(len(a), len(b)), 0.0
    for shift in _shifts(first, second, int(_SHIFT * longest)):
        x, y = a[max(0, shift) :], b[max(0, -shift) :]
        common = min(len(x), len(y))
        is_loud = loud_a[max(0, shift) :][:common] | loud_b[max(0, -shift) :][:common]
        if common < _COMMON * longest or is_loud.sum() < SHORTEST // 2:
            continue
        x, y = x[:common][is_loud], y[:common][is_loud]
        apart = x.mean(axis=0) - y.mean(axis=0)
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        energies = np.square(x).mean(), np.square(y).mean()
        if min(energies) > _STEADY:
            total = sum(energies) + np.square(apart[1:]).sum() / len(apart)
            best = max(best, float(2 * (x * y).mean() / total))
    return best


def _shifts(first, second, farthest):
    """Returns the shift at which two sounds' loud frames fit best, and its neighbours."""
    size = 1 << (max(len(first[0]), len(second[0])) + farthest).bit_length()
    spectra = []
    for frames, loud in (first, second):
        centred = (frames - frames[loud].mean(axis=0)) * loud[:, None]
        spectra.append(np.fft.rfft(centred, size, axis=0))
    fit = np.fft.irfft((spectra[0] * spectra[1].conj()).sum(axis=1), size)
    shifts = np.arange(-farthest, farthest + 1)
    best = int(shifts[fit[shifts].argmax()])
    return [shift for shift in (best - 1, best, best + 1) if abs(shift) <= farthest]
