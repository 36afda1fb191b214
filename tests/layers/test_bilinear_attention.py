import numpy as np
import pytest

from amh_tf import layers


def attention_with(kernel, bias, query_dim):
    layer = layers.BilinearAttention()
    layer.build((None, query_dim), (None, None, len(bias)))
    layer.set_weights([np.array(kernel, np.float32), np.array(bias, np.float32)])
    return layer


def numpy_attention(query, value, mask, kernel, bias):
    context, weights = [], []
    for row in range(len(query)):
        steps = np.flatnonzero(mask[row])
        scores = value[row, steps] @ (query[row] @ kernel + bias)
        share = np.exp(scores - scores.max()) if len(steps) else scores
        share = share / share.sum() if len(steps) else share
        full = np.zeros(value.shape[1])
        full[steps] = share
        weights.append(full)
        context.append(full @ value[row])
    return np.array(context), np.array(weights)


def test_values_worked_out_by_hand():
    # q W + b = (ln 2, 0); scores ln 2 and 0; weights 2/3 and 1/3; context (2/3, 1/3).
    layer = attention_with([[np.log(2), 0.0]], [0.0, 0.0], 1)
    context, weights = layer(np.ones((1, 1), np.float32), np.eye(2, dtype=np.float32)[None])
    np.testing.assert_allclose(weights, [[2 / 3, 1 / 3]], atol=1e-6)
    np.testing.assert_allclose(context, [[2 / 3, 1 / 3]], atol=1e-6)


def test_agrees_with_numpy():
    rng = np.random.default_rng(0)
    query, value = rng.standard_normal((4, 5)), rng.standard_normal((4, 7, 3))
    kernel, bias = rng.standard_normal((5, 3)), rng.standard_normal(3)
    mask = np.arange(7) < np.array([[7], [3], [1], [0]])
    layer = attention_with(kernel, bias, 5)
    outputs = layer(query.astype(np.float32), value.astype(np.float32), mask)
    for computed, expected in zip(outputs, numpy_attention(query, value, mask, kernel, bias)):
        np.testing.assert_allclose(computed, expected, atol=1e-5)


def test_padding_does_not_change_context():
    rng = np.random.default_rng(1)
    query = rng.standard_normal((2, 4)).astype(np.float32)
    value = rng.standard_normal((2, 3, 4)).astype(np.float32)
    padded = np.concatenate([value, 1e3 * np.ones((2, 2, 4), np.float32)], axis=1)
    mask = np.arange(5) < np.array([[3], [3]])
    layer = layers.BilinearAttention()
    context, weights = layer(query, value)
    padded_context, padded_weights = layer(query, padded, mask)
    np.testing.assert_allclose(padded_context, context, atol=1e-6)
    np.testing.assert_allclose(padded_weights[:, :3], weights, atol=1e-6)
    np.testing.assert_array_equal(padded_weights[:, 3:], 0)


def test_fully_padded_row_gives_zeros():
    layer = layers.BilinearAttention()
    context, weights = layer(
        np.ones((1, 2), np.float32), np.ones((1, 3, 4), np.float32), np.zeros((1, 3), bool)
    )
    np.testing.assert_array_equal(context, np.zeros((1, 4)))
    np.testing.assert_array_equal(weights, np.zeros((1, 3)))


def test_half_precision_tells_many_steps_apart():
    # 600 equal scores: a float16 softmax would round; the sum must still be one.
    layer = layers.BilinearAttention(dtype="mixed_float16")
    _, weights = layer(np.zeros((1, 2), np.float32), np.ones((1, 600, 4), np.float32))
    assert np.asarray(weights).dtype == np.float32
    np.testing.assert_allclose(np.sum(weights), 1, atol=1e-5)


def test_wrong_rank_is_refused():
    with pytest.raises(ValueError, match="wrong rank"):
        layers.BilinearAttention()(np.ones((2, 3, 4)), np.ones((2, 3, 4)))
