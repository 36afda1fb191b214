"""AMH-N: attentive modality hopping over two or three modalities."""

import keras

from amh_tf import layers
from amh_tf.layers import bilinear_attention
from amh_tf.models import encoders


def build(config, embedding=None):
    """Builds AMH-N.

    Each modality is encoded by a GRU (eq. 1), N hops renew the modalities' vectors in turn
    (eq. 2-5), and the concatenated vectors are projected to the classes (eq. 6).

    Args:
        config: `amh_tf.config.ModelConfig` with at least two modalities.
        embedding: Array of shape `(vocabulary_size, embedding_width)`, or None.

    Returns:
        `keras.Model` named "amh", from the input dict to logits `(batch, num_classes)`.

    Reference:
     - Yoon et al., 2020, arXiv 1912.00846, section 3.2
    """
    inputs = encoders.inputs(config)
    last, states, masks = encoders.encode(config, inputs, embedding)
    policy = encoders.policy(config.dtype)
    vectors, _ = layers.HopSchedule(config.num_hops, dtype=policy, name="hops")(last, states, masks)
    fused = keras.layers.Concatenate(dtype=policy, name="fused")(
        [vectors[modality] for modality in config.modalities]
    )
    logits = bilinear_attention.logits_layer(config.num_classes)(fused)
    return keras.Model(inputs, logits, name="amh")
