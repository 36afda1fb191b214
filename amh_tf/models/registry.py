"""Which function builds which model."""

from amh_tf.models import amh, mdre, mha, rnn_attn

BUILDERS = {
    "amh": amh.build,
    "mdre": mdre.build,
    "mha": mha.build,
    "rnn_attn": rnn_attn.build,
}


def build(config, embedding=None):
    """Builds the model that a configuration describes.

    Args:
        config: `amh_tf.config.ModelConfig`.
        embedding: Array of shape `(vocabulary_size, embedding_width)` to start the word
            vectors from, or None for normal(0, 0.01).

    Returns:
        `keras.Model` from the input dict to logits `(batch, num_classes)`, float32.
        Inputs, for each modality used: `audio` (batch, time, 120), `audio_length` (batch,),
        `text` (batch, time), `text_length`, `video` (batch, time, 2048), `video_length`; time
        is at least 1 and length 0 means that the modality is absent.

    Raises:
        ValueError: If the shape of `embedding` does not fit the configuration.
    """
    return BUILDERS[config.model](config, embedding)
