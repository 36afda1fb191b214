"""A model that standardizes by the speaker is given the speaker's other recordings."""

import csv

import numpy as np
import pytest

import amh_tf
from amh_tf import config
from amh_tf.extraction import settings
from amh_tf.prediction import attention_plot, clip
from amh_tf.training import runs
from tests.extraction import demo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("enroll")
    data = demo.write(demo.read(), settings.Settings(modalities=("audio", "text")), folder / "data")
    run_config, fold = runs.configure(
        config.DataConfig(str(data.folder), batch_size=4),
        config.TrainingConfig(max_steps=2, weights="last"),
        config.ModelConfig(
            vocabulary_size=2,
            modalities=("audio", "text"),
            standardize="speaker",
            audio_stride=3,
            audio_units=6,
            text_units=5,
        ),
        seeds=(1, 2),
    )
    runs.train_and_evaluate(run_config, fold, folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def tested(run):
    """An utterance of the test part: its row of predictions.csv, and its recording."""
    with open(run / "predictions.csv", newline="") as file:
        row = next(csv.DictReader(file))
    return row, next(s for s in demo.read().recordings if s.id == row["id"])


def predict(run, spoken, enroll=()):
    said = clip.Clip(audio=spoken.audio, text=spoken.transcript)
    return amh_tf.load(run).predict(said, enroll=enroll)


def test_all_recordings_of_a_speaker_give_what_the_run_gave(run, tested):
    row, spoken = tested
    others = [s.audio for s in demo.read().recordings if s.speaker == spoken.speaker]
    predicted = predict(run, spoken, others)
    expected = [float(row[name]) for name in predicted.classes]
    np.testing.assert_allclose([*predicted.probabilities.values()], expected, atol=2e-4)
    assert not any("--enroll" in note for note in predicted.notes)


def test_clip_alone_is_told(run, tested):
    _, spoken = tested
    predicted = predict(run, spoken)
    assert any("--enroll=FILES" in note for note in predicted.notes)
    others = [s.audio for s in demo.read().recordings if s.speaker != spoken.speaker]
    mistaken = predict(run, spoken, others)
    values = [np.array([*each.probabilities.values()]) for each in (mistaken, predicted)]
    assert np.abs(values[0] - values[1]).max() > 1e-4


def test_attention_of_averaged_sound_is_drawn(run, tested, tmp_path):
    predicted = predict(run, tested[1])
    attended = dict(predicted.hops)["audio"]
    assert predicted.audio_stride == 3 and attended.sum() == pytest.approx(1, abs=1e-4)
    attention_plot.draw(predicted, tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 10_000


def test_enrolment_that_cannot_be_read_is_named(run, tested, tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.wav"):
        predict(run, tested[1], [str(tmp_path / "nowhere.wav")])
    (tmp_path / "noise.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"noise\.wav"):
        predict(run, tested[1], [str(tmp_path / "noise.wav")])
