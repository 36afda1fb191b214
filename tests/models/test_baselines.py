"""The paper's baselines: RNN-attn, MDRE and MHA."""

import functools
import itertools

import keras
import numpy as np
import pytest

from amh_tf import config, models, schema
from tests import conftest
from tests.models import half_precision

SMALL = {
    "vocabulary_size": 50,
    "audio_width": 20,
    "video_width": 24,
    "embedding_width": 16,
    "audio_units": 6,
    "text_units": 5,
    "video_units": 4,
}
ONES = [(name,) for name in schema.MODALITIES]
PAIRS = list(itertools.combinations(schema.MODALITIES, 2))
CASES = [
    *(("rnn_attn", modalities, None) for modalities in ONES),
    *(("mdre", modalities, None) for modalities in (*PAIRS, schema.MODALITIES)),
    *(("mha", modalities, 2) for modalities in PAIRS),
    *(("mha", PAIRS[0], hops) for hops in (1, 3)),
]


@pytest.fixture(scope="module")
def small_model():
    """A function that gives a model, each made once: its first answer takes a second."""

    @functools.cache
    def make(name, modalities, hops, **settings):
        keras.utils.set_random_seed(0)
        shape = {**SMALL, **settings}
        return models.build(
            config.ModelConfig(model=name, modalities=modalities, num_hops=hops, **shape)
        )

    return make


def fitting(model, inputs):
    return {name: inputs[name] for name in model.input}


def weights_of(layer):
    return [np.asarray(weight, float) for weight in layer.get_weights()]


def softmax(scores):
    shares = np.exp(scores - scores.max())
    return shares / shares.sum()


def encoded(model, inputs, modality):
    """The encoder's states and last state, which test_modality_encoder compares with NumPy."""
    sequence = inputs[modality]
    if modality == "text":
        sequence = model.get_layer("word_vectors")(sequence)
    mask = np.arange(sequence.shape[1]) < inputs[f"{modality}_length"][:, None]
    states, last = model.get_layer(f"{modality}_encoder")(sequence, sequence_mask=mask)
    return np.asarray(states, float), np.asarray(last, float)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "modalities", "hops"), CASES)
def test_padding_and_file_do_not_change_logits(
    name, modalities, hops, model_inputs, tmp_path, small_model
):
    model = small_model(name, modalities, hops)
    inputs = model_inputs([9, 1, 4], [5, 2, 1], [3, 1, 2])
    logits = model(fitting(model, inputs))
    assert logits.shape == (3, 7)
    longer = fitting(model, conftest.lengthened(inputs))
    np.testing.assert_allclose(model(longer), logits, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(fitting(model, inputs)), logits)


@pytest.mark.parametrize(("name", "modalities", "hops"), CASES)
def test_absent_modality_counts_for_nothing(name, modalities, hops, model_inputs, small_model):
    model = small_model(name, modalities, hops)
    inputs = model_inputs([0, 4], [5, 0], [0, 0])
    logits = np.asarray(model(fitting(model, inputs)))
    longer = model(fitting(model, conftest.lengthened(inputs)))  # noise where nothing is
    np.testing.assert_allclose(longer, logits, atol=1e-5)
    for row in range(2):
        is_there = any(inputs[f"{modality}_length"][row] for modality in modalities)
        assert np.any(logits[row]) == is_there  # without any, what is left are biases of zero


@pytest.mark.parametrize("modality", schema.MODALITIES)
def test_rnn_attn_pools_by_its_memory(modality, model_inputs, small_model):
    model = small_model("rnn_attn", (modality,), None)
    inputs = fitting(model, model_inputs([9, 1, 4], [5, 2, 1], [3, 1, 2]))
    (memory,) = weights_of(model.get_layer("attention"))
    kernel, bias = weights_of(model.get_layer("logits"))
    states, _ = encoded(model, inputs, modality)
    assert states.shape[2] == 2 * SMALL[f"{modality}_units"]  # both directions
    shown = models.attention_model(model)(inputs)
    for row, length in enumerate(inputs[f"{modality}_length"]):
        weights = softmax(states[row, :length] @ memory)
        np.testing.assert_allclose(shown["attention_1"][row, :length], weights, atol=1e-5)
        expected = weights @ states[row, :length] @ kernel + bias
        np.testing.assert_allclose(shown["logits"][row], expected, atol=1e-5)


