"""From sound and words to features, inside the graph: nothing to install at the client."""

import tensorflow as tf

from amh_tf.exporting import input_checks
from amh_tf.features import audio, silence, text

# Samples are in +-1. Resampling may reach a little beyond; 16-bit numbers lie far beyond.
LARGEST_SAMPLE = 2.0


def made_of(trained):
    """Lists what `raw` makes of sound and words: "audio", "text", both or, without `raw`, nothing.

    Pictures come as features. Nothing is made where not all of it can be, and where a model reads
    pictures alone.

    Args:
        trained: `amh_tf.exporting.trained.Trained`.
    """
    made = [name for name in ("audio", "text") if name in trained.config.modalities]
    return [] if any(trained.refusals[name] for name in made) else made


def from_waveforms(waveform, length, most, use_energy=False, trim_silence=0.0):
    """Computes features of a padded batch of sound.

    Args:
        waveform: Float32 tensor of shape `(batch, samples)`, in +-1 at 16 kHz.
        length: Int32 tensor of shape `(batch,)`, samples of each; 0 for no sound.
        most: Steps that are kept.
        use_energy: As for `audio.mfcc_with_deltas`.
        trim_silence: Decibels, as for `silence.trim`; 0 for none.

    Returns:
        `audio` (batch, time, 120) and `audio_length` (batch,).
    """
    length, mask = input_checks.valid_steps(waveform, length, "waveform", "waveform_length")
    waveform = tf.where(mask, waveform, 0.0)
    waveform = input_checks.require(
        tf.abs(waveform) <= LARGEST_SAMPLE,  # False for NaN too
        "waveform",
        "holds samples out of range, NaN or infinity",
        "samples in +-1 at 16 kHz",
        waveform,
    )
    length = input_checks.require(
        tf.equal(length, 0) | (length >= audio.FRAME_LENGTH),
        "waveform_length",
        "is shorter than one frame",
        f"0, or at least {audio.FRAME_LENGTH} samples",
        length,
    )
    # At least one frame of samples, so that there is a time axis.
    missing = tf.maximum(audio.FRAME_LENGTH - tf.shape(waveform)[1], 0)
    waveform = tf.pad(waveform, [[0, 0], [0, missing]])
    features = audio.mfcc_with_deltas(waveform, use_energy, length=length)
    frames = audio.num_frames(length)
    if trim_silence:
        features, frames, _ = silence.trim(features, frames, trim_silence, use_energy)
    return features[:, :most], tf.minimum(frames, most)


def from_wav_bytes(contents):
    """Decodes a batch of WAV files: 16-bit PCM at 16 kHz; channels are averaged.

    Args:
        contents: String tensor of shape `(batch,)`; an empty string for no sound.

    Returns:
        Waveforms `(batch, samples)`, padded, and lengths `(batch,)`.
    """

    def decode(content):
        return tf.cond(
            tf.equal(tf.strings.length(content), 0),
            lambda: tf.zeros([0]),
            lambda: _decode(content),
        )

    spec = tf.RaggedTensorSpec([None], tf.float32, ragged_rank=0)
    ragged = tf.map_fn(decode, contents, fn_output_signature=spec)
    return ragged.to_tensor(), tf.cast(ragged.row_lengths(), tf.int32)


def _decode(content):
    # A file that was cut decodes without complaint: it must hold as much as its header promises.
    header = tf.strings.substr(tf.strings.join([content, "\0" * 12]), 0, 12)
    size = tf.cast(tf.io.decode_raw(header, tf.uint8, fixed_length=12)[4:8], tf.int64)
    promised = 8 + tf.reduce_sum(size * tf.constant([1, 1 << 8, 1 << 16, 1 << 24], tf.int64))
    content = input_checks.require(
        tf.equal(tf.strings.substr(header, 0, 4), "RIFF")
        & tf.equal(tf.strings.substr(header, 8, 4), "WAVE")
        & (promised <= tf.cast(tf.strings.length(content), tf.int64)),
        "wav_bytes",
        "is cut short, or no WAV file",
        "a whole WAV file, 16-bit PCM at 16 kHz",
        content,
    )
    return audio.decode_wav(content)


class Words(tf.Module):
    """Looks up transcripts' words; the vocabulary becomes an asset of the SavedModel.

    Args:
        vocabulary: Path of a file with one word a line, in the order of the ids.
        most: Words that are kept.
        unspaced: How scripts without spaces are cut, as for `text.words`.
    """

    def __init__(self, vocabulary, most, unspaced=text.CHARACTERS):
        super().__init__(name="words")
        self.table = text.table_from_file(vocabulary)
        self._most, self._unspaced = most, unspaced

    def ids(self, transcript):
        """Cuts transcripts into words.

        Args:
            transcript: String tensor of shape `(batch,)`, UTF-8; empty for no words.

        Returns:
            `text` (batch, time) and `text_length` (batch,).
        """
        readable = tf.strings.unicode_transcode(transcript, "UTF-8", "UTF-8", errors="replace")
        transcript = input_checks.require(
            tf.equal(readable, transcript),
            "transcript",
            "is not Unicode",
            "UTF-8 text",
            transcript,
        )
        return text.word_ids(transcript, self.table, self._most, self._unspaced)


def statistics(sequence, length, mean, deviation):
    """Returns what utterances are standardized by: what is given, or their own.

    Args:
        sequence: Float32 tensor of shape `(batch, time, width)`.
        length: Int32 tensor of shape `(batch,)`.
        mean, deviation: Float32 tensors of shape `(batch, width)`; a row of zeros in `deviation`
            asks for the utterance's own.

    Returns:
        Mean and deviation, `(batch, width)`.
    """
    mask = tf.sequence_mask(length, tf.shape(sequence)[1], tf.float32)[:, :, None]
    count = tf.cast(tf.maximum(length, 1), tf.float32)[:, None]
    own = tf.reduce_sum(sequence * mask, axis=1) / count
    apart = (sequence - own[:, None, :]) * mask
    spread = tf.sqrt(tf.reduce_sum(tf.square(apart), axis=1) / count)
    given = tf.reduce_any(deviation > 0, axis=1, keepdims=True)
    return tf.where(given, mean, own), tf.where(given, deviation, spread)
