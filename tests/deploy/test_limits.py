"""Small requests that would take a server's memory, refused by the name of their limit."""

import io
import wave

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.deploy import limits
from export import client
from tests.deploy import c_loader

BYTES = {"audio": 480, "text": 4, "video": 8192}  # of a step


def wav(seconds):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16000)
        writer.writeframes(bytes(int(seconds * 16000) * 2))
    return file.getvalue()


def examples(rows, **steps):
    """One long utterance among many of one word."""

    def example(lengths):
        made = tf.train.Example()
        for modality, length in lengths.items():
            raw = bytes(BYTES[modality] * length)
            made.features.feature[modality].bytes_list.value.append(raw)
            made.features.feature[f"{modality}_length"].int64_list.value.append(length)
        return made.SerializeToString()

    short = example({"text": 1})
    return {"inputs": np.array([example(steps)] + [short] * (rows - 1), object)}


def features(rows, **steps):
    """The same as arrays, but for the audio and video of which there are no steps."""
    steps = {"audio": 0, "text": 1, "video": 0, **steps}
    widths = {"audio": (120,), "text": (), "video": (2048,)}
    made = {}
    for modality, length in steps.items():
        dtype = np.int32 if modality == "text" else np.float32
        made[modality] = np.ones((rows, length, *widths[modality]), dtype)
        made[f"{modality}_length"] = np.full(rows, min(length, 1), np.int32)
    return made


def spoken(rows, text=b"hello", **sound):
    video = {"video": np.zeros((rows, 0, 2048), np.float32)}
    video["video_length"] = np.zeros(rows, np.int32)
    return {"transcript": np.array([text] * rows, object), **sound, **video}


def wavs(rows, seconds):
    contents = np.array([wav(seconds)] + [wav(0.025)] * (rows - 1), object)
    return spoken(rows, wav_bytes=contents)


def waveforms(rows, seconds):
    length = np.array([int(seconds * 16000)] + [400] * (rows - 1), np.int32)
    waveform = np.zeros((rows, length[0]), np.float32)
    return spoken(rows, waveform=waveform, waveform_length=length)


REFUSED = {
    "a long Example": ("classify", examples, (1000,), {"audio": 1000}, "max_request_steps"),
    "a long film": ("classify", examples, (1000,), {"video": 100}, "max_request_steps"),
    "a long text": ("classify", examples, (1000,), {"text": 1000}, "max_request_steps"),
    "many Examples": ("classify", examples, (2000,), {"text": 1}, "max_request_rows"),
    "a long WAV": ("raw_wav", wavs, (200, 30), {}, "max_request_steps"),
    "a large WAV": ("raw_wav", wavs, (1, 600), {}, "max_wav_bytes"),
    "a long waveform": ("raw", waveforms, (200, 8), {}, "max_request_steps"),
    "word ids": ("serving_default", features, (1000,), {"text": 1000}, "max_request_steps"),
    "nothing else": ("serving_default", features, (2000,), {}, "max_request_rows"),
    "attention": ("attention", features, (900,), {"audio": 120}, "max_request_steps"),
    "words": ("raw_wav", spoken, (1, b"a " * (1 << 20)), {"wav_bytes": 1}, "max_transcript_bytes"),
    "many words": ("raw_wav", spoken, (200, b"a " * 128), {"wav_bytes": 1}, "max_request_steps"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_small_request_that_takes_much_memory_is_refused(session, case):
    signature, make, arguments, settings, limit = REFUSED[case]
    if "wav_bytes" in settings:
        settings = {"wav_bytes": np.array([b""] * arguments[0], object)}
    inputs = make(*arguments, **settings)
    with pytest.raises(c_loader.Refused, match=rf"`{limit}`.*Received:\] \[\d+\]") as refused:
        session.run(signature, inputs)
    assert refused.value.code == c_loader.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "length", [1 << 59, (1 << 62) + 1, -(1 << 62)], ids=["2**59", "2**62 + 1", "-2**62"]
)
def test_length_that_lies_is_refused(session, length):
    example = tf.train.Example()
    example.features.feature["audio"].bytes_list.value.append(bytes(480))
    example.features.feature["audio_length"].int64_list.value.append(length)
    serialized = np.array([example.SerializeToString()] * 2, object)
    with pytest.raises(c_loader.Refused, match="`audio`") as refused:
        session.run("classify", {"inputs": serialized})
    assert refused.value.code == c_loader.INVALID_ARGUMENT


def test_batch_of_training_is_answered_in_slices(session):
    """Every row as alone, whichever slice it is in."""
    rng = np.random.default_rng(5)
    most = {"audio": 750, "text": 128, "video": 25}
    sequences = {
        "audio": [rng.standard_normal((n, 120)) for n in rng.integers(1, 40, 128)],
        "text": [rng.integers(1, 54, n) for n in rng.integers(1, 9, 128)],
        "video": [rng.standard_normal((n, 2048)) for n in rng.integers(0, 3, 128)],
    }
    widths = {"audio": 120, "text": None, "video": 2048}
    sequences["audio"][77] = rng.standard_normal((most["audio"], 120))
    sequences["text"][3] = rng.integers(1, 54, most["text"])
    sequences["video"][127] = rng.standard_normal((most["video"], 2048))

    def padded(rows):
        made = {}
        for name, width in widths.items():
            made |= client.pad(name, [sequences[name][row] for row in rows], width)
        return made

    answer = session.run("attention", padded(range(128)))
    assert answer["attention_2"].shape == (128, most["audio"])
    for row in (0, 3, 31, 32, 77, 127):
        alone = session.run("attention", padded([row]))
        difference = answer["probabilities"][row] - alone["probabilities"][0]
        assert np.abs(difference).max() <= 1e-5
        weights = alone["attention_2"][0]
        np.testing.assert_allclose(answer["attention_2"][row, : len(weights)], weights, atol=1e-5)


def test_long_recording_is_heard_as_far_as_the_model_reads(session):
    rng = np.random.default_rng(6)
    sound = (0.1 * rng.standard_normal((1, 16000 * 20))).astype(np.float32)
    whole, cut = (
        spoken(1, waveform=sound[:, :n], waveform_length=np.array([n], np.int32))
        for n in (16000 * 20, 400 + 160 * (750 + 4))
    )
    whole, cut = (session.run("raw", inputs)["probabilities"] for inputs in (whole, cut))
    np.testing.assert_allclose(whole, cut, rtol=0, atol=1e-6)


def test_limits_grow_with_what_the_data_set_was_prepared_with():
    made = limits.Limits({"audio": 1500, "text": 1, "video": 25})
    assert made.max_request_steps == {"audio": 192000, "text": 1024, "video": 3200}
    assert made.slice_steps["audio"] == 48000
