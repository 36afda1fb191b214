"""How much one request may ask for, checked inside the graph before anything is padded.

A request of half a megabyte can hold one long utterance among a thousand short ones, and padding
them all to the longest takes more than a gigabyte. What is beyond a limit raises INVALID_ARGUMENT,
with the limit's name and what was received.
"""

import tensorflow as tf

from amh_tf import schema

# As many utterances of the longest that the model reads as a batch of training holds.
UTTERANCES = 128
# The model answers a quarter of them at a time: more are hardly faster, and take more memory.
SLICES = 4
MAX_REQUEST_ROWS = 1024
# Of a transcript, for each word that the model reads.
BYTES_PER_WORD = 64
# More than eight minutes of one channel.
MAX_WAV_BYTES = 1 << 24


class Limits:
    """What a request to a model may hold.

    Args:
        max_lengths: Dict from modality to the steps that the model's data set was prepared with.

    Attributes:
        max_request_rows: Utterances.
        max_request_steps: Dict from modality to rows times the steps of the longest.
        slice_steps: The same of the rows that the model answers at a time.
        max_transcript_bytes: Bytes of all transcripts.
        max_wav_bytes: Bytes of each WAV file.
    """

    def __init__(self, max_lengths: dict[str, int]):
        self.max_request_rows = MAX_REQUEST_ROWS
        self.max_request_steps = {
            # As many rows as there may be have room for a step each.
            modality: max(UTTERANCES * max_lengths[modality], MAX_REQUEST_ROWS)
            for modality in schema.MODALITIES
        }
        self.slice_steps = {
            modality: most // SLICES for modality, most in self.max_request_steps.items()
        }
        self.max_transcript_bytes = BYTES_PER_WORD * self.max_request_steps["text"]
        self.max_wav_bytes = MAX_WAV_BYTES

    def rows(self, value, name):
        """Passes on an input of shape `(batch, ...)` that does not have too many rows."""
        rows, most = tf.shape(value)[0], self.max_request_rows
        received = rows, "rows"
        return _within(rows <= most, name, "max_request_rows", f"{most} rows", received, value)

    def steps(self, value, name, modality, rows, longest):
        """Passes on an input whose rows are not too long to be padded to the longest of them.

        Args:
            value: Tensor.
            name: What the request calls it.
            modality: Whose steps the rows have.
            rows, longest: Number of rows, and steps of the longest, integer tensors.
        """
        most = self.max_request_steps[modality]
        rows, longest = tf.cast(rows, tf.int64), tf.cast(longest, tf.int64)
        fits = longest <= most // tf.maximum(rows, 1)  # their product may be too large a number
        expected = f"{most} steps, rows times the steps of the longest"
        received = rows, "rows, the longest of", longest, "steps"
        return _within(fits, name, "max_request_steps", expected, received, value)

    def wav_bytes(self, content):
        """Passes on a WAV file, a scalar string, that is not too large."""
        size, most = tf.strings.length(content), self.max_wav_bytes
        received = size, "bytes"
        expected = f"{most} bytes a file"
        return _within(size <= most, "wav_bytes", "max_wav_bytes", expected, received, content)

    def transcripts(self, transcript):
        """Passes on transcripts, `(batch,)`, that are not too long."""
        size = tf.reduce_sum(tf.cast(tf.strings.length(transcript), tf.int64))
        most, received = self.max_transcript_bytes, (size, "bytes")
        expected = f"{most} bytes in all"
        fits = size <= most
        return _within(fits, "transcript", "max_transcript_bytes", expected, received, transcript)


def _within(fits, name, limit, expected, received, value):
    """Passes a value on where it fits, and raises where not."""
    message = f"`{name}` exceeds the limit `{limit}`. Expected at most {expected}. Received:"
    data = [message, *received, "Send smaller requests."]
    with tf.control_dependencies([tf.debugging.Assert(fits, data)]):
        return tf.identity(value)
