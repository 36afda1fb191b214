"""Recurrences that do not train, some steps in each iteration of a loop.

An iteration costs more than a step of one utterance, and every operation of a step adds to it. So
an iteration takes a block of steps, whose inputs are multiplied at once. Rows are sorted by length,
longest first, and time-major: a block computes those rows that have steps in it. A step after a
row's last one changes none before it, and is dropped in the end.
"""

import typing
from collections.abc import Sequence

import tensorflow as tf

from amh_tf.layers.kernels import loop, steps

# Steps in an iteration. More are hardly faster over hundreds of steps, but every operation of
# every step has its place in the graph, and half a block is wasted on average.
BLOCK = 20
# Blocks up to which one row's inputs are multiplied at once: of more it takes too much memory.
MOST_AT_ONCE = 100


class Layout(typing.NamedTuple):
    """How a batch is laid out.

    Attributes:
        order: Rows of the batch, longest first, `(batch,)` int32.
        places: Where each row of the batch stands in that order, `(batch,)` int32.
        lengths: Their lengths in that order, `(batch,)` int32.
        active: Number of rows that have steps in each block, `(blocks,)` int32; one block at
            least.
    """

    order: tf.Tensor
    places: tf.Tensor
    lengths: tf.Tensor
    active: tf.Tensor


def make(lengths: tf.Tensor) -> Layout:
    """Lays out rows of some lengths, int32 `(batch,)`."""
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)
    lengths = tf.gather(lengths, order)
    firsts = tf.range(tf.reduce_max(tf.concat([lengths, [1]], 0)), delta=BLOCK)
    active = tf.math.count_nonzero(lengths[None, :] > firsts[:, None], axis=1, dtype=tf.int32)
    return Layout(order, tf.argsort(order), lengths, active)


def arrange(sequence: tf.Tensor, layout: Layout) -> tf.Tensor:
    """Lays out a batch.

    Args:
        sequence: Tensor of shape `(batch, time, dim)`.
        layout: `Layout`.

    Returns:
        Tensor of shape `(blocks * BLOCK, batch, dim)`.
    """
    whole = tf.pad(sequence, [[0, 0], [0, BLOCK - 1], [0, 0]])[:, : BLOCK * tf.size(layout.active)]
    return tf.transpose(tf.gather(whole, layout.order), [1, 0, 2])


def restore(states: tf.Tensor, layout: Layout, time: tf.Tensor) -> tf.Tensor:
    """Lays a batch out as it came, with zeros in its padding.

    Args:
        states: Tensor of shape `(blocks * BLOCK, batch, dim)`.
        layout: `Layout`.
        time: Scalar int32 tensor, the padded length.

    Returns:
        Tensor of shape `(batch, time, dim)`.
    """
    states = states[:time]
    states = tf.pad(states, [[0, time - tf.shape(states)[0]], [0, 0], [0, 0]])
    states = tf.gather(tf.transpose(states, [1, 0, 2]), layout.places)
    valid = tf.sequence_mask(tf.gather(layout.lengths, layout.places), time)
    return tf.where(valid[:, :, None], states, tf.zeros([], states.dtype))


