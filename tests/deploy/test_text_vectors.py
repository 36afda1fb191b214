"""Models whose text is vectors: served, on a device, and on their card, against Keras."""

import dataclasses
import importlib.util
import json
import types

import numpy as np
import pytest
import tensorflow as tf
from scipy import special
from tensorflow_serving.apis import prediction_log_pb2

import amh_tf
from amh_tf import models
from amh_tf.data import writer
from amh_tf.deploy import warmup, write
from amh_tf.runs import trained
from export import client, litert
from tests import conftest as shared
from tests import text_vectors
from tests.deploy import c_loader, conftest

MODELS = {
    "amh": {"num_hops": 3},
    "rnn_attn": {"model": "rnn_attn", "modalities": ("text",)},
    "mdre": {"model": "mdre", "modalities": ("audio", "text")},
    "mha": {"model": "mha", "modalities": ("audio", "text"), "num_hops": 3},
}
OTHER = {"kind": "other", "description": "a BERT, layer 9"}
EXACT = 1e-6

pytestmark = pytest.mark.slow  # a run and its export for each model


@pytest.fixture(scope="module", params=MODELS)
def exported(request, tiny_source, tmp_path_factory):
    """An export of a run on vectors; of its features, those of text alone cannot be made here."""
    folder = tmp_path_factory.mktemp(request.param)
    made = {**shared.MADE_HERE, "text": OTHER}
    vectors = dataclasses.replace(text_vectors.of(tiny_source), features=made)
    data = writer.write(vectors, folder / "data", records_per_shard=16)
    run_dir = conftest.train(data, folder / "run", **MODELS[request.param])
    served, edge, refused = write.write(run_dir, folder / "out")
    return types.SimpleNamespace(
        folder=folder / "out",
        edge=edge,
        served=served,
        refused=refused,
        session=c_loader.Session(served),
        trained=trained.read(run_dir),
    )


@pytest.fixture(scope="module")
def inputs(exported):
    """Rows long and short, without a modality, without two; of text alone all have some."""
    made = conftest.requests()
    vectors = np.random.default_rng(1).standard_normal((*made["text"].shape, 300))
    made["text"] = vectors.astype(np.float32)
    if exported.trained.config.modalities == ("text",):
        made["text_length"][3] = 2
    return {name: made[name] for name in exported.trained.config.input_names}


@pytest.fixture(scope="module")
def expected(exported, inputs):
    return special.softmax(np.asarray(exported.trained.model(inputs), float), axis=1)


def test_served_model_gives_keras_answers(exported, inputs, expected):
    answer = exported.session.run("serving_default", inputs)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=EXACT)


def test_padding_changes_nothing_whatever_it_holds(exported, inputs, expected):
    longer = dict(inputs)
    shape = (5, 20, 300)
    longer["text"] = np.full(shape, np.nan, np.float32)
    for row, length in enumerate(inputs["text_length"]):
        longer["text"][row, :length] = inputs["text"][row, :length]
    answer = exported.session.run("serving_default", longer)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=5e-6)


def test_row_without_text_needs_no_steps(exported, inputs, expected):
    if exported.trained.config.modalities == ("text",):
        pytest.skip("it reads nothing else")
    alone = {name: array[3:4] for name, array in inputs.items()}
    assert not alone["text_length"]
    alone["text"] = alone["text"][:, :0]
    answer = exported.session.run("serving_default", alone)
    np.testing.assert_allclose(answer["probabilities"], expected[3:4], atol=5e-6)


def test_attention_gives_the_weights_of_every_hop(exported, inputs):
    if exported.trained.config.model == "mdre":
        pytest.skip("it has no attention")
    answer = exported.session.run("attention", inputs)
    wanted = models.attention_model(exported.trained.model)(inputs)
    names = [name for name in answer if name.startswith("attention_")]
    assert names and set(names) == {name for name in wanted if name.startswith("attention_")}
    for name in names:
        np.testing.assert_allclose(answer[name], wanted[name], atol=EXACT)


def examples_of(inputs, modalities):
    for row in range(5):
        example = tf.train.Example()
        for name in modalities:
            length = int(inputs[f"{name}_length"][row])
            raw = inputs[name][row, :length].tobytes()
            example.features.feature[name].bytes_list.value.append(raw)
            example.features.feature[f"{name}_length"].int64_list.value.append(length)
        yield example


