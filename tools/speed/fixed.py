"""A batch of equally long utterances, for how time grows."""

import numpy as np
import tensorflow as tf

from amh_tf import schema
from tools.speed import data


def batch(frames, batch_size):
    """Makes a batch of random features.

    Args:
        frames: Audio frames of every utterance; text and video are in proportion.
        batch_size: Utterances.

    Returns:
        Inputs and labels, as the pipeline gives them.
    """
    rng = np.random.default_rng(0)
    steps = max(1, frames // 33)
    inputs = {
        "audio": rng.standard_normal((batch_size, frames, schema.AUDIO_WIDTH), np.float32),
        "audio_length": np.full(batch_size, frames, np.int32),
        "text": rng.integers(2, data.VOCABULARY_SIZE, (batch_size, steps), dtype=np.int32),
        "text_length": np.full(batch_size, steps, np.int32),
        "video": rng.standard_normal((batch_size, steps, schema.VIDEO_WIDTH), np.float32),
        "video_length": np.full(batch_size, steps, np.int32),
    }
    labels = rng.integers(0, len(schema.PAPER_CLASSES), batch_size, dtype=np.int32)
    return {name: tf.constant(value) for name, value in inputs.items()}, tf.constant(labels)
