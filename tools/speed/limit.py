"""The limit: how fast this machine multiplies large matrices, in TensorFlow."""

import time

import amh_tf  # noqa: F401  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
import tensorflow as tf

SIZES, REPETITIONS = (1024, 2048, 3072), 3


class Limit:
    """Multiplies square matrices on all cores.

    Args:
        quick: Whether small matrices do, for a test.
    """

    def __init__(self, quick=False):
        self._sizes = (256,) if quick else SIZES

    def multiply(self, dtype):
        """Returns GFLOP/s: the best size's median."""
        return max(self._speed(size, dtype) for size in self._sizes)

    def _speed(self, size, dtype):
        rng = np.random.default_rng(0)
        # As variables, or the product is folded into the graph as a constant.
        pair = [
            tf.Variable(tf.cast(rng.standard_normal((size, size), np.float32), dtype))
            for _ in range(2)
        ]
        product = tf.function(lambda: tf.matmul(*pair)[0, 0])
        product()
        seconds = []
        for _ in range(REPETITIONS):
            start = time.perf_counter()
            product().numpy()
            seconds.append(time.perf_counter() - start)
        return 2 * size**3 / float(np.median(seconds)) / 1e9
