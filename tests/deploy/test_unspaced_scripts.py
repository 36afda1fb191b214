# ruff: noqa: RUF001  (characters that look alike are what is tested)
"""Chinese from a table to a served model: cut the same way at every door."""

import json

import numpy as np
import pytest
import tensorflow as tf

import amh_tf
from amh_tf.corpora import table
from amh_tf.data import folds, pipeline
from amh_tf.deploy import serving
from amh_tf.extraction import from_recordings, settings
from amh_tf.features import text
from amh_tf.prediction import clip
from amh_tf.runs import trained as runs_read
from tests.deploy import conftest

pytestmark = pytest.mark.slow

TEXTS = {"joy": "我今天很高兴，因为你来了", "sad": "这是 坏消息", "ang": "别管我！走开"}
UNHEARD = "今天你 坏消息，OK"
SMALL = {"model": "rnn_attn", "modalities": ("text",), "text_units": 3}
CUT = {
    "characters": "今 天 你 坏 消 息 ， ok".split(),
    "spaces": "今天你 坏消息 ， ok".split(),
}


@pytest.fixture(scope="module", params=list(CUT))
def run(request, tmp_path_factory):
    """A data set and a run on it, and how both cut: (mode, data, folder of the run)."""
    folder = tmp_path_factory.mktemp(request.param)
    lines = ["id,label,transcript,split"]
    for number, split in enumerate(["train"] * 6 + ["dev"] * 3 + ["test"] * 3):
        label, said = list(TEXTS.items())[number % 3]
        lines.append(f"u{number},{label},{said},{split}")
    (folder / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    chosen = settings.Settings(modalities=("text",), unspaced_scripts=request.param)
    data = from_recordings.write(table.read(folder / "table.csv"), chosen, folder / "data")
    return request.param, data, conftest.train(data, folder / "run", **SMALL)


def test_vocabulary_is_that_of_the_way_of_cutting(run):
    unspaced, data, _ = run
    words = data.path(data.vocabulary_file).read_text(encoding="utf-8").split()
    assert set(words[2:]) == {
        each for said in TEXTS.values() for each in text.words(said, unspaced)
    }
    assert ("今天很" in "".join(words)) == ("我今天很高兴" in words)
    ((inputs, *_),) = pipeline.batches(folds.choose(data), "test", 8)
    lengths = {"characters": [12, 5, 6], "spaces": [3, 2, 3]}[unspaced]
    assert sorted(inputs["text_length"].numpy()) == sorted(lengths)


def test_served_and_predicted_words_are_those_of_training(run):
    unspaced, data, folder = run
    signatures = serving.ServingModule(runs_read.read(folder)).functions
    words = data.path(data.vocabulary_file).read_text(encoding="utf-8").split()
    ids = [words.index(word) if word in words else 1 for word in CUT[unspaced]]
    inputs = {"text": tf.constant([ids]), "text_length": tf.constant([len(ids)])}
    expected = signatures["serving_default"](inputs)["probabilities"].numpy()
    given = {"transcript": tf.constant([UNHEARD])}
    answer = signatures["raw"](given)["probabilities"].numpy()
    np.testing.assert_allclose(answer, expected, atol=1e-6)
    predicted = amh_tf.load(folder).predict(clip.Clip(text=UNHEARD))
    assert predicted.words == CUT[unspaced]
    np.testing.assert_allclose([*predicted.probabilities.values()], expected[0], atol=1e-5)


def test_data_set_that_does_not_say_how_it_was_cut_keeps_its_words(run):
    """As a former version left it: cut at spaces, and served so."""
    unspaced, data, folder = run
    if unspaced == "characters":
        pytest.skip("former versions cut at spaces alone")
    path = data.path("dataset.json")
    kept = path.read_text(encoding="utf-8")
    described = json.loads(kept)
    del described["features"]["text"]["unspaced_scripts"]
    try:
        path.write_text(json.dumps(described), encoding="utf-8")
        assert runs_read.read(folder).unspaced_scripts == text.SPACES
    finally:
        path.write_text(kept, encoding="utf-8")
