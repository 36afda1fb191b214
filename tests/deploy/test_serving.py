"""The same requests through every way to ask: all give what Keras gives."""

import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from amh_tf import models
from amh_tf.data import folds, pipeline
from amh_tf.features import audio
from export import client
from tests import conftest as shared
from tests.deploy import conftest

EXACT, PADDED = 1e-6, 5e-6
LOAD_AND_RUN = """
import sys, numpy as np, tensorflow as tf
folder, inputs, outputs = sys.argv[1:]
signature = tf.saved_model.load(folder).signatures["serving_default"]
answer = signature(**{name: tf.constant(a) for name, a in np.load(inputs).items()})
np.savez(outputs, probabilities=answer["probabilities"].numpy())
try:
    import amh_tf
except ImportError:
    sys.exit(0)
sys.exit("the package is there")
"""


def in_clean_process(*command, cwd):
    finished = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=conftest.clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]


@pytest.fixture(scope="module")
def expected(exported, inputs):
    """What the model file says, by Keras' own layers rather than the kernels that are served."""
    model = keras.saving.load_model(exported.run_dir / "model.keras")
    for modality in ("audio", "text", "video"):
        model.get_layer(f"{modality}_encoder").kernel = "keras"
    logits = np.asarray(model(inputs), float)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def clients(server):
    return {
        "grpc": client.GrpcClient(f"localhost:{server['grpc']}"),
        "rest": client.RestClient(f"http://localhost:{server['rest']}"),
    }


def examples_of(inputs):
    """Serializes a batch as tf.Examples, by rows, leaving absent modalities out."""
    for row in range(len(inputs["audio"])):
        example = tf.train.Example()
        for modality in ("audio", "text", "video"):
            length = int(inputs[f"{modality}_length"][row])
            if length:
                raw = inputs[modality][row, :length].tobytes()
                example.features.feature[modality].bytes_list.value.append(raw)
                example.features.feature[f"{modality}_length"].int64_list.value.append(length)
        yield example.SerializeToString()


@pytest.mark.slow
def test_clean_process_gives_keras_answers_from_a_moved_folder(
    exported, inputs, expected, tmp_path
):
    moved = shutil.copytree(exported.served, tmp_path / "moved")
    np.savez(tmp_path / "in.npz", **inputs)
    arguments = [moved, tmp_path / "in.npz", tmp_path / "out.npz"]
    in_clean_process(sys.executable, "-c", LOAD_AND_RUN, *arguments, cwd=tmp_path)
    answer = np.load(tmp_path / "out.npz")["probabilities"]
    np.testing.assert_allclose(answer, expected, atol=EXACT)


@pytest.mark.slow
def test_saved_model_cli_gives_keras_answers(exported, inputs, expected, tmp_path):
    np.savez(tmp_path / "in.npz", **inputs)
    given = ";".join(f"{name}={tmp_path / 'in.npz'}[{name}]" for name in inputs)
    command = f"saved_model_cli run --dir {exported.served} --tag_set serve --outdir {tmp_path}"
    command += f" --signature_def serving_default --inputs {given}"
    script = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli"]
    in_clean_process(*script, *command.split()[1:], cwd=tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "probabilities.npy"), expected, atol=EXACT)


def test_c_interface_gives_keras_answers(session, inputs, expected, exported):
    answer = session.run("serving_default", inputs)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=EXACT)
    names = [name.encode() for name in exported.trained.inputs.classes]
    assert answer["classes"].tolist() == [names] * len(expected)


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_server_gives_keras_answers(clients, kind, inputs, expected):
    answer = clients[kind].predict("serving_default", inputs)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=EXACT)


def test_classify_call_gives_keras_answers(clients, inputs, expected, exported):
    from tensorflow_serving.apis import classification_pb2

    request = classification_pb2.ClassificationRequest()
    request.model_spec.name, request.model_spec.signature_name = "amh", "classify"
    for example in examples_of(inputs):
        request.input.example_list.examples.add().ParseFromString(example)
    answer = clients["grpc"]._stub.Classify(request)
    for row, probabilities in zip(answer.result.classifications, expected, strict=True):
        assert [c.label for c in row.classes] == list(exported.trained.inputs.classes)
        np.testing.assert_allclose([c.score for c in row.classes], probabilities, atol=EXACT)


def test_records_of_a_shard_can_be_classified(session, exported, declared_data):
    fold = folds.choose(declared_data)
    files = [str(declared_data.path(shard.file)) for shard in fold.select("test")]
    records = [*tf.data.TFRecordDataset(files).as_numpy_iterator()]
    answer = session.run("classify", {"inputs": np.array(records, object)})
    model = keras.saving.load_model(exported.run_dir / "model.keras")
    ((batch, _),) = pipeline.batches(fold, "test", len(records))
    np.testing.assert_allclose(answer["scores"], tf.nn.softmax(model(batch)).numpy(), atol=EXACT)


