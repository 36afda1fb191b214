"""A batch through a model some rows at a time, so that it takes the memory of these rows alone."""

import tensorflow as tf


class Slices:
    """Runs a Keras model over one slice of a batch after the other.

    Args:
        model: Functional `keras.Model` from a dict of inputs `(batch, ...)` to a tensor or a dict
            of tensors `(batch, ...)`.
        max_steps: Dict from modality to a slice's rows times steps; it has one row at least.

    Call arguments:
        inputs: Dict as the model takes it.

    Returns:
        As the model.
    """

    def __init__(self, model, max_steps: dict[str, int]):
        # Hidden in a function from tf.Module, which would save the Keras model whole.
        self._run = lambda inputs: model(inputs, training=False)
        self._outputs, self._max_steps = model.output, max_steps

    def __call__(self, inputs):
        rows, size = tf.shape(next(iter(inputs.values())))[0], self._slice_rows(inputs)
        count = tf.maximum((rows + size - 1) // size, 1)

        def body(number, arrays):
            first = number * size
            outputs = self._run({name: x[first : first + size] for name, x in inputs.items()})
            return number + 1, tf.nest.map_structure(
                lambda array, output: array.write(number, output), arrays, outputs
            )

        arrays = tf.nest.map_structure(lambda output: _array(output, count), self._outputs)
        _, arrays = tf.while_loop(
            lambda number, _: number < count, body, (0, arrays), parallel_iterations=1
        )
        return tf.nest.map_structure(
            lambda array, output: tf.ensure_shape(array.concat(), output.shape),
            arrays,
            self._outputs,
        )

    def _slice_rows(self, inputs):
        fitting = [
            most // tf.maximum(tf.shape(inputs[modality])[1], 1)
            for modality, most in self._max_steps.items()
            if modality in inputs
        ]
        return tf.maximum(tf.reduce_min(tf.stack(fitting)), 1)


def _array(output, count):
    """Makes an array for what each slice gives for an output, a `keras.KerasTensor`."""
    dtype = tf.as_dtype(output.dtype)
    return tf.TensorArray(dtype, count, infer_shape=False, element_shape=output.shape)