def test_examples_are_classified(exported, inputs, expected):
    examples = [*examples_of(inputs, exported.trained.config.modalities)]
    serialized = np.array([example.SerializeToString() for example in examples], object)
    answer = exported.session.run("classify", {"inputs": serialized})
    np.testing.assert_allclose(answer["scores"], expected, atol=EXACT)
    examples[0].features.feature["text"].bytes_list.value[0] = bytes(6 * 4)  # as ids would be
    with pytest.raises(c_loader.Refused, match=r"`text` does not hold.*1200 bytes a step: float32"):
        exported.session.run(
            "classify", {"inputs": np.array([examples[0].SerializeToString()], object)}
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda made: made["text"].__setitem__((0, 1, 2), np.nan), "`text` holds NaN or infinity"),
        (lambda made: made["text_length"].__setitem__(1, 10), "`text_length` is out of range"),
        (lambda made: made.update(text=made["text"][:, :, :299]), "text|shape|dimension"),
    ],
    ids=["not a number", "length", "width"],
)
def test_impossible_vectors_are_refused(exported, inputs, change, message):
    wrong = {name: array.copy() for name, array in inputs.items()}
    change(wrong)
    with pytest.raises(c_loader.Refused, match=message) as refused:
        exported.session.run("serving_default", wrong)
    assert refused.value.code == c_loader.INVALID_ARGUMENT


def test_request_of_too_many_steps_is_refused(exported, inputs):
    long = {**inputs, "text": np.zeros((5, 4000, 300), np.float32)}
    with pytest.raises(c_loader.Refused, match="`text` exceeds the limit `max_request_steps`"):
        exported.session.run("serving_default", long)


def test_server_is_warmed_up_by_vectors(exported):
    asked = {}
    for record in tf.data.TFRecordDataset(str(exported.served / warmup.FILE)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        if not log.HasField("predict_log"):
            continue
        request = log.predict_log.request
        arrays = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        assert arrays["text"].dtype == np.float32 and arrays["text"].shape[2] == 300
        answer = exported.session.run(request.model_spec.signature_name, arrays)
        assert np.isfinite(answer["probabilities"]).all()
        asked.setdefault(request.model_spec.signature_name, []).append(len(arrays["text"]))
    assert asked["serving_default"] == list(warmup.BATCH_SIZES)
    assert not {"raw", "raw_wav"} & asked.keys()


def test_no_recording_is_taken_and_the_card_says_why(exported):
    assert len(exported.refused) == 1 and "'a BERT, layer 9'" in exported.refused[0]
    card = (exported.folder / "model_card.md").read_text()
    assert "`text` | (batch, time, 300) float32 | described as 'a BERT, layer 9' |" in card
    assert "There are no signatures `raw` and `raw_wav`" in card
    assert "transcripts have" not in card and " words |" not in card
    loaded = amh_tf.load(exported.folder)
    assert loaded.classes == exported.trained.inputs.classes
    with pytest.raises(ValueError, match="takes no recordings"):
        loaded.predict(text="hello")


def test_client_sends_vectors(inputs, exported, expected):
    texts = [
        row[:length] if length else None
        for row, length in zip(inputs["text"], inputs["text_length"])
    ]
    sent = client.pad("text", texts, 300)
    answer = exported.session.run("serving_default", {**inputs, **sent})
    np.testing.assert_allclose(answer["probabilities"], expected, atol=5e-6)


def test_device_has_no_words(exported):
    tables = exported.edge / "assets.extra"
    assert not (tables / "vocabulary.txt").exists()
    recipe = json.loads((tables / "edge.json").read_text())
    assert "text_rules" not in recipe and recipe["features"]["text"]["kind"] == "other"
    place = conftest.ROOT / "export" / "edge" / "emotion.py"
    spec = importlib.util.spec_from_file_location("emotion", place)
    emotion = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(emotion)
    with pytest.raises(SystemExit, match="'a BERT, layer 9'"):
        emotion.check(recipe, "text")


def test_device_file_gives_keras_answers(exported, inputs, expected, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="extra edge")
    path = tmp_path / "model.tflite"
    path.write_bytes(litert.convert(exported.edge, "float32"))
    assert not [name for name in litert.operations(path.read_bytes()) if name.startswith("custom")]
    run = litert.Runner(path)
    for row in range(5):
        alone = {name: array[row : row + 1].copy() for name, array in inputs.items()}
        alone["text"][:, int(alone["text_length"][0]) :] = np.nan
        np.testing.assert_allclose(run(alone), expected[row], atol=5e-6)
    alone["text"][0, 0, 3] = np.inf
    assert np.isnan(run(alone)).all()
    for utterance, answer in litert.reference_answers(exported.edge):
        assert utterance["text"].shape[2:] == (300,)
        np.testing.assert_allclose(run(utterance), answer, atol=5e-6)
