import numpy as np
import pytest

from amh_tf import layers
from tests.layers.kernels.test_kernels import fused_if

DIMS = {"audio": 4, "text": 3, "video": 2}
STEPS = {"audio": 6, "text": 5, "video": 7}


def inputs(lengths, modalities=("audio", "text", "video")):
    rng = np.random.default_rng(0)
    count = len(lengths["audio"])
    states, masks, vectors = {}, {}, {}
    for name in modalities:
        states[name] = rng.standard_normal((count, STEPS[name], DIMS[name])).astype(np.float32)
        masks[name] = np.arange(STEPS[name]) < np.array(lengths[name])[:, None]
        # What an encoder gives for an absent modality is zeros.
        vectors[name] = rng.standard_normal((count, DIMS[name])).astype(np.float32)
        vectors[name] *= np.array(lengths[name])[:, None] > 0
    return vectors, states, masks


def numpy_hops(layer, vectors, states, masks, targets):
    """The paper's eq. 2-5, one utterance and one step at a time."""
    vectors = {name: vector.astype(float) for name, vector in vectors.items()}
    weights = []
    for hop, target in enumerate(targets):
        kernel, bias = (np.asarray(w, float) for w in layer.attentions[hop].get_weights())
        others = [vectors[n] for n in ("audio", "text", "video") if n in vectors and n != target]
        projected = np.concatenate(others, axis=1) @ kernel + bias
        weight = np.zeros(masks[target].shape)
        for row, mask in enumerate(masks[target]):
            exponents = np.array(
                [np.exp(projected[row] @ h) if m else 0 for h, m in zip(states[target][row], mask)]
            )
            weight[row] = exponents / exponents.sum() if mask.any() else 0
        vectors[target] = np.einsum("bt,btd->bd", weight, states[target])
        weights.append(weight)
    return vectors, weights


@pytest.mark.parametrize(
    ("modalities", "expected"),
    [
        (("audio", "text", "video"), ["video", "audio", "text", "video", "audio", "text", "video"]),
        (("audio", "text"), ["audio", "text", "audio", "text", "audio", "text", "audio"]),
        (("text", "video"), ["video", "text", "video", "text", "video", "text", "video"]),
    ],
)
@pytest.mark.parametrize("fused", [False, True])
def test_schedule_and_values_follow_the_paper(modalities, expected, fused):
    lengths = {"audio": [6, 2, 1], "text": [5, 5, 1], "video": [7, 3, 1]}
    vectors, states, masks = inputs(lengths, modalities)
    layer = layers.HopSchedule(7)
    assert layer.targets(modalities) == expected
    with fused_if(fused):
        final, weights = layer(vectors, states, masks)
    wanted, wanted_weights = numpy_hops(layer, vectors, states, masks, expected)
    for name in modalities:
        np.testing.assert_allclose(final[name], wanted[name], atol=1e-5)
    for computed, wanted_weight in zip(weights, wanted_weights, strict=True):
        np.testing.assert_allclose(computed, wanted_weight, atol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
def test_absent_modality_stays_at_zeros(fused):
    vectors, states, masks = inputs({"audio": [6, 0], "text": [0, 5], "video": [7, 0]})
    with fused_if(fused):
        final, weights = layers.HopSchedule(6)(vectors, states, masks)
    np.testing.assert_array_equal(final["text"][0], 0)
    np.testing.assert_array_equal(final["audio"][1], 0)
    np.testing.assert_array_equal(final["video"][1], 0)
    np.testing.assert_array_equal(np.array(weights[0])[1], 0)
    assert all(np.isfinite(vector).all() for vector in final.values())


@pytest.mark.parametrize("num_hops", [0, -1, 1.5])
def test_wrong_number_of_hops_is_refused(num_hops):
    with pytest.raises(ValueError, match=r"`num_hops` is out of range.*Received: num_hops="):
        layers.HopSchedule(num_hops)


def test_single_modality_is_refused():
    vectors, states, masks = inputs({"audio": [1]}, ("audio",))
    with pytest.raises(ValueError, match="at least two"):
        layers.HopSchedule(1)(vectors, states, masks)
