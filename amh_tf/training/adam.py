"""Adam as one operation for each variable."""

import keras
import tensorflow as tf
from keras import ops

from amh_tf import errors


@keras.saving.register_keras_serializable(package="amh_tf")
class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam, computed by TensorFlow's own operation for it.

    Keras computes a variable's step in a dozen operations, each of which reads and writes the
    whole variable. The formula and the state are the same. Slices of one row are added up first,
    where Keras squares each by itself.

    Args:
        learning_rate: Step size.
        name: Name of the optimizer. Defaults to that of Keras' Adam.
        is_summed: Whether replicas are given the sums of their gradients, which Keras then need
            not add up. Defaults to False.
        **kwargs: Other arguments of `keras.optimizers.Adam`.

    Raises:
        ValueError: If `amsgrad` is asked for, which the operation does not know.

    Reference:
     - Kingma and Ba, 2015, arXiv 1412.6980, the last lines of section 2
    """

    def __init__(self, learning_rate=0.001, name="adam", is_summed=False, **kwargs):
        super().__init__(learning_rate, name=name, **kwargs)
        self.is_summed = is_summed
        if self.amsgrad:
            raise errors.refusal(
                "`amsgrad` is not supported",
                "False",
                "amsgrad=True",
                "Use keras.optimizers.Adam for it.",
            )

    def _all_reduce_sum_gradients(self, grads_and_vars):
        # Of Keras' optimizers for TensorFlow; it would send all gradients over the network again.
        if self.is_summed:
            return list(grads_and_vars)
        return super()._all_reduce_sum_gradients(grads_and_vars)

    def get_config(self):
        return {**super().get_config(), "is_summed": self.is_summed}

    def update_step(self, gradient, variable, learning_rate):
        dtype = variable.dtype
        step = ops.cast(self.iterations + 1, dtype)
        index = self._get_variable_index(variable)
        beta_1, beta_2 = ops.cast(self.beta_1, dtype), ops.cast(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=ops.power(beta_1, step),
            beta2_power=ops.power(beta_2, step),
            lr=ops.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=ops.cast(self.epsilon, dtype),
            grad=ops.cast(tf.convert_to_tensor(gradient), dtype),
        )


def _handle(variable):
    """Returns the resource of a variable of Keras or TensorFlow, on the replica being updated."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
