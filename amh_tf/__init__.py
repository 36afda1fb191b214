"""Attentive Modality Hopping for speech emotion recognition, in TensorFlow and Keras.

Importing the package makes its layers known to Keras, so that `keras.saving.load_model` opens any
model file it has written. TensorFlow and Keras are imported when something of them is needed.
"""

import importlib
import os
import sys
import typing

from amh_tf import platforms

if typing.TYPE_CHECKING:
    from amh_tf import layers, models
    from amh_tf.api import Run, load, prepare, train
    from amh_tf.prediction.clip import Clip, Prediction

__version__ = "0.1.0"
# What is imported when it is asked for: names of this package, and the module that has each.
_LAZY = {
    "layers": None,
    "models": None,
    **dict.fromkeys(("Run", "load", "prepare", "train"), "amh_tf.api"),
    **dict.fromkeys(("Clip", "Prediction"), "amh_tf.prediction.clip"),
}
__all__ = [
    "Clip",
    "Prediction",
    "Run",
    "__version__",
    "layers",
    "load",
    "models",
    "prepare",
    "train",
]

# Before TensorFlow and Keras load. The user's own settings win.
platforms.prepare()
os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"


def __getattr__(name: str) -> typing.Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _LAZY[name]
    if module is None:  # a module of this package
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(importlib.import_module(module), name)


def __dir__():
    return sorted({*globals(), *_LAZY})


class _AfterKeras:
    """A finder of modules that imports our layers, which registers them, as soon as Keras is."""

    def find_spec(self, name, path=None, target=None):
        """Finds Keras as the others do, and adds to its execution."""
        if name != "keras":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next(filter(None, specs), None)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_register(module):
            execute(module)
            importlib.import_module("amh_tf.layers")
            sys.meta_path.remove(self)  # not before: another try finds it in its place

        spec.loader.exec_module = execute_and_register
        return spec


def _register_layers():
    """Registers the layers with Keras: now where it is loaded, or when it will be."""
    keras = sys.modules.get("keras")
    backend = keras.backend.backend() if keras else os.environ["KERAS_BACKEND"]
    if backend != "tensorflow":
        raise ImportError(
            "Keras runs on another backend. Expected 'tensorflow'. "
            f"Received: {backend!r}. Set KERAS_BACKEND=tensorflow."
        )
    if keras:
        importlib.import_module("amh_tf.layers")
    else:
        sys.meta_path.insert(0, _AfterKeras())


_register_layers()
