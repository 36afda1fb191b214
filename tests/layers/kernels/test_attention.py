"""The attention's own gradient against the one that TensorFlow derives."""

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.layers.kernels import attention

MASK = np.arange(7) < np.array([[7], [3], [1], [0]])


def plain(sequence, projected, mask):
    """The same in operations whose gradients TensorFlow knows."""
    scores = tf.reduce_sum(sequence * projected[:, None], axis=2)
    if mask is None:
        weights = tf.nn.softmax(scores)
    else:
        weights = tf.where(mask, tf.nn.softmax(tf.where(mask, scores, -1e9)), 0.0)
    return tf.reduce_sum(weights[:, :, None] * sequence, axis=1), weights


def draw(seed, *shape):
    return tf.constant(np.random.default_rng(seed).standard_normal(shape), tf.float32)


def chained_loss(attentions, vectors):
    """A loss that needs contexts and weights alike; each context goes into the next vector."""
    loss, before = 0.0, 0.0
    for attend, vector in zip(attentions, vectors):
        context, weights = attend(vector + before)
        loss += tf.reduce_sum(context**2) + tf.reduce_sum(weights**3)
        before = context
    return loss


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dim", [5, 16, 35])
def test_gradients_are_those_that_tensorflow_derives(count, mask, compiled, dim):
    def ours(sequence, vectors):
        with tf.GradientTape() as tape:
            tape.watch([sequence, *vectors])
            shares = attention.share(sequence, count)
            attentions = [
                lambda vector, share=share: attention.pool(share, vector, mask) for share in shares
            ]
            loss = chained_loss(attentions, vectors)
        return loss, tape.gradient(loss, [sequence, *vectors])

    def derived(sequence, vectors):
        with tf.GradientTape() as tape:
            tape.watch([sequence, *vectors])
            loss = chained_loss([lambda vector: plain(sequence, vector, mask)] * count, vectors)
        return loss, tape.gradient(loss, [sequence, *vectors])

    sequence = draw(0, 4, 7, dim) / dim**0.5
    vectors = [draw(1 + number, 4, dim) for number in range(count)]
    loss, gradients = (tf.function(ours) if compiled else ours)(sequence, vectors)
    expected_loss, expected = derived(sequence, vectors)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-6)
    for gradient, wanted in zip(gradients, expected):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-5)
        assert np.abs(wanted).max() > 0.01


def test_share_that_nobody_uses_adds_nothing():
    sequence, vector = draw(0, 2, 3, 4), draw(1, 2, 4)
    found = []
    for count in (1, 2):
        with tf.GradientTape() as tape:
            tape.watch(sequence)
            context, _ = attention.pool(attention.share(sequence, count)[0], vector)
            loss = tf.reduce_sum(context**2)
        found.append(tape.gradient(loss, sequence).numpy())
    np.testing.assert_array_equal(*found)


def test_half_precision_carries_its_factors():
    sequence, vector = tf.cast(draw(0, 2, 30, 4), tf.bfloat16), tf.cast(draw(1, 2, 4), tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(sequence)
        context, weights = attention.pool(attention.share(sequence, 1)[0], vector)
        loss = tf.reduce_sum(tf.cast(context, tf.float32) ** 2)
    assert weights.dtype == tf.float32 and context.dtype == tf.bfloat16
    gradient = tape.gradient(loss, sequence)
    assert gradient.dtype == tf.bfloat16
    with tf.GradientTape() as tape:
        full = tf.cast(sequence, tf.float32)
        tape.watch(full)
        expected = tf.reduce_sum(plain(full, tf.cast(vector, tf.float32), None)[0] ** 2)
    np.testing.assert_allclose(
        tf.cast(gradient, tf.float32), tape.gradient(expected, full), atol=0.03
    )
