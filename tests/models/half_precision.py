"""Models in half precision against the same weights in float32."""

import numpy as np


def assert_close(full, half, inputs):
    """Compares logits that differ widely between utterances, within a thirtieth of their spread.

    Sets the weights of both models.
    """
    rng = np.random.default_rng(5)
    full.set_weights([0.4 * rng.standard_normal(w.shape) for w in full.get_weights()])
    half.set_weights(full.get_weights())
    expected, logits = np.asarray(full(inputs)), np.asarray(half(inputs))
    assert logits.dtype == np.float32
    assert {str(weight.dtype) for weight in half.trainable_variables} == {"float32"}
    difference, spread = np.abs(logits - expected).max(), expected.std(axis=0).max()
    assert spread > 0.15
    assert 1e-5 < difference < 0.03 * spread  # it is close, and not the same
