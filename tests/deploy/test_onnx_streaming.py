"""The streaming files: piece by piece, an answer at any moment is that of the whole model."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra onnx")
pytest.importorskip("onnxruntime", reason="extra onnx")
from amh_tf import errors
from amh_tf.deploy.onnx import model, parity, runtime, streaming, write
from tests.deploy import onnx_models

PARITY = 1e-6
MODELS = {
    "amh of two layers": {"num_hops": 4, "audio_layers": 2, "text_layers": 2},
    "amh of the late reset gate, averaged and standardized by the training part": {
        "num_hops": 2, "reset_after": True, "audio_stride": 4, "standardize": "global",
    },
    "mdre of LSTM, text as vectors": {
        "model": "mdre", "cell": "lstm", "video_layers": 2, "text_width": 8,
    },
    "rnn_attn of LSTM, standardized by the speaker": {
        "model": "rnn_attn", "modalities": ("audio",), "bidirectional": False,
        "standardize": "speaker",
    },
    "ensemble": {"num_hops": 3, "seeds": (1, 2), "cell": "lstm"},
}  # fmt: skip


def runner(contents):
    return runtime.Runner(contents.SerializeToString())


@pytest.mark.parametrize("name", MODELS)
def test_stream_in_pieces_answers_as_the_whole(name):
    trained = onnx_models.build(**MODELS[name])
    config = trained.config
    stride = config.audio_stride
    whole, hops = runner(model.build(trained)), runner(streaming.hops(trained))
    encoders = {m: runner(streaming.encoder(trained, m)) for m in config.modalities}
    inputs = onnx_models.batch(config, [(96, 12, 9)])
    for audio, text, video, piece in ((95, 9, 7, 1), (96, 12, 9, 7), (17, 0, 2, 50), (40, 1, 0, 8)):
        heard = {**inputs, "audio_length": audio, "text_length": text, "video_length": video}
        read = {}
        for modality, run in encoders.items():
            steps = heard[f"{modality}_length"]
            size = piece * (stride if modality == "audio" else 1)
            cut = {**inputs, modality: inputs[modality][:, : max(steps, 1)]}
            states = parity.encode(run, cut, modality, size)
            read[f"{modality}_states"] = states
            length = -(-steps // (stride if modality == "audio" else 1))
            read[f"{modality}_length"] = np.array([length], np.int32)
        for modality in config.modalities:
            heard[f"{modality}_length"] = np.array([heard[f"{modality}_length"]], np.int32)
        expected, received = whole(heard), hops(read)
        assert set(received) == set(expected)
        difference = np.abs(received["probabilities"] - expected["probabilities"]).max()
        assert difference <= PARITY, (audio, text, video, piece)


def test_states_that_are_not_filled_yet_do_not_matter():
    trained = onnx_models.build(num_hops=3)
    hops, rng = runner(streaming.hops(trained)), np.random.default_rng(0)
    read = {"audio_length": 3, "text_length": 2, "video_length": 1}
    states = {"audio_states": (1, 9, 6), "text_states": (1, 5, 5), "video_states": (1, 4, 4)}
    read |= {name: rng.standard_normal(shape, np.float32) for name, shape in states.items()}
    read |= {name: np.array([read[name]], np.int32) for name in read if name.endswith("_length")}
    expected = hops(read)
    for name in states:
        read[name] = read[name].copy()
        read[name][:, int(read[name.replace("states", "length")][0]) :] = 1e6
    received = hops(read)
    np.testing.assert_array_equal(received["probabilities"], expected["probabilities"])
    np.testing.assert_array_equal(received["attention_2"][:, 3:], 0)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(("name", "value"), [("audio", np.nan), ("audio", np.inf), ("text", 30)])
def test_piece_that_cannot_be_read_makes_the_rest_nan(cell, name, value):
    """Gates make numbers of NaN and infinity: a wrong answer would look right."""
    trained = onnx_models.build(model="mdre", modalities=("audio", "text"), cell=cell)
    run, hops = runner(streaming.encoder(trained, name)), runner(streaming.hops(trained))
    inputs = onnx_models.batch(trained.config, [(8, 8, 0), (8, 8, 0)])
    inputs[name][1, 2] = value
    states = parity.encode(run, inputs, name, 2)
    assert np.isfinite(states[0]).all() and np.isfinite(states[1, :2]).all()
    assert np.isnan(states[1, 2:]).all()
    read = {f"{m}_length": np.full(2, states.shape[1], np.int32) for m in ("audio", "text")}
    read |= {"audio_states": np.ones((2, 11, 6), np.float32)}
    read |= {"text_states": np.ones((2, 11, 5), np.float32), f"{name}_states": states}
    answered = np.isfinite(hops(read)["probabilities"])
    assert answered[0].all() and not answered[1].any()


def test_nothing_heard_yet_is_no_answer():
    trained = onnx_models.build(num_hops=2, modalities=("audio", "text"))
    states = {"audio_states": np.ones((3, 4, 6), np.float32)}
    states |= {"text_states": np.ones((3, 2, 5), np.float32)}
    lengths = {"audio_length": [0, 1, 5], "text_length": [0, 0, 1]}
    lengths = {name: np.array(value, np.int32) for name, value in lengths.items()}
    answered = np.isfinite(runner(streaming.hops(trained))({**states, **lengths})["probabilities"])
    assert answered.all(axis=1).tolist() == [False, True, False]


def test_bidirectional_model_has_no_stream(tmp_path):
    trained = onnx_models.build(num_hops=1, bidirectional=True)
    with pytest.raises(errors.InputError, match="the other way begins at the end"):
        streaming.hops(trained)
    report = write.write(trained, tmp_path / "onnx")
    assert list(report.bytes) == ["features.onnx", "model.onnx"]
    assert any("no files for a stream" in note for note in report.notes)
