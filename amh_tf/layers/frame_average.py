import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="amh_tf")
class FrameAverage(keras.layers.Layer):
    """Averages every few steps of a sequence into one.

    A hundred frames of sound a second say little more about a feeling than some 25 do, and a
    recurrence takes its time by the step.

    Masking: padded steps are not read. The last step of a sequence is the mean of what is left
    for it; a sequence of length 0 stays one.

    Args:
        stride: Number of steps that make one, at least 1.

    Call arguments:
        sequence: Tensor of shape `(batch, time, dim)`.
        length: Int32 tensor of shape `(batch,)`.

    Returns:
        sequence of shape `(batch, ceil(time / stride), dim)`; length of shape `(batch,)`.
    """

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        if stride < 1:
            raise ValueError(
                "`stride` is out of range. Expected an integer of at least 1. "
                f"Received: stride={stride}."
            )
        self.stride = stride

    def build(self, sequence_shape, length_shape):
        self.built = True

    def call(self, sequence, length):
        batch, time = tf.unstack(tf.shape(sequence)[:2])
        steps = (time + self.stride - 1) // self.stride
        mask = tf.sequence_mask(length, time)
        sequence = tf.where(mask[:, :, None], sequence, tf.zeros([], sequence.dtype))
        sequence = tf.pad(sequence, [[0, 0], [0, steps * self.stride - time], [0, 0]])
        shape = [batch, steps, self.stride, sequence.shape[-1]]
        summed = tf.reduce_sum(tf.reshape(sequence, shape), axis=2)
        firsts = tf.range(steps) * self.stride
        counts = tf.clip_by_value(length[:, None] - firsts[None, :], 1, self.stride)
        mean = summed / tf.cast(counts, summed.dtype)[:, :, None]
        return mean, (length + self.stride - 1) // self.stride

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_spec(self, sequence, length):
        time = sequence.shape[1]
        time = None if time is None else -(-time // self.stride)
        shape = (sequence.shape[0], time, sequence.shape[2])
        return (
            keras.KerasTensor(shape, dtype=sequence.dtype),
            keras.KerasTensor(length.shape, dtype=length.dtype),
        )

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}
