"""Leaves out the silence before and after what is said, judged by the features of sound.

Studio recordings often begin and end with a second of silence. It says nothing, and it is a third
of what means and deviations of a speaker are taken over.
"""

import math

import tensorflow as tf

from amh_tf.features import audio

# Frames that stay before the first and after the last loud one, of 10 ms.
MARGIN = 5
MAX_DECIBELS = 200


def loudness_of(decibels: float, use_energy: bool = False) -> float:
    """Returns what a difference in decibels is in the first coefficient.

    The log energy is the natural logarithm of a power. C0 is the sum of the 40 mel bands' such
    logarithms, times the square root of 1 / 40.
    """
    bands = 1.0 if use_energy else math.sqrt(audio.NUM_COEFFICIENTS)
    return decibels * math.log(10) / 10 * bands


def trim(features, length, decibels, use_energy=False):
    """Cuts off the frames before and after all that are loud.

    Args:
        features: Float32 tensor of shape `(batch, time, dim)`, as `audio.mfcc_with_deltas` makes
            it.
        length: Int32 tensor of shape `(batch,)`.
        decibels: A frame is loud that is no more than so much below the utterance's loudest.
        use_energy: Whether the first coefficient is the log energy.

    Returns:
        Features of shape `(batch, time, dim)`, padded with zeros; lengths, and the first frame that
        was kept, both int32 `(batch,)`. A sequence that has frames keeps some.
    """
    time = tf.shape(features)[1]
    steps = tf.range(time)[None, :]
    valid = steps < length[:, None]
    level = tf.where(valid, features[:, :, 0], -math.inf)
    least = tf.reduce_max(level, axis=1, keepdims=True) - loudness_of(decibels, use_energy)
    loud = valid & (level >= least)
    first = tf.reduce_min(tf.where(loud, steps, time), axis=1)
    last = tf.reduce_max(tf.where(loud, steps, -1), axis=1)
    start = tf.clip_by_value(first - MARGIN, 0, tf.maximum(length - 1, 0))
    kept = tf.maximum(tf.minimum(last + 1 + MARGIN, length) - start, 0)
    most = tf.maximum(tf.reduce_max(kept), tf.minimum(time, 1))
    places = tf.minimum(start[:, None] + tf.range(most)[None, :], tf.maximum(time - 1, 0))
    trimmed = tf.gather(features, places, batch_dims=1)
    inside = tf.sequence_mask(kept, most)[:, :, None]
    return tf.where(inside, trimmed, 0.0), kept, start
