"""Clips, and sound that comes piece by piece, through a trained model."""

import importlib
import typing

if typing.TYPE_CHECKING:
    from amh_tf.features.resampling import Resampler
    from amh_tf.prediction.stream import Stream

# What is imported when it is asked for, and the module that has each: these import TensorFlow.
_LAZY = {"Resampler": "amh_tf.features.resampling", "Stream": "amh_tf.prediction.stream"}
__all__ = ["Resampler", "Stream"]


def __getattr__(name: str) -> typing.Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
