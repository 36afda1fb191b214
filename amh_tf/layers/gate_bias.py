from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable(package="amh_tf")
class GateBias(keras.initializers.Initializer):
    """Starts a GRU's update and reset gates at a bias of one, its candidate at zero.

    An open update gate carries the state over many steps from the first batch on, which
    sequences of hundreds of frames need. It is TensorFlow 1's `GRUCell` default, and so
    the authors'.

    Call arguments:
        shape: `(3 * units,)`, or `(2, 3 * units)` with `reset_after=True`, where the
            second row, the recurrent bias, starts at zero. Gates are stored in Keras'
            order: update, reset, candidate.

    Example:

    >>> GateBias()((6,)).numpy().tolist()  # two units: update, reset, candidate
    [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> tf.Tensor:
        units = shape[-1] // 3
        gates = ops.concatenate([ops.ones((2 * units,), dtype), ops.zeros((units,), dtype)])
        if len(shape) == 1:
            return gates
        return ops.stack([gates, ops.zeros_like(gates)])

    def get_config(self) -> dict[str, Any]:
        return {}
