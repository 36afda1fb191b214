"""By what a model standardizes that does so by the speaker."""

import pathlib

import numpy as np

from amh_tf.data import moments
from amh_tf.extraction import reading
from amh_tf.features import samples
from amh_tf.prediction import clip as clips


class Speaker:
    """Other recordings of a speaker, each read once.

    Args:
        recordings: Paths of sound or videos, or `samples.Samples`.
    """

    def __init__(self, recordings=()):
        self._recordings = tuple(recordings)
        self._moments = {}

    def __bool__(self):
        return bool(self._recordings)

    def moments(self, modality, width, maker):
        """Returns the `Moments` of a modality, of no steps where there are no recordings."""
        if modality not in self._moments:
            total = moments.Moments.none(width)
            for recording in self._recordings:
                total += moments.Moments.of(_enrolled(recording, modality, maker))
            self._moments[modality] = total
        return self._moments[modality]


def statistics_of(modality, moment):
    """Returns the inputs of a model by which a modality is standardized: a speaker's `Moments`."""
    values = {"mean": moment.mean, "deviation": moment.deviation()}
    return {f"{modality}_{name}": value.astype(np.float32) for name, value in values.items()}


def _enrolled(recording, modality, maker):
    """Makes the features of another recording of the speaker."""
    if modality == "audio":
        return maker.audio_features(reading.sound(clips.Clip(audio=recording).recording()))
    is_sound = isinstance(recording, samples.Samples)
    if is_sound or pathlib.Path(recording).suffix.lower() in clips.SOUND_ENDINGS:
        return np.zeros((0, maker.widths["video"]), np.float32)
    return maker.video_features(maker.frames(clips.Clip(video=recording).recording()))
