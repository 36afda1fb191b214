"""Holds arrays to what somebody declares of them, as far as numbers can tell.

Kaldi's MFCC with derivatives are known by their derivatives: those of the coefficients beside them,
over two steps on either side. Features of a network, of another library's derivatives, or
standardized ones are not like that. The level tells samples in +-1 from 16-bit ones, and features
whose mean was subtracted. ResNet's pooled features are never below 0. What cannot be told apart,
such as the rate of the steps, depends on the declaration.
"""

import numpy as np

from amh_tf import errors, feature_kinds, schema

# Share of the derivatives' size by which they may be off: half precision takes a hundredth.
TOLERANCE = 0.1
# The first number of an utterance's loudest frame, without and with the log energy: its median is
# 94 in RAVDESS, whose recordings are soft, and 136 and 25 in loud synthetic speech. Samples in +-1
# take 131 and 21 away, a mean that is subtracted some 50 and 8 or more.
LEAST_LEVEL = {False: 60.0, True: 12.0}


def make(modality, recipe, width, folder):
    """Makes what checks a declaration.

    Args:
        modality: One whose steps are vectors.
        recipe: Record as in `feature_kinds`.
        width: Width of the arrays.
        folder: Where they are, for messages.

    Returns:
        Object whose `add` takes the features of an utterance, `(time, width)`, and whose `check`
        raises ValueError at the end if they are not what was declared.

    Raises:
        ValueError: If the width is another.
    """
    kind = recipe["kind"]
    expected = feature_kinds.WIDTHS.get(modality)
    if kind == feature_kinds.MADE_HERE[modality] and width != expected:
        raise _wrong(folder, modality, kind, f"{expected or 'no'} numbers a step", width)
    if kind == feature_kinds.MFCC:
        return _Mfcc(folder, bool(recipe.get("use_energy")))
    return _Pooled(folder) if kind == feature_kinds.RESNET else _Anything()


def _wrong(folder, modality, kind, expected, received):
    return errors.refusal(
        f"The {modality} arrays in {str(folder)!r} are not what is declared of them",
        f"{kind}: {expected}",
        received,
        "Describe them in words, such as "
        f"--{modality}_features={feature_kinds.EXAMPLES[modality]!r}, or leave the flag out.",
    )


def _slope(steps):
    """Returns Kaldi's derivative by time of all steps but two at either end."""
    return (2 * (steps[4:] - steps[:-4]) + steps[3:-1] - steps[1:-3]) / 10


class _Mfcc:
    def __init__(self, folder, use_energy):
        self._folder, self._use_energy = folder, use_energy
        self._apart, self._size = np.zeros(2), np.zeros(2)
        self._levels = []

    def add(self, features):
        if not len(features):
            return
        self._levels.append(float(features[:, 0].max()))
        third = schema.AUDIO_WIDTH // 3
        blocks = [features[:, start : start + third].astype(np.float64) for start in (0, 40, 80)]
        expected = blocks[0]
        for order, block in enumerate(blocks[1:]):
            if len(expected) <= 4:
                return
            expected = _slope(expected)
            margin = 2 * (order + 1)
            block = block[margin : len(block) - margin]
            self._apart[order] += np.square(block - expected).sum()
            self._size[order] += np.square(block).sum()

    def check(self):
        off = np.sqrt(self._apart / np.where(self._size > 0, self._size, 1))
        if (off > TOLERANCE).any():
            raise _wrong(
                self._folder,
                "audio",
                feature_kinds.MFCC,
                "40 coefficients, then their first and second derivatives as Kaldi's add-deltas "
                f"makes them, within {TOLERANCE:.0%}",
                " and ".join(f"{share:.0%}" for share in off) + " off",
            )
        least = LEAST_LEVEL[self._use_energy]
        level = float(np.median(self._levels)) if self._levels else least
        if level < least:
            raise _wrong(
                self._folder,
                "audio",
                feature_kinds.MFCC,
                "of 16-bit samples, no mean subtracted: a loudest frame of at least "
                f"{least:g} in the first number of half of the utterances",
                f"{level:.1f}",
            )


class _Pooled:
    def __init__(self, folder):
        self._folder, self._least = folder, 0.0

    def add(self, features):
        self._least = min(self._least, float(features.min(initial=0.0)))

    def check(self):
        if self._least < 0:
            raise _wrong(
                self._folder,
                "video",
                feature_kinds.RESNET,
                "pooled features, none below 0",
                f"{self._least:.3g}",
            )


class _Anything:
    def add(self, features):
        pass

    def check(self):
        pass
