"""Attentive Modality Hopping for speech emotion recognition, in TensorFlow and Keras.

Importing the package registers its layers, so that `keras.saving.load_model` opens any
model file it has written.
"""

import os

# Both must be set before TensorFlow and Keras load. The user's own setting wins.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "Keras runs on another backend. Expected 'tensorflow'. "
        f"Received: {keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow."
    )

from amh_tf import layers, models

__version__ = "0.1.0"
__all__ = ["__version__", "layers", "models"]
