"""From sound and words to features, inside the graph: nothing to install at the client."""

import tensorflow as tf

from amh_tf import schema
from amh_tf.deploy import input_checks
from amh_tf.features import audio, heard, text

# Samples are in +-1. Resampling may reach a little beyond; 16-bit numbers are far beyond.
LARGEST_SAMPLE = 2.0


def made_of(trained):
    """Lists what `raw` makes of sound and words: "audio", "text", both or, without `raw`, nothing.

    Pictures come as features. Nothing is made where not all of it can be, as where the text is an
    encoder's vectors, and where a model reads pictures alone.

    Args:
        trained: `amh_tf.runs.trained.Trained`.
    """
    modalities = [name for name in ("audio", "text") if name in trained.config.modalities]
    return [] if any(trained.refusals[name] for name in modalities) else modalities


class Sound:
    """Makes features of sound, one utterance after the other, so that nothing of it is padded.

    Args:
        limits: `amh_tf.deploy.limits.Limits`.
        most: Steps that are kept.
        use_energy, trim_silence: As for `heard.features`.
    """

    def __init__(self, limits, most, use_energy=False, trim_silence=0.0):
        self._limits = limits
        self._recipe = most, use_energy, trim_silence

    def from_waveforms(self, waveform, length):
        """Computes features of a padded batch of sound.

        Args:
            waveform: Float32 tensor of shape `(batch, samples)`, in +-1 at 16 kHz.
            length: Int32 tensor of shape `(batch,)`, samples of each; 0 for no sound.

        Returns:
            `audio` (batch, time, 120) and `audio_length` (batch,).
        """
        length, _ = input_checks.valid_steps(waveform, length, "waveform", "waveform_length")
        rows = tf.range(tf.size(length))
        return self._features(lambda row: waveform[row, : length[row]], rows, "waveform")

    def from_wav_bytes(self, contents):
        """Computes features of WAV files: 16-bit PCM at 16 kHz; channels are averaged.

        Args:
            contents: String tensor of shape `(batch,)`; an empty string for no sound.

        Returns:
            As `from_waveforms`.
        """

        def decode(content):
            return tf.cond(
                tf.equal(tf.strings.length(content), 0),
                lambda: tf.zeros([0]),
                lambda: _decode(self._limits.wav_bytes(content)),
            )

        return self._features(decode, contents, "wav_bytes")

    def _features(self, read, rows, name):
        """Makes the features of what `read` makes of each row."""
        ragged = tf.map_fn(
            lambda row: heard.features(_checked(read(row)), *self._recipe)[0],
            rows,
            fn_output_signature=tf.RaggedTensorSpec([None, schema.AUDIO_WIDTH], ragged_rank=0),
            parallel_iterations=1,
        )
        length = ragged.row_lengths()
        longest = tf.reduce_max(tf.concat([length, [0]], 0))
        splits = self._limits.steps(ragged.row_splits, name, "audio", tf.size(length), longest)
        ragged = tf.RaggedTensor.from_row_splits(ragged.values, splits, validate=False)
        return ragged.to_tensor(), tf.cast(length, tf.int32)


def _checked(waveform):
    """Passes on samples of one utterance that are some."""
    waveform = input_checks.require(
        tf.abs(waveform) <= LARGEST_SAMPLE,  # False for NaN too
        "waveform",
        "holds samples out of range, NaN or infinity",
        "samples in +-1 at 16 kHz",
        waveform,
    )
    samples = tf.size(waveform)
    return input_checks.require(
        tf.equal(samples, 0) | (samples >= audio.FRAME_LENGTH),
        "waveform_length",
        "is shorter than one frame",
        f"0, or at least {audio.FRAME_LENGTH} samples",
        waveform,
    )


def _decode(content):
    # A file that was cut decodes without complaint: it must hold as much as its header promises.
    header = tf.strings.join([tf.strings.substr(content, 0, 12), "\0" * 12])
    size = tf.cast(tf.io.decode_raw(header, tf.uint8, fixed_length=12)[4:8], tf.int64)
    promised = 8 + tf.reduce_sum(size * tf.constant([1, 1 << 8, 1 << 16, 1 << 24], tf.int64))
    content = input_checks.require(
        tf.equal(tf.strings.substr(header, 0, 4), "RIFF")
        & tf.equal(tf.strings.substr(header, 8, 4), "WAVE")
        & (promised <= tf.cast(tf.strings.length(content), tf.int64)),
        "wav_bytes",
        "is truncated, or not a WAV file",
        "a whole WAV file, 16-bit PCM at 16 kHz",
        content,
    )
    return audio.decode_wav(content)


class Words(tf.Module):
    """Looks up transcripts' words; the vocabulary becomes an asset of the SavedModel.

    Args:
        vocabulary: Path of a file with one word a line, in the order of the ids.
        limits: `amh_tf.deploy.limits.Limits`.
        most: Words that are kept.
        unspaced: How scripts without spaces are cut, as for `text.words`.
    """

    def __init__(self, vocabulary, limits, most, unspaced=text.CHARACTERS):
        super().__init__(name="words")
        self.table = text.table_from_file(vocabulary)
        self._limits, self._most, self._unspaced = limits, most, unspaced

    def ids(self, transcript):
        """Cuts transcripts into words.

        Args:
            transcript: String tensor of shape `(batch,)`, UTF-8; empty for no words.

        Returns:
            `text` (batch, time) and `text_length` (batch,).
        """
        transcript = self._limits.transcripts(transcript)
        readable = tf.strings.unicode_transcode(transcript, "UTF-8", "UTF-8", errors="replace")
        transcript = input_checks.require(
            tf.equal(readable, transcript),
            "transcript",
            "is not Unicode",
            "UTF-8 text",
            transcript,
        )
        words = text.tokenize(transcript, self._unspaced)[:, : self._most]
        rows, longest = words.nrows(), words.bounding_shape(axis=1)
        splits = self._limits.steps(words.row_splits, "transcript", "text", rows, longest)
        words = tf.RaggedTensor.from_row_splits(words.values, splits, validate=False)
        return text.look_up(words, self.table)


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
    is_given = tf.reduce_any(deviation > 0, axis=1, keepdims=True)
    return tf.where(is_given, mean, own), tf.where(is_given, deviation, spread)
