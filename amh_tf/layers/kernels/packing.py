"""Rows of unequal length, laid out time-major without their padding.

Rows are sorted by length, longest first. Step t then holds the first `counts[t]` of them, and
the steps stand one after the other in one tensor of packed rows. A recurrence over it needs no
mask, computes no padding, and has all its inputs in one matrix.
"""

import typing

import tensorflow as tf

# Numbers of rows for which the matrix product is not slower than for a few rows more.
ROW_MULTIPLE = 8


class Packing(typing.NamedTuple):
    """Where each step of each row stands among the packed rows.

    Attributes:
        counts: Number of rows at each step, `(steps,)` int32; steps is the longest length,
            or 1.
        offsets: Where each step begins, `(steps,)` int32.
        source: For each packed row, its place in the flattened `(batch * time)`, `(packed,)`.
        valid: For each packed row, whether it is a step before its row's length; counts are
            rounded up, so some are not. `(packed,)` bool.
        target: For each place in `(batch * time)`, its packed row, or 0, `(batch * time,)`.
        present: For each place in `(batch * time)`, whether it is a valid step.
        last: For each row, the packed row of its last step, or 0, `(batch,)`.
        nonempty: For each row, whether it has a step, `(batch,)` bool.
    """

    counts: tf.Tensor
    offsets: tf.Tensor
    source: tf.Tensor
    valid: tf.Tensor
    target: tf.Tensor
    present: tf.Tensor
    last: tf.Tensor
    nonempty: tf.Tensor


def make(lengths: tf.Tensor, time: tf.Tensor, backward: bool = False) -> Packing:
    """Lays out rows of given lengths.

    Args:
        lengths: Int32 tensor of shape `(batch,)`, each from 0 to `time`.
        time: Scalar int32 tensor, the padded length.
        backward: Whether each row is laid out from its last valid step to its first.

    Returns:
        `Packing`.
    """
    batch = tf.shape(lengths)[0]
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)
    rank = tf.argsort(order)
    descending = tf.gather(lengths, order)
    # One at least, of no rows: nothing of a loop's is ever empty.
    steps = tf.range(tf.reduce_max(tf.concat([lengths, [1]], 0)))

    running = tf.math.count_nonzero(descending[None, :] > steps[:, None], axis=1, dtype=tf.int32)
    rounded = (running + ROW_MULTIPLE - 1) // ROW_MULTIPLE * ROW_MULTIPLE
    counts = tf.minimum(rounded, batch)
    offsets = tf.cumsum(counts, exclusive=True)

    step = tf.repeat(steps, counts)  # (packed,)
    row = tf.gather(order, tf.range(tf.size(step)) - tf.gather(offsets, step))
    row_length = tf.gather(lengths, row)
    valid = step < row_length
    position = tf.maximum(row_length - 1 - step, 0) if backward else step
    source = row * time + position

    place = tf.range(time)[None, :]  # (1, time)
    present = place < lengths[:, None]
    wanted = lengths[:, None] - 1 - place if backward else tf.tile(place, [batch, 1])
    wanted = tf.where(present, wanted, 0)
    target = tf.where(present, tf.gather(offsets, wanted) + rank[:, None], 0)

    nonempty = lengths > 0
    last = tf.gather(offsets, tf.maximum(lengths - 1, 0)) + rank
    return Packing(
        counts=counts,
        offsets=offsets,
        source=source,
        valid=valid,
        target=tf.reshape(target, [-1]),
        present=tf.reshape(present, [-1]),
        last=tf.where(nonempty, last, 0),
        nonempty=nonempty,
    )


def _take(rows, places, kept):
    """Gathers rows; where `kept` is False, zeros. There may be no rows to gather from."""
    padded = tf.cond(
        tf.shape(rows)[0] > 0,
        lambda: rows,
        lambda: tf.zeros([1, rows.shape[1]], rows.dtype),
    )
    return tf.where(kept[:, None], tf.gather(padded, places), tf.zeros([], rows.dtype))


def pack(sequence: tf.Tensor, packing: Packing) -> tf.Tensor:
    """Lays out a padded sequence as packed rows.

    Args:
        sequence: Tensor of shape `(batch, time, dim)`.
        packing: `Packing`.

    Returns:
        Tensor of shape `(packed, dim)`. Its gradient is a gather too, which is many times
        faster than the scatter that TensorFlow derives.
    """
    dim = sequence.shape[2]
    shape = tf.shape(sequence)

    @tf.custom_gradient
    def packed(flat):
        def gradient(upstream):
            return _take(upstream, packing.target, packing.present)

        return tf.gather(flat, packing.source), gradient

    flat = tf.reshape(sequence, [shape[0] * shape[1], dim])
    return packed(flat)


def unpack(
    rows: tf.Tensor, packing: Packing, batch: tf.Tensor, time: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Lays out packed rows as a padded sequence with zeros in its padding, and last steps.

    No gradient is defined through this: kernels call it inside their own.

    Args:
        rows: Tensor of shape `(packed, dim)`.
        packing: `Packing`.
        batch, time: Scalar int32 tensors.

    Returns:
        Sequence of shape `(batch, time, dim)`; last step of each row, `(batch, dim)`, zeros
        for rows of length 0.
    """
    sequence = _take(rows, packing.target, packing.present)
    last = _take(rows, packing.last, packing.nonempty)
    return tf.reshape(sequence, [batch, time, rows.shape[1]]), last


def unpack_gradient(
    sequence_gradient: tf.Tensor, last_gradient: tf.Tensor, packing: Packing
) -> tf.Tensor:
    """Computes the gradient of `unpack` by its rows.

    Args:
        sequence_gradient: Tensor of shape `(batch, time, dim)`.
        last_gradient: Tensor of shape `(batch, dim)`.
        packing: `Packing`.

    Returns:
        Tensor of shape `(packed, dim)`.
    """
    flat = tf.reshape(sequence_gradient, [-1, sequence_gradient.shape[2]])
    rows = tf.where(packing.valid[:, None], tf.gather(flat, packing.source), 0)
    kept = tf.boolean_mask(packing.last, packing.nonempty)
    added = tf.boolean_mask(last_gradient, packing.nonempty)
    return tf.tensor_scatter_nd_add(rows, kept[:, None], added)
