"""Functional Keras models, built from a `ModelConfig`."""

from amh_tf.models.attention import attention_model, attention_targets
from amh_tf.models.ensemble import members
from amh_tf.models.registry import build, build_run

__all__ = ["attention_model", "attention_targets", "build", "build_run", "members"]
