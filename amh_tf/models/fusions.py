"""How the models join their modalities: what each puts between the encoders and the last layer.

All take a `ModelConfig` and what `encoders.encode` returns, and give one tensor `(batch, dim)`, of
the layer "fused".
"""

from typing import cast

import keras

from amh_tf import layers
from amh_tf.config import ModelConfig
from amh_tf.models import encoders
from amh_tf.models.encoders import Tensors


def hops(config: ModelConfig, last: Tensors, states: Tensors, masks: Tensors) -> keras.KerasTensor:
    """Joins the vectors that hops from modality to modality leave: AMH and MHA.

    AMH: N hops renew the modalities' vectors in turn (eq. 2-5 of the first paper).

    MHA: hop 1 attends over the text given the last audio state, hop 2 over the audio given the new
    text vector, hop 3 over the text given the new audio vector. The paper scores by the plain dot
    product, which needs equally wide encoders; here each hop has a bilinear form, as in AMH, since
    video's is narrower.

    References:
     - AMH: Yoon et al., 2020, arXiv 1912.00846, section 3.2
     - MHA: Yoon, Byun, Dey and Jung, "Speech Emotion Recognition Using Multi-hop Attention
       Mechanism", ICASSP 2019, arXiv 1904.10788, section 3
    """
    num_hops = cast(int, config.num_hops)  # never None of a model with hops
    order = config.architecture.hop_order or layers.HOP_ORDER
    policy = encoders.policy(config.dtype)
    schedule = layers.HopSchedule(num_hops, order=order, dtype=policy, name="hops")
    vectors, _ = schedule(last, states, masks)
    return keras.layers.Concatenate(dtype=policy, name="fused")(
        [vectors[modality] for modality in config.modalities]
    )


def dense_layers(
    config: ModelConfig, last: Tensors, states: Tensors, masks: Tensors
) -> keras.KerasTensor:
    """Joins the last states, each after its own dense layer: MDRE.

    With the last layer: softmax([tanh(A h_audio + a); tanh(T h_text + t)] M + b). The paper leaves
    the dense layer's width and activation open; here it is as wide as the encoder, with the
    hyperbolic tangent.

    Reference:
     - Yoon, Byun and Jung, "Multimodal Speech Emotion Recognition Using Audio and Text",
       SLT 2018, arXiv 1810.04635, section 3.3; with video as in arXiv 1912.00846, section 4.3
    """
    policy = encoders.policy(config.dtype)
    return keras.layers.Concatenate(dtype=policy, name="fused")(
        [
            keras.layers.Dense(
                vector.shape[-1], activation="tanh", dtype=policy, name=f"{modality}_dense"
            )(vector)
            for modality, vector in last.items()
        ]
    )


def memory_attention(
    config: ModelConfig, last: Tensors, states: Tensors, masks: Tensors
) -> keras.KerasTensor:
    """Pools the states of one modality by their similarity to a learned vector: RNN-attn.

    Reference:
     - Mirsamadi, Barsoum and Zhang, "Automatic Speech Emotion Recognition Using Recurrent
       Neural Networks with Local Attention", ICASSP 2017; as the baseline of arXiv
       1912.00846, section 4.3
    """
    (modality,) = config.modalities
    attention = layers.MemoryAttention(dtype=encoders.policy(config.dtype), name="attention")
    context, _ = attention(states[modality], value_mask=masks[modality])
    return keras.layers.Identity(name="fused")(context)