@pytest.mark.parametrize("row", range(5))
def test_row_alone_gives_what_it_gives_in_a_batch(session, inputs, expected, row):
    alone = {name: array[row : row + 1] for name, array in inputs.items()}
    for modality in ("audio", "text", "video"):
        steps = int(alone[f"{modality}_length"][0])  # none, where the modality is absent
        alone[modality] = alone[modality][:, :steps]
    answer = session.run("serving_default", alone)["probabilities"]
    np.testing.assert_allclose(answer[0], expected[row], atol=PADDED)


def test_padding_changes_nothing_whatever_it_holds(session, inputs, expected):
    longer = shared.lengthened(inputs, extra=40)
    for row, length in enumerate(inputs["audio_length"]):
        longer["audio"][row, length:] = np.nan
        longer["text"][row, inputs["text_length"][row] :] = -7
    answer = session.run("serving_default", longer)["probabilities"]
    np.testing.assert_allclose(answer, expected, atol=PADDED)


def test_attention_gives_the_weights_of_every_hop(session, inputs, expected, exported):
    answer = session.run("attention", inputs)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=EXACT)
    model = keras.saving.load_model(exported.run_dir / "model.keras")
    wanted = models.attention_model(model)(inputs)
    for hop, modality in enumerate(("video", "audio", "text"), start=1):
        weights = answer[f"attention_{hop}"]
        np.testing.assert_allclose(weights, wanted[f"attention_{hop}"], atol=EXACT)
        present = inputs[f"{modality}_length"] > 0
        np.testing.assert_allclose(weights.sum(axis=1), present, atol=1e-5)


def test_raw_is_feature_extraction_and_then_the_model(session, clips, exported):
    samples, files = clips
    vocabulary = exported.trained.inputs.vocabulary_path.read_text().split("\n")
    texts = ["Key1 filler3 tag2class4, nobodysword", ""]
    ids = [["key1", "filler3", "tag2class4", None, None], []]  # the comma is a word of its own
    ids = [[1 if word is None else vocabulary.index(word) for word in row] for row in ids]
    features = [audio.mfcc_with_deltas(s.astype(np.float32) / 32768).numpy() for s in samples]
    video = [None, np.random.default_rng(4).standard_normal((3, 2048)).astype(np.float32)]
    batch = {
        **client.pad("audio", features, 120),
        **client.pad("text", [np.array(row, int) for row in ids], None),
        **client.pad("video", video, 2048),
    }
    expected = session.run("serving_default", batch)["probabilities"]
    rest = {
        **client.pad("video", video, 2048),
        "transcript": np.array([text.encode() for text in texts], object),
    }
    contents = np.array([path.read_bytes() for path in files], object)
    answer = session.run("raw_wav", {**rest, "wav_bytes": contents})
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
    padded = np.zeros((2, 9100), np.float32)
    for row, values in enumerate(samples):
        padded[row, : len(values)] = values / 32768
    lengths = np.array([9000, 4321], np.int32)
    answer = session.run("raw", {**rest, "waveform": padded, "waveform_length": lengths})
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_client_sends_recordings(clients, session, clips, exported, kind):
    _, (path, _) = clips
    answer = clients[kind].recording(client.read_wav(path), "key1 tag0class3")
    expected = session.run(
        "raw_wav",
        {
            "wav_bytes": np.array([path.read_bytes()], object),
            "transcript": np.array([b"key1 tag0class3"], object),
            **client.pad("video", [None], 2048),
        },
    )
    assert list(answer) == list(exported.trained.inputs.classes)
    np.testing.assert_allclose(list(answer.values()), expected["probabilities"][0], atol=1e-5)


def test_server_warmed_up_every_signature_without_runtime(server):
    names = ("serving_default", "classify", "attention", "raw", "raw_wav")
    assert server["warmed"] == dict.fromkeys(names, 2)  # a batch of one and a larger one
    assert server["runtime"] is False


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_client_hears_why_a_request_is_refused(clients, kind, inputs):
    lengths = inputs["audio_length"] + 40
    with pytest.raises(ValueError, match="`audio_length` is out of range"):
        clients[kind].predict("serving_default", {**inputs, "audio_length": lengths})


def test_card_says_what_the_run_says(exported):
    card = (exported.folder / "model_card.md").read_text()
    metrics = json.loads((exported.run_dir / "metrics.json").read_text())
    assert f"{metrics['test']['weighted_accuracy']['value']:.3f}" in card
    for text in (
        "synthetic",
        "AMH-3 (A+T+V)",
        "1 video, 2 audio, 3 text",
        "`raw_wav`",
        "96,000 of audio",
    ):
        assert text in card
