"""RNN-attn: a recurrent encoder with attention over one modality."""

import keras

from amh_tf import layers
from amh_tf.layers import bilinear_attention
from amh_tf.models import encoders


def build(config, embedding=None):
    """Builds RNN-attn over one modality.

    A bidirectional LSTM reads the sequence; a learned memory vector weighs its states; their
    weighted sum is projected to the classes.

    Args:
        config: `amh_tf.config.ModelConfig` with one modality.
        embedding: Array of shape `(vocabulary_size, embedding_width)`, or None.

    Returns:
        `keras.Model` named "rnn_attn", from the input dict to logits `(batch, num_classes)`.

    Reference:
     - Mirsamadi, Barsoum and Zhang, "Automatic Speech Emotion Recognition Using Recurrent
       Neural Networks with Local Attention", ICASSP 2017; as the baseline of arXiv
       1912.00846, section 4.3
    """
    inputs = encoders.inputs(config)
    _, states, masks = encoders.encode(config, inputs, embedding)
    (modality,) = config.modalities
    attention = layers.MemoryAttention(dtype=encoders.policy(config.dtype), name="attention")
    context, _ = attention(states[modality], value_mask=masks[modality])
    fused = keras.layers.Identity(name="fused")(context)
    logits = bilinear_attention.logits_layer(config.num_classes)(fused)
    return keras.Model(inputs, logits, name="rnn_attn")
