"""Keras layers of the paper's equations."""

from amh_tf.layers.augmentation import Augmentation
from amh_tf.layers.bilinear_attention import BilinearAttention
from amh_tf.layers.frame_average import FrameAverage
from amh_tf.layers.gate_bias import GateBias
from amh_tf.layers.hop_schedule import HOP_ORDER, HopSchedule
from amh_tf.layers.length_mask import LengthMask
from amh_tf.layers.mean_probability import MeanProbability
from amh_tf.layers.memory_attention import MemoryAttention
from amh_tf.layers.modality_dropout import ModalityDropout
from amh_tf.layers.modality_encoder import ModalityEncoder
from amh_tf.layers.standardize import Standardize
from amh_tf.layers.step_dropout import StepDropout

__all__ = [
    "HOP_ORDER",
    "Augmentation",
    "BilinearAttention",
    "FrameAverage",
    "GateBias",
    "HopSchedule",
    "LengthMask",
    "MeanProbability",
    "MemoryAttention",
    "ModalityDropout",
    "ModalityEncoder",
    "Standardize",
    "StepDropout",
]
