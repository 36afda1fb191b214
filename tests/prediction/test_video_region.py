"""A clip's pictures are cut as the run's data set says."""

import csv
import dataclasses

import numpy as np
import pytest

import amh_tf
from amh_tf import errors
from amh_tf.features import faces
from tests.extraction import demo, test_video_regions
from tests.prediction.conftest import clip_of, train


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(faces, "Detector", test_video_regions.RedDetector)
    return test_video_regions.corpus(tmp_path)


def train_on(corpus, region, monkeypatch, folder):
    """Returns a run on a data set of the corpus whose pictures are of a region."""
    chosen = dataclasses.replace(demo.quick(monkeypatch), modalities=("text", "video"))
    chosen = dataclasses.replace(chosen, video_region=region)
    data = test_video_regions.write(corpus, chosen, folder / region)
    return train(data, folder / f"run_{region}", modalities=("text", "video"), num_hops=2)


@pytest.mark.parametrize("region", ["half", pytest.param("whole", marks=pytest.mark.slow), "face"])
def test_clip_gets_what_the_run_gave_it(tmp_path, monkeypatch, corpus, region):
    run = train_on(corpus, region, monkeypatch, tmp_path)
    with open(run / "predictions.csv", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    tested = [spoken for spoken in corpus.recordings if spoken.id in rows]
    assert tested
    for spoken in tested:
        predicted = amh_tf.load(run).predict(clip_of(spoken, audio=""))
        expected = [float(rows[spoken.id][name]) for name in predicted.classes]
        np.testing.assert_allclose([*predicted.probabilities.values()], expected, atol=2e-4)
        assert any("no face is found" in note for note in predicted.notes) == (region == "face")


def test_clip_shows_the_face_that_it_saw(tmp_path, monkeypatch, corpus):
    run = train_on(corpus, "face", monkeypatch, tmp_path)
    spoken = next(spoken for spoken in corpus.recordings if spoken.id == "both_left")
    predicted = amh_tf.load(run).predict(clip_of(spoken, audio=""))
    assert predicted.frames.shape == (6, 224, 224, 3)
    assert all(test_video_regions.share_of_red(picture) > 0.4 for picture in predicted.frames)
    assert not any("no face" in note for note in predicted.notes)


def test_another_detector_is_refused_by_name(tmp_path, monkeypatch, corpus):
    run = train_on(corpus, "face", monkeypatch, tmp_path)
    monkeypatch.setattr(test_video_regions.RedDetector, "description", "red squares 2.0")
    spoken = corpus.recordings[0]
    with pytest.raises(errors.InputError, match=r"not the face detector.*1\.0.*Received: .*2\.0"):
        amh_tf.load(run).predict(clip_of(spoken, audio=""))
