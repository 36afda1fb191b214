"""Models, features and recordings that cannot be read as a stream."""

import numpy as np
import pytest

import amh_tf
from amh_tf import errors
from amh_tf.api import exported
from amh_tf.extraction import extractor
from amh_tf.features import samples
from amh_tf.prediction import stream
from tests.extraction import demo
from tests.prediction import small_runs

SOUND = small_runs.sound(0.5)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"model": "mha", "modalities": ("audio", "text")},
            r"read from the end.*--bidirectional=false",
        ),
        ({"features": {"audio": {"kind": "mfcc", "trim_silence": 60.0}}}, "--trim_silence=0"),
        ({"standardize": "speaker"}, "knows nothing before its end.*--enroll"),
    ],
)
def test_model_that_needs_the_whole_is_refused(tmp_path, settings, problem):
    folder = small_runs.write(tmp_path / "run", **settings)
    with pytest.raises(errors.InputError, match=problem):
        amh_tf.load(folder).stream()


ENCODER = {
    "kind": "pretrained",
    "encoder": "wav2vec2",
    "architecture": "Wav2Vec2Model",
    "files": {"model.safetensors": "0" * 64},
    "layer": "last",
    "dtype": "float32",
    "width": 120,
    "steps_per_second": 25,
}


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"kind": "unknown"}, "audio features cannot be made"),
        (ENCODER, "cannot be made of a stream.*MFCC"),
    ],
)
def test_features_that_cannot_be_made_of_pieces_are_refused(tmp_path, record, problem):
    folder = small_runs.write(tmp_path / "run", features={"audio": record})
    own = amh_tf.load(folder).stream()
    with pytest.raises(errors.InputError, match=problem):
        own.feed(SOUND)
    own.feed(text="fine")
    assert not own.is_empty


def test_speaker_without_pictures_is_refused_with_them(tmp_path, monkeypatch):
    monkeypatch.setattr(extractor.feature_net, "FeatureNet", demo.QuickNet)
    folder = small_runs.write(tmp_path / "run", standardize="speaker")
    own = stream.Stream(folder, enroll=[samples.Samples(SOUND, 16000)], resnet_weights="random")
    with pytest.raises(errors.InputError, match=r"other recordings have no video.*--enroll"):
        own.feed(video=np.zeros((7, 2048), np.float32))


def test_export_cannot_be_continued(tmp_path):
    with pytest.raises(errors.InputError, match="has no encoders that read on"):
        exported.ExportedRun(tmp_path).stream()
