"""Which function builds which model."""

from amh_tf.models import amh, ensemble, mdre, mha, rnn_attn

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
        is at least 1 and length 0 means that the modality is absent. A model that standardizes
        by the speaker takes `audio_mean` and `audio_deviation` (batch, 120) too, and the same of
        video.

    Raises:
        ValueError: If the shape of `embedding` does not fit the configuration.
    """
    return BUILDERS[config.model](config, embedding)


def build_run(run_config):
    """Builds the model of a whole run, with weights to be set: one model, or an ensemble.

    Args:
        run_config: `amh_tf.config.RunConfig`.

    Returns:
        `keras.Model`, as from `build`.
    """
    if not run_config.seeds:
        return build(run_config.model)
    return ensemble.join(run_config.model, [build(run_config.model) for _ in run_config.seeds])
