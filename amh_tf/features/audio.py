"""Mel-frequency cepstral coefficients as Kaldi computes them, in TensorFlow operations.

Everything here can be traced with unknown shapes and saved in a SavedModel that needs no
custom operation.

Reference:
 - Kaldi's `compute-mfcc-feats --dither=0 --num-ceps=40 --num-mel-bins=40
   --window-type=hamming` piped into `add-deltas`: `feature-window.cc`, `mel-computations.cc`,
   `feature-mfcc.cc`, `feature-functions.cc` of https://github.com/kaldi-asr/kaldi
"""

import functools

import numpy as np
import tensorflow as tf

from amh_tf import errors, schema

SAMPLE_RATE = 16000
FRAME_LENGTH = 400  # 25 ms
FRAME_STEP = 160  # 10 ms
NUM_COEFFICIENTS = schema.AUDIO_WIDTH // 3

FFT_LENGTH = 512
PREEMPHASIS = 0.97
_LIFTER = 22
_LOWEST_HERTZ, _HIGHEST_HERTZ = 20.0, SAMPLE_RATE / 2
FLOOR = float(np.finfo(np.float32).eps)
INT16_SCALE = 32768.0
# Steps t-4 ... t+4 enter the second derivative at step t.
REACH = 4
# Frames whose spectra are in memory at a time, some ten megabytes: an hour has 360,000.
_BLOCK = 1024
# Kaldi's regression over two steps on either side, and the same applied to its own result.
_SLOPE = np.array([-2, -1, 0, 1, 2]) / 10
DELTA_FILTERS = (np.pad(_SLOPE, 2), np.convolve(_SLOPE, _SLOPE))


def num_frames(samples):
    """Returns how many frames a waveform gives.

    Args:
        samples: Number of samples: an integer, an integer array, or an integer tensor.

    Returns:
        The number of whole frames, of the same kind as `samples`; 0 for fewer samples than a
        frame has.
    """
    frames = 1 + (samples - FRAME_LENGTH) // FRAME_STEP
    if tf.is_tensor(samples):
        return tf.maximum(frames, 0)
    return np.maximum(frames, 0) if isinstance(samples, np.ndarray) else max(frames, 0)


def num_samples(frames):
    """Returns how many samples so many frames read, the inverse of `num_frames`.

    Args:
        frames: Integer or integer tensor, at least 1.
    """
    return FRAME_LENGTH + (frames - 1) * FRAME_STEP


def mfcc_with_deltas(waveform, use_energy=False, length=None):
    """Computes 40 MFCC and their first and second derivatives.

    A clip in a padded batch gives what it gives alone, up to rounding: its derivatives repeat
    its own last frame, not the padding's.

    Args:
        waveform: Float tensor or array of shape `(samples,)` or `(batch, samples)`, in +-1
            at 16 kHz. Sizes may be unknown, the rank may not.
        use_energy: Whether the log energy of the frame, before pre-emphasis, takes the place
            of the first coefficient.
        length: Samples of each clip, an integer tensor of shape `(batch,)`, or for a single
            waveform a scalar; None where there is no padding.

    Returns:
        Float32 tensor of shape `(frames, 120)` or `(batch, frames, 120)`; frames is
        `num_frames(samples)`, and steps beyond `num_frames(length)` are zero.

    Raises:
        TypeError: If the waveform holds integers, whose scale would be another.
        ValueError: If its rank is neither 1 nor 2.
    """
    waveform = tf.convert_to_tensor(waveform)
    if not waveform.dtype.is_floating:
        raise TypeError(
            "`waveform` does not hold floats. Expected samples in +-1. "
            f"Received: {waveform.dtype.name}. Divide 16-bit samples by 32768."
        )
    if waveform.shape.rank not in (1, 2):
        raise errors.refusal(
            "`waveform` has the wrong rank",
            "shape (samples,) or (batch, samples)",
            f"shape {waveform.shape}",
        )
    waveform = tf.cast(waveform, tf.float32)
    if waveform.shape.rank == 1:
        length = None if length is None else tf.expand_dims(length, 0)
        return mfcc_with_deltas(waveform[tf.newaxis], use_energy, length)[0]
    count = _frames_of_each(waveform, length)
    # Traced once for all shapes, this is several times as fast as one operation at a time.
    if tf.executing_eagerly():
        return _traced(use_energy)(waveform, count)
    return _features(waveform, count, use_energy)


def decode_wav(contents):
    """Decodes a 16-bit PCM file at 16 kHz, exactly, with a builtin operation.

    For graphs that are exported; `decoding.load_audio` reads every file and rate.

    Args:
        contents: Scalar string tensor, the bytes of the file.

    Returns:
        Float32 tensor of shape `(samples,)`, the mean of the channels.

    Raises:
        tf.errors.InvalidArgumentError: When run, if it is another kind of file.
    """
    samples, rate = tf.audio.decode_wav(contents)
    right_rate = tf.debugging.assert_equal(
        rate, SAMPLE_RATE, f"The sound has another sampling rate. Expected {SAMPLE_RATE} Hz."
    )
    with tf.control_dependencies([] if right_rate is None else [right_rate]):
        return tf.reduce_mean(samples, axis=1)


def _frames_of_each(waveform, length):
    batch, samples = tf.unstack(tf.shape(waveform))
    if length is None:
        return tf.repeat(num_frames(samples), batch)
    return num_frames(tf.minimum(tf.cast(length, tf.int32), samples))