def run_stacked(
    sequence: tf.Tensor,
    lengths: tf.Tensor,
    recurrences: Sequence[Sequence[tuple[steps.Recurrence, steps.Recurrence | None]]],
    dtype: str,
    backward: Sequence[bool],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Runs stacked layers, each in one direction or both.

    Args:
        sequence: Tensor of shape `(batch, time, dim)`.
        lengths: Int32 tensor of shape `(batch,)`.
        recurrences: `recurrence` and `single` of `run`, of each layer's directions.
        dtype: Precision of the matrix products, and of what is returned.
        backward: As of `run`, of each direction.

    Returns:
        States, `(batch, time, directions * units)`, with zeros in the padding, and the last state
        of each row, `(batch, directions * units)`.
    """
    layout = make(lengths)
    states = arrange(sequence, layout)
    for directions in recurrences:
        by_direction = [
            run(states, layout, *pair, dtype, is_backward)
            for pair, is_backward in zip(directions, backward)
        ]
        states, last = (tf.cast(tf.concat(parts, axis=-1), dtype) for parts in zip(*by_direction))
    return restore(states, layout, tf.shape(sequence)[1]), tf.gather(last, layout.places)


def run(
    rows: tf.Tensor,
    layout: Layout,
    recurrence: steps.Recurrence,
    single: steps.Recurrence | None,
    dtype: str,
    backward: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Runs a recurrence in one direction.

    Args:
        rows: Tensor of shape `(blocks * BLOCK, batch, dim)`, as `arrange` lays it out.
        layout: `Layout`.
        recurrence: What computes a step.
        single: What computes a step of a batch of one row of at most `MOST_AT_ONCE` blocks, or None
            for `recurrence` there too.
        dtype: Precision of the matrix products; states are float32.
        backward: Whether each row is read from its last valid step to its first.

    Returns:
        States, `(blocks * BLOCK, batch, units)`, and the last state of each row, `(batch, units)`,
        zeros for rows of length 0, both in the order of the layout and float32. What the states
        of padding hold is undefined.
    """

    def reverse(rows):
        return tf.reverse_sequence(rows, layout.lengths, seq_axis=0, batch_axis=1)

    ordered = reverse(rows) if backward else rows

    def scan(recurrence):
        return lambda: _scan(ordered, layout, recurrence, dtype)

    if single is None:
        states = scan(recurrence)()
    else:
        has_one_row = tf.equal(tf.size(layout.order), 1) & (layout.active[0] > 0)
        is_short = tf.size(layout.active) <= MOST_AT_ONCE
        states = tf.cond(has_one_row & is_short, scan(single), scan(recurrence))
    # Either direction ends at the last valid step in the order that it reads.
    ends = tf.stack([tf.maximum(layout.lengths - 1, 0), tf.range(tf.size(layout.lengths))], axis=1)
    last = tf.where(layout.lengths[:, None] > 0, tf.gather_nd(states, ends), 0.0)
    return reverse(states) if backward else states, last


def _scan(rows, layout, recurrence, dtype):
    """Runs a recurrence over rows from the first step to the last."""
    batch, units = tf.shape(rows)[1], recurrence.recurrent[0].shape[0]
    kernel = tf.cast(recurrence.kernel, dtype)
    recurrent = [tf.cast(weight, dtype) for weight in recurrence.recurrent]
    # One unknown dimension, the first: LiteRT takes no others.
    array = tf.TensorArray(tf.float32, size=tf.size(layout.active), element_shape=[None, units])

    def multiply(state, place):
        return loop.product(state, recurrent[place], dtype)

    def project(rows):
        sums = loop.product(tf.reshape(rows, [-1, rows.shape[2]]), kernel, dtype)
        shape = [*tf.unstack(tf.shape(rows)[:2]), kernel.shape[1]]  # there may be no rows
        return tf.reshape(sums + recurrence.bias, shape)

    # The sums of a whole batch would take several times its memory.
    whole = recurrence.parts(project(rows)) if recurrence.is_single else None
    low_rows = tf.cast(rows, dtype)

    def body(block, states, array):
        active, end = layout.active[block], (block + 1) * BLOCK
        if whole is None:
            parts = recurrence.parts(project(low_rows[end - BLOCK : end, :active]))
        else:
            parts = [part[end - BLOCK : end] for part in whole]
        states = tuple(state[:active] for state in states)
        outputs = []
        for inputs in zip(*(tf.unstack(part, BLOCK) for part in parts)):
            states = recurrence.step(inputs, states, multiply)
            outputs.append(states[0])
        # Blocks of one size: what joins blocks of several has no counterpart in ONNX.
        padding = [[0, 0], [0, batch - active], [0, 0]]
        whole_block = tf.reshape(tf.pad(tf.stack(outputs), padding), [BLOCK * batch, units])
        return block + 1, states, array.write(block, whole_block)

    start = (0, (tf.zeros([batch, units]),) * recurrence.num_states, array)
    shapes = (
        tf.TensorShape([]),
        (tf.TensorShape([None, units]),) * recurrence.num_states,
        tf.TensorShape(None),
    )
    _, _, array = tf.while_loop(
        lambda block, *_: block < tf.size(layout.active), body, start, shape_invariants=shapes
    )
    return tf.reshape(array.stack(), [BLOCK * tf.size(layout.active), batch, units])
