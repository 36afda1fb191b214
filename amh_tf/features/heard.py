"""What a model hears of a recording: the features of so many steps as it reads, and no others.

A recording may be an hour long, of which a model reads seconds. Where the silence before them ends
is seen by the first coefficient of all frames; all else is made of those alone that are read.
"""

import functools

import tensorflow as tf

from amh_tf.features import audio, silence


def features(waveform, most: int, use_energy: bool = False, trim_silence: float = 0.0):
    """Makes the features of a recording, as `audio.mfcc_with_deltas` of all of it does.

    Args:
        waveform: Float tensor or array of shape `(samples,)`, in +-1 at 16 kHz.
        most: Steps that are kept.
        use_energy: As for `audio.mfcc_with_deltas`.
        trim_silence: Decibels, as for `silence.span`; 0 for none.

    Returns:
        Float32 tensor of shape `(time, 120)`, and how many frames of 10 ms were left out before
        it, an int32 scalar.
    """
    if not trim_silence:
        # The derivatives of the last step that is kept look at some more.
        waveform = waveform[: audio.num_samples(most + audio.REACH)]
    settings = most, use_energy, trim_silence
    # Traced once for all lengths, this is several times as fast as one operation at a time.
    if tf.executing_eagerly():
        return _traced(*settings)(waveform)
    return _features(waveform, *settings)


def spoken(waveform, trim_silence: float = 0.0, use_energy: bool = False):
    """Leaves out the silence around what is said, which `features` leaves out too.

    Args:
        waveform, use_energy, trim_silence: As for `features`.

    Returns:
        The part of the waveform that is left, and how many frames of 10 ms came before it.
    """
    if not trim_silence:
        return waveform, 0
    mfcc = audio.mfcc(tf.expand_dims(waveform, 0), use_energy, kept=1)
    start, length = map(int, silence.span(mfcc[0, :, 0], trim_silence, use_energy))
    begin = start * audio.FRAME_STEP
    return waveform[begin : begin + audio.num_samples(length)], start


@functools.cache
def _traced(most, use_energy, trim_silence):
    return tf.function(
        lambda waveform: _features(waveform, most, use_energy, trim_silence),
        input_signature=[tf.TensorSpec([None], tf.float32)],
    )


def _features(waveform, most, use_energy, trim_silence):
    frames = audio.num_frames(tf.size(waveform))
    start, length = tf.constant(0), frames
    if trim_silence:
        level = audio.mfcc(tf.expand_dims(waveform, 0), use_energy, kept=1)[0, :, 0]
        start, length = silence.span(level, trim_silence, use_energy)
    length = tf.minimum(length, most)
    # The derivatives of what is kept look a little around it.
    first = tf.maximum(start - audio.REACH, 0)
    last = tf.minimum(start + length + audio.REACH, frames)
    begin = first * audio.FRAME_STEP
    near = waveform[begin : begin + audio.num_samples(last - first)]
    mfcc = audio.mfcc_with_deltas(near, use_energy)
    return mfcc[start - first : start - first + length], start
