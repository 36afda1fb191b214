"""What a recipe changes in the cross-entropy."""

import keras
import numpy as np
import tensorflow as tf

from amh_tf.training import losses


def test_smoothed_loss_equals_keras():
    rng = np.random.default_rng(1)
    logits = rng.standard_normal((6, 5)).astype(np.float32)
    targets = np.eye(5, dtype=np.float32)[rng.integers(0, 5, 6)]
    expected = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=0.2, reduction="none"
    )(targets, logits)
    np.testing.assert_allclose(losses.smoothed(logits, targets, 0.2), expected, rtol=1e-6)


def test_mixing_logits_is_mixing_what_the_last_layer_is_given():
    rng = np.random.default_rng(2)
    vectors, kernel = rng.standard_normal((64, 3)), rng.standard_normal((3, 4))
    targets = np.eye(4)[rng.integers(0, 4, 64)]
    seed = tf.constant([1, 2], tf.int64)
    together = np.concatenate([vectors @ kernel, vectors], axis=1).astype(np.float32)
    mixed, labels = losses.mix(tf.constant(together), tf.constant(targets, tf.float32), 0.4, seed)
    np.testing.assert_allclose(mixed[:, :4], mixed[:, 4:].numpy() @ kernel, atol=1e-5)
    np.testing.assert_allclose(np.sum(labels, axis=1), 1, rtol=1e-5)
    again, _ = losses.mix(tf.constant(together), tf.constant(targets, tf.float32), 0.4, seed)
    np.testing.assert_array_equal(mixed, again)
    other, _ = losses.mix(tf.constant(together), tf.constant(targets, tf.float32), 0.4, seed + 1)
    assert not np.array_equal(mixed, other)
