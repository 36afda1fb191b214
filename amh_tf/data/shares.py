"""Which rows of a batch some of its replicas compute."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Share:
    """Neighbouring replicas, such as those of one worker, of all that share a batch.

    Rows are distributed evenly in their order. A replica that gets none, because there are fewer
    rows than replicas, has one that counts nothing: all must take part in a step.

    Attributes:
        first: Number of the first of them, from 0.
        count: How many they are, at least 1.
        total: Number of all replicas.
    """

    first: int | tf.Tensor
    count: int
    total: int

    def span(self, rows):
        """Returns the first row that they compute and the one after their last, as tensors.

        Args:
            rows: Rows of the batch, at least 1: an integer tensor.
        """
        last = self.first + self.count - 1
        end = tf.maximum(rows * (last + 1) // self.total, rows * last // self.total + 1)
        return rows * self.first // self.total, end
