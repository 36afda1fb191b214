"""Leaves out the silence before and after what is said, judged by the features of sound.

Studio recordings often begin and end with a second of silence. It says nothing, and it is a third
of what means and deviations of a speaker are taken over.
"""

import math

import tensorflow as tf

from amh_tf.features import audio

# Frames that stay before the first and after the last loud one, of 10 ms.
MARGIN = 5


def loudness_of(decibels: float, use_energy: bool = False) -> float:
    """Returns what a difference in decibels is in the first coefficient.

    The log energy is the natural logarithm of a power. C0 is the sum of the 40 mel bands' such
    logarithms, times the square root of 1 / 40.
    """
    bands = 1.0 if use_energy else math.sqrt(audio.NUM_COEFFICIENTS)
    return decibels * math.log(10) / 10 * bands


def span(level, decibels: float, use_energy: bool = False):
    """Finds the frames that are left once those before and after all that is loud are gone.

    Args:
        level: First coefficient of each frame, float32 tensor of shape `(time,)`, as `audio.mfcc`
            makes it.
        decibels: A frame is loud that is no more than so much below the loudest.
        use_energy: Whether the first coefficient is the log energy.

    Returns:
        The first frame that is kept, and how many are, int32 scalars. Of a sequence that has
        frames some are kept.
    """
    time = tf.size(level)
    least = tf.reduce_max(level) - loudness_of(decibels, use_energy)
    steps = tf.range(time)
    loud = level >= least
    first = tf.reduce_min(tf.where(loud, steps, time))
    last = tf.reduce_max(tf.where(loud, steps, -1))
    start = tf.clip_by_value(first - MARGIN, 0, tf.maximum(time - 1, 0))
    return start, tf.maximum(tf.minimum(last + 1 + MARGIN, time) - start, 0)
