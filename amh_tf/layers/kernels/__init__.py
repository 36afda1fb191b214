"""Recurrent layers in TensorFlow operations, for the processor; each has a plain twin."""
