import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable(package="amh_tf")
class LengthMask(keras.layers.Layer):
    """Marks the valid steps of padded sequences.

    Call arguments:
        sequence: Tensor of shape `(batch, time, ...)`; only its time axis is read.
        length: Integer tensor of shape `(batch,)`; 0 means an absent modality.

    Returns:
        Bool tensor of shape `(batch, time)`, True at steps before `length`.

    Example:

    >>> import numpy as np
    >>> LengthMask()(np.zeros((2, 3, 5)), np.array([2, 0])).numpy().tolist()
    [[True, True, False], [False, False, False]]
    """

    def build(self, sequence_shape, length_shape):
        self.built = True

    def call(self, sequence: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        steps = ops.arange(ops.shape(sequence)[1], dtype="int32")
        return steps[None, :] < ops.cast(length, "int32")[:, None]

    def compute_output_spec(self, sequence, length):
        return keras.KerasTensor(sequence.shape[:2], dtype="bool")
