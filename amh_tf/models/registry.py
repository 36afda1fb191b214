"""Builds the models that `amh_tf.config.MODELS` lists."""

import keras
import numpy as np

from amh_tf.config import ModelConfig, RunConfig
from amh_tf.layers import bilinear_attention
from amh_tf.models import encoders, ensemble, fusions


def build(config: ModelConfig, embedding: np.ndarray | None = None) -> keras.Model:
    """Builds the model that a configuration describes.

    Each modality is encoded by recurrent layers, the encoders' outputs are joined to one vector by
    the model's own fusion, and that vector is projected to the classes.

    Args:
        config: `amh_tf.config.ModelConfig`.
        embedding: Array of shape `(vocabulary_size, embedding_width)` to start the word
            vectors from, or None for normal(0, 0.01).

    Returns:
        `keras.Model`, named as `config.model`, from the input dict to logits
        `(batch, num_classes)`, float32. Inputs, for each modality used: `audio` (batch, time, 120),
        `audio_length` (batch,), `text` (batch, time) word ids or (batch, time, width) vectors,
        `text_length`, `video` (batch, time, 2048), `video_length`; time is at least 1 and length 0
        means that the modality is absent. A model that standardizes by the speaker takes
        `audio_mean` and `audio_deviation` (batch, 120) too, and the same of video.

    Raises:
        ValueError: If the shape of `embedding` does not fit the configuration.

    Example:

    >>> from amh_tf import config, models
    >>> model = models.build(config.ModelConfig(vocabulary_size=3000, num_hops=3))
    >>> sorted(model.input), model.output.shape
    (['audio', 'audio_length', 'text', 'text_length', 'video', 'video_length'], (None, 7))
    """
    inputs = encoders.inputs(config)
    last, states, masks = encoders.encode(config, inputs, embedding)
    fuse = getattr(fusions, config.architecture.fusion)
    fused = fuse(config, last, states, masks)
    logits = bilinear_attention.logits_layer(config.num_classes)(fused)
    return keras.Model(inputs, logits, name=config.model)


def build_run(run_config: RunConfig) -> keras.Model:
    """Builds the model of a whole run, with weights to be set: one model, or an ensemble.

    Args:
        run_config: `amh_tf.config.RunConfig`.

    Returns:
        `keras.Model`, as from `build`.
    """
    if not run_config.seeds:
        return build(run_config.model)
    return ensemble.join(run_config.model, [build(run_config.model) for _ in run_config.seeds])
