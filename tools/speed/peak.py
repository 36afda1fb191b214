"""The limit: how fast this machine multiplies large matrices, in TensorFlow."""

import time

from amh_tf.training import halves  # isort: skip  (before TensorFlow: it quiets its start)
import numpy as np
import tensorflow as tf

SIZES = (1024, 2048, 3072)
REPETITIONS = 3


class Peak:
    """Multiplies square matrices.

    Args:
        side_by_side: Whether two products run side by side with a thread each, or one with
            all threads.
        quick: Whether small matrices do, for a test.
    """

    def __init__(self, side_by_side, quick=False):
        halves.set_threads(side_by_side)
        self._side_by_side = side_by_side
        self._sizes = (256,) if quick else SIZES
        self._made = {}

    def _run(self, size, dtype):
        if (size, dtype) not in self._made:
            rng = np.random.default_rng(0)
            count = 2 if self._side_by_side else 1
            pairs = [
                [tf.cast(rng.standard_normal((size, size), np.float32), dtype) for _ in range(2)]
                for _ in range(count)
            ]

            @tf.function
            def products():
                return [tf.matmul(*pair)[0, 0] for pair in pairs]

            # As variables, or the products are folded into the graph as constants.
            pairs = [[tf.Variable(matrix) for matrix in pair] for pair in pairs]
            products()
            self._made[size, dtype] = products, 2 * size**3 * count
        return self._made[size, dtype]

    def measure(self, dtype):
        """Returns GFLOP/s: the best size's median."""
        best = 0.0
        for size in self._sizes:
            products, operations = self._run(size, dtype)
            seconds = []
            for _ in range(REPETITIONS):
                start = time.perf_counter()
                [value.numpy() for value in products()]
                seconds.append(time.perf_counter() - start)
            best = max(best, operations / float(np.median(seconds)) / 1e9)
        return best
