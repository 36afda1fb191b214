"""Functional Keras models, built from a `ModelConfig`."""

from amh_tf.models.attention import attention_model
from amh_tf.models.ensemble import members
from amh_tf.models.registry import build, build_run

__all__ = ["attention_model", "build", "build_run", "members"]
