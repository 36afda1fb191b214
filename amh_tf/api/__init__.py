"""The library's own commands: prepare data, train a model, open a run, ask it."""

from amh_tf.api.preparing import prepare
from amh_tf.api.run import Run, load
from amh_tf.api.training import train

__all__ = ["Run", "load", "prepare", "train"]
