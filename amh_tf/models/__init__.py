"""Functional Keras models, built from a `ModelConfig`."""

from amh_tf.models.attention import attention_model
from amh_tf.models.registry import build

__all__ = ["attention_model", "build"]
