import json

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.data import pipeline
from amh_tf.runs import opening
from amh_tf.training import absence
from tests.training import test_runs


@pytest.fixture(scope="module")
def trained(tiny_data, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("absence") / "run"
    test_runs.train(tiny_data, run_dir, max_steps=4, model={"modality_dropout": 0.3})
    return run_dir


def test_every_subset_comes_once_the_whole_first():
    names = [
        "+".join(left) for left in absence.selections(("audio", "text", "video"), ["all_subsets"])
    ]
    assert names == [
        "audio+text+video", "audio+text", "audio+video", "text+video", "audio", "text", "video",
    ]  # fmt: skip
    assert absence.selections(("audio", "text"), ["audio"]) == [("audio", "text"), ("text",)]


@pytest.mark.parametrize(
    "drop", [[], ["smell"], ["audio", "text", "video"], ["all_subsets", "audio"]]
)
def test_impossible_choice_is_refused(drop):
    with pytest.raises(ValueError, match=r"`drop` is not a choice.*--drop"):
        absence.selections(("audio", "text", "video"), drop)


def test_scores_are_those_of_the_model_without_the_modality(trained, tiny_fold, tiny_source):
    reports = absence.evaluate(trained, "test", ["video", "audio"])
    assert list(reports) == ["audio+text+video", "text"]
    stored = json.loads((trained / "metrics.json").read_text())["test"]
    assert reports["audio+text+video"] == stored
    # Independently: each utterance alone, its audio and video replaced by one step of zeros.
    model = opening.open_run(trained)[0].load_model()
    right, labels = 0, []
    for inputs, label in pipeline.batches(tiny_fold, "test", 1):
        inputs["audio"], inputs["video"] = tf.zeros([1, 1, 120]), tf.zeros([1, 1, 2048])
        inputs["audio_length"] = inputs["video_length"] = tf.zeros([1], tf.int32)
        right += int(np.argmax(model(inputs)) == label[0])
        labels.append(int(label[0]))
    assert reports["text"]["weighted_accuracy"]["value"] == pytest.approx(right / len(labels))


def test_files_gather_what_was_asked_for(trained):
    (trained / "metrics_dropped.json").unlink(missing_ok=True)
    absence.evaluate(trained, "dev", ["audio"])
    before = (trained / "metrics.json").read_bytes()
    absence.evaluate(trained, "test", ["all_subsets"])
    absence.evaluate(trained, "test", ["text"])
    assert (trained / "metrics.json").read_bytes() == before
    stored = json.loads((trained / "metrics_dropped.json").read_text())
    assert list(stored["dev"]) == ["audio+text+video", "text+video"]
    assert len(stored["test"]) == 7 and list(stored["test"])[-1] == "video"
    table = (trained / "metrics_dropped.md").read_text()
    value = stored["test"]["audio+video"]["weighted_accuracy"]["value"]
    assert f"| audio+video | {value:.3f} [" in table
    assert table.count("\n| audio+text+video |") == 2


def test_second_process_cannot_lose_what_the_first_adds(trained):
    run = opening.open_run(trained)[0]
    with run.locked(), pytest.raises(ValueError, match="is in use"):
        absence.evaluate(trained, "test", ["text"])


def test_damaged_file_of_scores_is_named(trained):
    path = trained / "metrics_dropped.json"
    path.write_text('{"test": 5}')
    with pytest.raises(ValueError, match=r"metrics_dropped\.json.*cannot be read"):
        absence.evaluate(trained, "test", ["text"])
    path.unlink()