@pytest.mark.parametrize("modalities", [*PAIRS, schema.MODALITIES])
def test_mdre_merges_last_states(modalities, model_inputs, small_model):
    model = small_model("mdre", modalities, None)
    inputs = fitting(model, model_inputs([9, 1, 4], [5, 2, 1], [3, 1, 2]))
    merged = []
    for modality in modalities:
        kernel, bias = weights_of(model.get_layer(f"{modality}_dense"))
        merged.append(np.tanh(encoded(model, inputs, modality)[1] @ kernel + bias))
    kernel, bias = weights_of(model.get_layer("logits"))
    expected = np.concatenate(merged, axis=1) @ kernel + bias
    np.testing.assert_allclose(model(inputs), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("modalities", "first", "hops"),
    [
        *((("audio", "text"), "text", hops) for hops in (1, 2, 3)),
        (("text", "video"), "video", 2),
        (("audio", "video"), "video", 2),
    ],
)
def test_mha_attends_back_and_forth(modalities, first, hops, model_inputs, small_model):
    model = small_model("mha", modalities, hops)
    inputs = fitting(model, model_inputs([9, 1, 4], [5, 2, 1], [3, 1, 2]))
    second = next(name for name in modalities if name != first)
    states, vectors = {}, {}
    for name in modalities:
        states[name], vectors[name] = encoded(model, inputs, name)
    attentions = model.get_layer("hops").attentions
    for hop in range(hops):
        target, given = (first, second) if hop % 2 == 0 else (second, first)
        kernel, bias = weights_of(attentions[hop])
        rows = []
        for row, length in enumerate(inputs[f"{target}_length"]):
            valid = states[target][row, :length]
            rows.append(softmax(valid @ (vectors[given][row] @ kernel + bias)) @ valid)
        vectors[target] = np.array(rows)
    kernel, bias = weights_of(model.get_layer("logits"))
    expected = np.concatenate([vectors[name] for name in modalities], axis=1) @ kernel + bias
    np.testing.assert_allclose(model(inputs), expected, atol=1e-5)


GRU_UNITS = {"audio": (120, 200), "text": (300, 200), "video": (2048, 128)}


def encoder_parameters(modality, gates, directions):
    width, units = GRU_UNITS[modality]
    return directions * gates * units * (width + units + 1)


@pytest.mark.parametrize(("name", "modalities", "hops"), CASES)
def test_number_of_parameters(name, modalities, hops):
    # At the paper's sizes, from the equations: a GRU has three gates, an LSTM four.
    model = models.build(
        config.ModelConfig(vocabulary_size=3000, model=name, modalities=modalities, num_hops=hops)
    )
    gates, directions = (3, 1) if name == "mdre" else (4, 2)
    dims = {m: directions * GRU_UNITS[m][1] for m in modalities}
    expected = sum(encoder_parameters(m, gates, directions) for m in modalities)
    expected += 3000 * 300 if "text" in modalities else 0
    expected += 7 * (sum(dims.values()) + 1)
    if name == "mdre":
        expected += sum(dim * (dim + 1) for dim in dims.values())
    elif name == "rnn_attn":
        expected += sum(dims.values())
    else:
        later, earlier = list(dims.values())[::-1]
        for hop in range(hops):
            query, value = (earlier, later) if hop % 2 == 0 else (later, earlier)
            expected += (query + 1) * value
    assert model.count_params() == expected


@pytest.mark.parametrize(("name", "modalities", "hops"), [CASES[0], CASES[3], CASES[7]])
@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_half_precision_stays_close(name, modalities, hops, dtype, model_inputs, small_model):
    full = small_model(name, modalities, hops, dtype="float32")  # for this test alone
    half = small_model(name, modalities, hops, dtype=dtype)
    inputs = fitting(full, model_inputs([9, 0, 4], [5, 2, 0], [3, 1, 2]))
    half_precision.assert_close(full, half, inputs)


def test_model_without_attention_is_refused(small_model):
    with pytest.raises(ValueError, match=r"no attention.*named 'mdre'"):
        models.attention_model(small_model("mdre", ("audio", "text"), None))
