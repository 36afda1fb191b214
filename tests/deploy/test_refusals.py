"""Requests that the served model refuses, by the loader that the server calls."""

import numpy as np
import pytest
import tensorflow as tf

from export import client
from tests.data import damages
from tests.deploy import c_loader, conftest


def with_value(name, place, value):
    def change(inputs):
        inputs[name] = inputs[name].copy()
        inputs[name][place] = value

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (with_value("audio", (0, 30, 5), np.nan), "`audio`"),
        (with_value("video", (0, 0, 0), np.inf), "`video`"),
        (with_value("audio_length", 0, 32), "`audio_length`"),
        (with_value("video_length", 1, -1), "`video_length`"),
        (with_value("text", (0, 0), 54), "`text`"),
        (with_value("text_length", slice(None), 0), "text_length"),
        (with_value("audio", (0, 0, 0), -3e38), "`audio`"),
        (lambda inputs: inputs.update(text_length=inputs["text_length"][:3]), "`text_length`"),
        (lambda inputs: inputs.update(video=inputs["video"][:2]), "`video`"),
    ],
)
def test_impossible_input_is_refused_by_name(session, inputs, change, named):
    changed = dict(inputs)
    change(changed)
    with pytest.raises(c_loader.Refused, match=named) as refused:
        session.run("serving_default", changed)
    assert refused.value.code == c_loader.INVALID_ARGUMENT


def test_another_width_is_refused(session, inputs):
    with pytest.raises(c_loader.Refused):
        session.run("serving_default", {**inputs, "audio": inputs["audio"][:, :, :60]})


@pytest.mark.parametrize(
    ("wav", "text", "named"),
    [
        (b"noise", b"", "wav_bytes"),
        (slice(0, -50), b"", "wav_bytes"),
        (slice(None), b"\xff\xfe", "transcript"),
        ("8 kHz", b"", "sampling rate"),
        ("short", b"", "shorter than one frame"),
    ],
)
def test_impossible_recording_is_refused(session, clips, tmp_path, wav, text, named):
    _, (path, _) = clips
    if wav == "8 kHz":
        contents = conftest.write_wav(tmp_path / "x.wav", np.zeros(9000), rate=8000).read_bytes()
    elif wav == "short":
        contents = conftest.write_wav(tmp_path / "x.wav", np.zeros(399)).read_bytes()
    else:
        contents = wav if isinstance(wav, bytes) else path.read_bytes()[wav]
    inputs = {
        "wav_bytes": np.array([contents], object),
        "transcript": np.array([text], object),
        **client.pad("video", [np.ones((1, 2048))], 2048),
    }
    with pytest.raises(c_loader.Refused, match=named) as refused:
        session.run("raw_wav", inputs)
    assert refused.value.code == c_loader.INVALID_ARGUMENT


@pytest.mark.parametrize("waveform", [9.0, np.nan])
def test_impossible_waveform_is_refused(session, waveform):
    inputs = {
        "waveform": np.full((1, 800), waveform, np.float32),
        "waveform_length": np.array([800], np.int32),
        "transcript": np.array([b"key1"], object),
        **client.pad("video", [None], 2048),
    }
    with pytest.raises(c_loader.Refused, match="`waveform`"):
        session.run("raw", inputs)


@pytest.mark.parametrize("example", [damages.SIXTEEN_GIGABYTES, b"\xff\xb0", b"\n\x05"])
def test_bytes_that_are_no_example_are_refused(session, example):
    """As the Predict call, by which clients send strings that the server does not look at."""
    with pytest.raises(c_loader.Refused, match="Unable to parse") as refused:
        session.run("classify", {"inputs": np.array([example], object)})
    assert refused.value.code == c_loader.DATA_LOSS


def test_example_with_too_few_bytes_is_refused(session):
    example = tf.train.Example()
    example.features.feature["audio"].bytes_list.value.append(b"\0" * 479)
    example.features.feature["audio_length"].int64_list.value.append(1)
    with pytest.raises(c_loader.Refused, match="`audio`"):
        session.run("classify", {"inputs": np.array([example.SerializeToString()], object)})
