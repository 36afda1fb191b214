"""An ensemble that standardizes by the speaker, served and on a device, against Keras."""

import dataclasses
import importlib.util
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from amh_tf import config, models
from amh_tf.deploy import write
from amh_tf.features import audio
from amh_tf.runs import trained
from amh_tf.training import runs
from export import litert
from tests.deploy import conftest

pytestmark = pytest.mark.slow

STATISTICS = ("audio_mean", "audio_deviation")


@pytest.fixture(scope="module")
def exported(declared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("standardized")
    run_config, fold = runs.configure(
        config.DataConfig(str(declared_data.folder), batch_size=10),
        config.TrainingConfig(max_steps=2),
        config.ModelConfig(
            vocabulary_size=2,
            model="mdre",
            modalities=("audio", "text"),
            standardize="speaker",
            audio_stride=4,
            audio_units=12,
            text_units=8,
        ),
        seeds=(1, 2),
    )
    runs.train_and_evaluate(run_config, fold, folder / "run")
    served, edge, _ = write.write(folder / "run", folder / "out")
    return trained.read(folder / "run"), tf.saved_model.load(str(served)), edge


def softmax(logits):
    return np.asarray(tf.nn.softmax(tf.cast(logits, tf.float64)))


def inputs():
    rng = np.random.default_rng(0)
    made = {n: a for n, a in conftest.requests().items() if "video" not in n}
    made["audio_length"][2:] = [5, 3, 1]  # an utterance that has nothing else would be refused
    made["audio_mean"] = rng.standard_normal((5, 120)).astype(np.float32)
    made["audio_deviation"] = rng.uniform(0.5, 2, (5, 120)).astype(np.float32)
    return made


def tensors(arrays):
    return {name: tf.constant(array) for name, array in arrays.items()}


def test_served_features_are_standardized_as_in_keras(exported):
    run, served, _ = exported
    expected = softmax(run.model(inputs()))
    found = served.signatures["serving_default"](**tensors(inputs()))["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_examples_carry_the_speaker_s_statistics(exported):
    run, served, _ = exported
    made, rows = inputs(), []
    for row in range(5):
        example = tf.train.Example()
        for name in ("audio", "text"):
            length = int(made[f"{name}_length"][row])
            raw = made[name][row, :length].tobytes()
            example.features.feature[name].bytes_list.value.append(raw)
            example.features.feature[f"{name}_length"].int64_list.value.append(length)
        for name in STATISTICS:
            example.features.feature[name].float_list.value.extend(made[name][row])
        rows.append(example.SerializeToString())
    found = served.signatures["classify"](inputs=tf.constant(rows))["scores"]
    np.testing.assert_allclose(found, softmax(run.model(made)), atol=1e-6)
    del example.features.feature["audio_mean"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="audio_mean"):
        served.signatures["classify"](inputs=tf.constant([example.SerializeToString()]))


@pytest.mark.parametrize(("name", "value"), [("audio_mean", np.nan), ("audio_deviation", -1)])
def test_impossible_statistics_are_refused(exported, name, value):
    made = inputs()
    made[name][1, 3] = value
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"`{name}` is out of range"):
        exported[1].signatures["serving_default"](**tensors(made))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    samples = np.cumsum(np.random.default_rng(3).integers(-300, 301, 9000)).clip(-32768, 32767)
    path = conftest.write_wav(tmp_path_factory.mktemp("clip") / "clip.wav", samples)
    return path, audio.mfcc_with_deltas((samples / 32768).astype(np.float32)).numpy()


@pytest.mark.parametrize("own", [True, False], ids=["its own", "given"])
def test_raw_sound_takes_its_own_statistics_for_zeros(exported, clip, own):
    run, served, _ = exported
    path, features = clip
    speaker = features if own else 2 * features + 1
    given = {"audio_mean": speaker.mean(axis=0)[None], "audio_deviation": speaker.std(axis=0)[None]}
    batch = {
        "audio": features[None],
        "audio_length": np.array([len(features)], np.int32),
        "text": np.zeros((1, 1), np.int32),
        "text_length": np.zeros(1, np.int32),
        **given,
    }
    asked = {name: np.zeros_like(array) for name, array in given.items()} if own else given
    found = served.signatures["raw_wav"](
        wav_bytes=tf.constant([path.read_bytes()]), transcript=tf.constant([""]), **tensors(asked)
    )["probabilities"]
    np.testing.assert_allclose(found, softmax(run.model(batch)), atol=2e-5)


def test_device_script_answers_as_the_server(exported, clip, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="extra edge")
    _, served, edge = exported
    path, _ = clip
    model = tmp_path / "model.tflite"
    model.write_bytes(litert.convert(edge, "float32"))
    place = conftest.ROOT / "export" / "edge" / "emotion.py"
    spec = importlib.util.spec_from_file_location("emotion", place)
    emotion = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(emotion)
    answer = emotion.answer(model, {"audio": emotion.mfcc(emotion.read_wav(path))})
    zeros = {name: np.zeros((1, 120), np.float32) for name in STATISTICS}
    found = served.signatures["raw_wav"](
        wav_bytes=tf.constant([path.read_bytes()]), transcript=tf.constant([""]), **tensors(zeros)
    )["probabilities"]
    np.testing.assert_allclose(answer, found[0], atol=2e-4)
    described = json.loads((edge / "assets.extra" / "edge.json").read_text())
    assert described["standardize"] == "speaker"


def test_members_are_all_exported(exported):
    run, _, edge = exported
    assert len(models.members(run.model)) == 2
    assert dataclasses.asdict(run.config)["standardize"] == "speaker"
    assert "audio_mean" in (edge.parent / "model_card.md").read_text()
    assert isinstance(run.model, keras.Model)
