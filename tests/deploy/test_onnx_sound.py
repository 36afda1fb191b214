"""The waveform's graph against Kaldi's own features, and against this package's."""

import json

import numpy as np
import pytest
from scipy.io import wavfile

pytest.importorskip("onnx", reason="extra onnx")
pytest.importorskip("onnxruntime", reason="extra onnx")
from amh_tf.deploy.onnx import runtime, sound, write
from amh_tf.features import audio, heard
from amh_tf.runs import trained
from tests import conftest
from tests.deploy import onnx_models
from tests.features import test_audio
from tests.prediction import test_ravdess_model

NAMES = ("features", "model")


def features_of(**recipe):
    declared = {**conftest.MADE_HERE, "audio": {"kind": "mfcc", **recipe}}
    run = onnx_models.build(num_hops=1, features=declared, audio_width=120)
    return runtime.Runner(sound.build(run).SerializeToString())


@pytest.mark.parametrize("use_energy", [False, True])
def test_features_agree_with_kaldi(use_energy):
    run = features_of(use_energy=use_energy)
    for clip in test_audio.CLIPS:
        received = run({"waveform": test_audio.waveform(clip)[None]})["audio"][0]
        if use_energy:
            test_audio.assert_as_kaldi(received[:, :40], test_audio.KALDI[f"mfcc_energy_{clip}"])
        else:
            test_audio.assert_as_kaldi(received, test_audio.KALDI[f"mfcc_{clip}"])


@pytest.mark.parametrize("samples", [400, 559, 560, 719, 720, 16001])
def test_batch_of_any_length_gives_what_the_package_makes(samples):
    waveform = 0.1 * np.random.default_rng(samples).standard_normal((3, samples), np.float32)
    received = features_of()({"waveform": waveform})["audio"]
    np.testing.assert_allclose(received, audio.mfcc_with_deltas(waveform), atol=2e-3)


def test_pieces_give_the_same_but_for_their_outer_frames():
    run = features_of()
    waveform = test_audio.waveform(0)[None]
    whole = run({"waveform": waveform})["audio"]
    first, last = 20, 60
    piece = waveform[:, first * 160 : audio.num_samples(last)]
    received = run({"waveform": piece})["audio"]
    reach = audio.REACH
    expected = whole[:, first + reach : last - reach]
    np.testing.assert_allclose(received[:, reach:-reach], expected, atol=1e-3)


@pytest.mark.parametrize("use_energy", [False, True])
def test_silence_is_left_out_as_in_training(use_energy):
    rng, rate = np.random.default_rng(0), audio.SAMPLE_RATE
    waveform = 1e-4 * rng.standard_normal(3 * rate).astype(np.float32)
    waveform[rate : 2 * rate] += 0.2 * rng.standard_normal(rate).astype(np.float32)
    recipe = {"use_energy": use_energy, "trim_silence": 30.0}
    outputs = features_of(**recipe)({"waveform": waveform[None]})
    start, length = (int(outputs[f"audio_{what}"][0]) for what in ("start", "length"))
    expected, skipped = heard.features(waveform, 750, **recipe)
    assert (start, length) == (int(skipped), len(expected)) and 0 < start < length
    kept = outputs["audio"][0, start : start + length]
    np.testing.assert_allclose(kept, expected, atol=2e-3)


def test_waveform_to_emotion_is_what_the_command_answers(tmp_path):
    """The included model, an ensemble that hears no silence around utterances."""
    write.write(trained.read(test_ravdess_model.MODEL), tmp_path / "onnx")
    features, model = (runtime.Runner(tmp_path / "onnx" / f"{n}.onnx") for n in NAMES)
    _, samples = wavfile.read(test_ravdess_model.vowel(tmp_path / "vowel.wav"))
    outputs = features({"waveform": samples.astype(np.float32)[None] / 32768})
    start, length = (int(outputs[f"audio_{what}"][0]) for what in ("start", "length"))
    kept = outputs["audio"][:, start : start + length]
    answer = model({"audio": kept, "audio_length": np.array([length], np.int32)})
    named = dict(zip(json.loads(model.metadata["classes"]), answer["probabilities"][0]))
    assert named == pytest.approx(test_ravdess_model.PINNED, abs=2e-3)
    assert "CC BY-NC-SA 4.0" in model.metadata["licence"] and model.metadata["data"] == "RAVDESS"


def test_features_that_are_not_made_here_have_no_file(tmp_path):
    declared = {**conftest.MADE_HERE, "audio": conftest.WAV2VEC}
    run = onnx_models.build(num_hops=1, features=declared)
    report = write.write(run, tmp_path / "onnx")
    assert "features.onnx" not in report.bytes and "model.onnx" in report.bytes
    assert any("my wav2vec_2" in note for note in report.notes)
