"""MHA: multi-hop attention between two modalities."""

import keras

from amh_tf import layers
from amh_tf.layers import bilinear_attention
from amh_tf.models import encoders

# The paper's first hop attends to the text given the audio. Other pairs by the same rule: the
# modality that comes later in this order is attended to first.
HOP_ORDER = ("video", "text", "audio")


def build(config, embedding=None):
    """Builds MHA-1, MHA-2 or MHA-3 over any two modalities.

    Two bidirectional recurrent encoders read the modalities. Hop 1 attends over the text
    given the last audio state, hop 2 over the audio given what hop 1 found, hop 3 over the
    text given what hop 2 found; the two vectors that stand in the end are concatenated and
    projected to the classes. The paper scores by the plain dot product, which needs equally
    wide encoders; here each hop has a bilinear form, as in AMH, since video's is narrower.

    Args:
        config: `amh_tf.config.ModelConfig` with two modalities and one to three hops.
        embedding: Array of shape `(vocabulary_size, embedding_width)`, or None.

    Returns:
        `keras.Model` named "mha", from the input dict to logits `(batch, num_classes)`.

    Reference:
     - Yoon, Byun, Dey and Jung, "Speech Emotion Recognition Using Multi-hop Attention
       Mechanism", ICASSP 2019, arXiv 1904.10788, section 3
    """
    inputs = encoders.inputs(config)
    last, states, masks = encoders.encode(config, inputs, embedding)
    policy = encoders.policy(config.dtype)
    hops = layers.HopSchedule(config.num_hops, order=HOP_ORDER, dtype=policy, name="hops")
    vectors, _ = hops(last, states, masks)
    fused = keras.layers.Concatenate(dtype=policy, name="fused")(
        [vectors[modality] for modality in config.modalities]
    )
    logits = bilinear_attention.logits_layer(config.num_classes)(fused)
    return keras.Model(inputs, logits, name="mha")