def _features(waveform, count, use_energy):
    return _add_deltas(mfcc(waveform, use_energy), count)


@functools.cache
def _traced(use_energy):
    signature = [tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)]
    return tf.function(functools.partial(_features, use_energy=use_energy), signature)


def mfcc(waveform, use_energy, kept=NUM_COEFFICIENTS):
    """Computes MFCC, some frames at a time: spectra take twenty times as much as their sound.

    Args:
        waveform: Float32 tensor of shape `(batch, samples)`.
        use_energy: As for `mfcc_with_deltas`.
        kept: How many of the 40 coefficients are kept.

    Returns:
        Float32 tensor of shape `(batch, frames, kept)`.
    """
    batch, samples = tf.unstack(tf.shape(waveform))
    frames = num_frames(samples)
    size = tf.maximum(_BLOCK // tf.maximum(batch, 1), 1)
    count = tf.maximum((frames + size - 1) // size, 1)

    def block(number, blocks):
        first = number * size * FRAME_STEP
        part = waveform[:, first : first + num_samples(size)]
        # Time comes first, so that blocks of unequal length can be joined.
        coefficients = tf.transpose(_mfcc_of_block(part, use_energy)[:, :, :kept], [1, 0, 2])
        return number + 1, blocks.write(number, coefficients)

    shape = [None, None, kept]
    blocks = tf.TensorArray(tf.float32, count, infer_shape=False, element_shape=shape)
    _, blocks = tf.while_loop(
        lambda number, _: number < count, block, (0, blocks), parallel_iterations=1
    )
    return tf.transpose(blocks.concat(), [1, 0, 2])


def _mfcc_of_block(waveform, use_energy):
    frames = tf.signal.frame(waveform * INT16_SCALE, FRAME_LENGTH, FRAME_STEP)
    frames -= tf.reduce_mean(frames, axis=-1, keepdims=True)
    # (batch, frames, 400); before the first sample, Kaldi repeats it
    previous = tf.concat([frames[..., :1], frames[..., :-1]], axis=-1)
    window = tf.constant(np.hamming(FRAME_LENGTH), tf.float32)
    windowed = (frames - PREEMPHASIS * previous) * window
    # Padded here since tf.signal.rfft does not pad where there is no frame.
    windowed = tf.pad(windowed, [[0, 0], [0, 0], [0, FFT_LENGTH - FRAME_LENGTH]])
    spectrum = tf.signal.rfft(windowed)
    power = tf.math.real(spectrum) ** 2 + tf.math.imag(spectrum) ** 2
    mel = tf.linalg.matmul(power, tf.constant(mel_filters(), tf.float32))
    cepstrum = tf.linalg.matmul(_log(mel), tf.constant(liftered_cosines(), tf.float32))
    if not use_energy:
        return cepstrum
    energy = _log(tf.reduce_sum(frames**2, axis=-1, keepdims=True))
    return tf.concat([energy, cepstrum[..., 1:]], axis=-1)


def _log(x):
    return tf.math.log(tf.maximum(x, FLOOR))


@functools.cache
def mel_filters():
    """Triangles that are linear in mel, `(257, 40)`; the bin at the highest frequency is unused."""

    def mel(hertz):
        return 1127 * np.log1p(hertz / 700)

    edges = np.linspace(mel(_LOWEST_HERTZ), mel(_HIGHEST_HERTZ), NUM_COEFFICIENTS + 2)
    bins = mel(np.arange(FFT_LENGTH // 2 + 1) * SAMPLE_RATE / FFT_LENGTH)[:, np.newaxis]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(np.minimum(rising, falling), 0)
    filters[-1] = 0
    return filters


@functools.cache
def liftered_cosines():
    """Orthonormal cosine transform whose column k is scaled by the lifter, `(40, 40)`."""
    k = np.arange(NUM_COEFFICIENTS)
    centres = (k + 0.5)[:, np.newaxis]
    cosines = np.sqrt(2 / NUM_COEFFICIENTS) * np.cos(np.pi / NUM_COEFFICIENTS * centres * k)
    cosines[:, 0] = np.sqrt(1 / NUM_COEFFICIENTS)
    return cosines * (1 + _LIFTER / 2 * np.sin(np.pi * k / _LIFTER))


def _add_deltas(features, count):
    """Appends derivatives to `(batch, frames, dim)` features of which `count` steps are valid."""
    frames = tf.shape(features)[1]
    last = tf.maximum(count - 1, 0)[:, tf.newaxis]
    steps = tf.minimum(tf.nn.relu(tf.range(-REACH, frames + REACH)), last)
    # A row that repeats as step 0 where there is no frame at all, as gathering needs one.
    features = tf.pad(features, [[0, 0], [0, 1], [0, 0]])
    extended = tf.gather(features, steps, batch_dims=1)  # (batch, frames + 8, dim)
    parts = [features[:, :-1]]
    for taps in DELTA_FILTERS:
        parts.append(
            tf.add_n(
                [
                    float(tap) * extended[:, offset : offset + frames]
                    for offset, tap in enumerate(taps)
                    if tap
                ]
            )
        )
    valid = tf.sequence_mask(count, frames)[..., tf.newaxis]
    return tf.where(valid, tf.concat(parts, axis=-1), 0.0)
