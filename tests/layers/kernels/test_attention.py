"""The attention's own gradient against the one that TensorFlow derives."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.layers.kernels import attention, choice, compiled
from tests.layers.kernels.test_kernels import load_compiled

MASK = np.arange(7) < np.array([[7], [3], [1], [0]])


def plain(sequence, projected, mask):
    """The same in operations whose gradients TensorFlow knows."""
    scores = tf.reduce_sum(sequence * projected[:, None], axis=2)
    if mask is None:
        weights = tf.nn.softmax(scores)
    else:
        weights = tf.where(mask, tf.nn.softmax(tf.where(mask, scores, -1e9)), 0.0)
    return tf.reduce_sum(weights[:, :, None] * sequence, axis=1), weights


def fused_if(fused):
    """The block in which the compiled operations are used, or one that does nothing."""
    if not fused:
        return contextlib.nullcontext()
    load_compiled()
    return choice.preferred()


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
@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("dim", [5, 16, 35])
def test_gradients_are_those_that_tensorflow_derives(count, mask, compiled, fused, dim):
    def ours(sequence, vectors):
        with fused_if(fused), tf.GradientTape() as tape:
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


@pytest.mark.parametrize("fused", [False, True])
def test_half_precision_carries_its_factors(fused):
    sequence, vector = tf.cast(draw(0, 2, 30, 4), tf.bfloat16), tf.cast(draw(1, 2, 4), tf.bfloat16)
    with fused_if(fused), tf.GradientTape() as tape:
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


def test_fused_attention_is_the_same_on_any_number_of_threads(monkeypatch):
    sequence, vector = draw(0, 5, 300, 37), draw(1, 5, 37)
    mask = tf.sequence_mask([300, 0, 1, 255, 17], 300)
    load_compiled()
    expected = plain(sequence, vector, mask)
    for threads in (1, 3, 8):
        monkeypatch.setattr(compiled, "threads", lambda n=threads: n)
        for found, wanted in zip(compiled.attend(sequence, mask, vector), expected):
            np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_fused_attention_refuses_what_does_not_fit():
    load_compiled()
    sequence, mask = draw(0, 2, 3, 4), tf.ones([2, 3], tf.bool)
    for other in ({"mask": mask[:1]}, {"vector": draw(1, 2, 5)}, {"sequence": sequence[0]}):
        given = {"sequence": sequence, "mask": mask, "vector": draw(1, 2, 4), **other}
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"fit|rank"):
            compiled.attend(**given)


@pytest.mark.parametrize("order", [1, -1])
def test_fused_attention_of_many_steps_with_gaps(order):
    """Products that grow or shrink along the steps: what is added up is scaled again or not."""
    rng = np.random.default_rng(5)
    steps = rng.standard_normal((3, 90, 20)) + np.linspace(-2, 2, 90)[::order, None]
    mask = rng.random((3, 90)) < [[0.9], [0.4], [0.0]]
    steps[~mask] = np.nan  # nothing there is read
    sequence, vector = tf.constant(steps, tf.float32), 0.5 * draw(1, 3, 20) + 0.5

    def loss_of(context, weights):
        return tf.reduce_sum(context**2 + 100 * context) + tf.reduce_sum(weights**3)

    with fused_if(True), tf.GradientTape() as tape:
        tape.watch([sequence, vector])
        loss = loss_of(*attention.pool(attention.share(sequence, 1)[0], vector, mask))
    found = [loss, *tape.gradient(loss, [sequence, vector])]
    precise = [tf.constant(np.nan_to_num(steps)), tf.cast(vector, tf.float64)]
    with tf.GradientTape() as tape:
        tape.watch(precise)
        expected = loss_of(*plain(*precise, mask))
    for part, wanted in zip(found, [expected, *tape.gradient(expected, precise)]):
        np.testing.assert_allclose(part, wanted, atol=1e-5 * np.abs(wanted).max())
        assert np.abs(wanted).max() > 0.01


def test_outer_products_refuse_what_does_not_fit():
    load_compiled()
    by_step, by_number = draw(0, 2, 3, 5), draw(1, 2, 3, 4)
    for other in ({"by_number": by_number[:, :2]}, {"by_step": by_step[:1]}):
        with pytest.raises(tf.errors.InvalidArgumentError, match="fit"):
            compiled.outer_products(**{"by_step": by_step, "by_number": by_number, **other})
    with pytest.raises(tf.errors.InvalidArgumentError, match="rank 3"):
        compiled.load().amh_outer_products(by_step=by_step[0], by_number=by_number, threads=1)
