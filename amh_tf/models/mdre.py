"""MDRE: the multimodal dual recurrent encoder, merged by dense layers."""

import keras

from amh_tf.layers import bilinear_attention
from amh_tf.models import encoders


def build(config, embedding=None):
    """Builds MDRE over two or three modalities.

    Each modality's last encoder state passes a dense layer of its own; the concatenation of
    what comes out is projected to the classes: softmax([tanh(A h_audio + a); tanh(T h_text +
    t)] M + b). The paper leaves the dense layer's width and activation open; here it is as
    wide as the encoder, with the hyperbolic tangent.

    Args:
        config: `amh_tf.config.ModelConfig` with two or three modalities.
        embedding: Array of shape `(vocabulary_size, embedding_width)`, or None.

    Returns:
        `keras.Model` named "mdre", from the input dict to logits `(batch, num_classes)`.

    Reference:
     - Yoon, Byun and Jung, "Multimodal Speech Emotion Recognition Using Audio and Text",
       SLT 2018, arXiv 1810.04635, section 3.3; with video as in arXiv 1912.00846, section 4.3
    """
    inputs = encoders.inputs(config)
    last, _, _ = encoders.encode(config, inputs, embedding)
    policy = encoders.policy(config.dtype)
    dense = [
        keras.layers.Dense(
            vector.shape[-1], activation="tanh", dtype=policy, name=f"{modality}_dense"
        )(vector)
        for modality, vector in last.items()
    ]
    fused = keras.layers.Concatenate(dtype=policy, name="fused")(dense)
    logits = bilinear_attention.logits_layer(config.num_classes)(fused)
    return keras.Model(inputs, logits, name="mdre")
