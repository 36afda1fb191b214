"""Clips for runs whose text is vectors: no words are made, and what is given is answered."""

import dataclasses

import numpy as np
import pytest
from scipy import special

import amh_tf
from amh_tf.data import writer
from amh_tf.features import audio
from amh_tf.prediction import attention_plot, clip_features, predictor
from amh_tf.runs import run_folder
from tests import conftest, text_vectors
from tests.prediction.conftest import train

OTHER = {"kind": "other", "description": "a BERT, layer 9"}


@pytest.fixture(scope="module")
def run(tiny_source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    made = {**conftest.MADE_HERE, "text": OTHER}
    vectors = dataclasses.replace(text_vectors.of(tiny_source), features=made)
    return train(writer.write(vectors, folder / "data"), folder / "run", num_hops=3)


@pytest.fixture(scope="module")
def model(run):
    return run_folder.RunFolder(run).load_model()


def answer(model, **sequences):
    inputs = {
        "audio": np.zeros((0, 120), np.float32),
        "text": np.zeros((0, 300), np.float32),
        "video": np.zeros((0, 2048), np.float32),
        **sequences,
    }
    batch = {f"{name}_length": np.array([len(steps)], np.int32) for name, steps in inputs.items()}
    for name, steps in inputs.items():
        batch[name] = steps[None] if len(steps) else np.zeros((1, 1, steps.shape[1]), np.float32)
    return special.softmax(np.asarray(model(batch), float)[0])


def test_words_cannot_be_given_but_sound_can(run, model):
    sound = np.random.default_rng(1).integers(-3000, 3000, 8000, np.int16)
    loaded = amh_tf.load(run)
    with pytest.raises(ValueError, match=r"text features cannot be made.*'a BERT, layer 9'"):
        loaded.predict(sound, rate=16000, text="hello")
    predicted = loaded.predict(sound, rate=16000, text="")
    expected = answer(model, audio=audio.mfcc_with_deltas(sound / np.float32(32768)).numpy())
    np.testing.assert_allclose([*predicted.probabilities.values()], expected, atol=1e-4)
    assert any("no text" in note for note in predicted.notes)


def test_vectors_are_answered_and_their_attention_drawn(run, model):
    """As whoever makes the vectors of words gives them."""
    steps = np.random.default_rng(2).standard_normal((4, 300)).astype(np.float32)
    features = clip_features.ClipFeatures(
        sequences={
            "audio": np.zeros((0, 120), np.float32),
            "text": steps,
            "video": np.zeros((0, 2048), np.float32),
        },
        statistics={},
        text="who said so ?",
        words=["who", "said", "so", "?"],
        waveform=None,
        frames=None,
        audio_start=0,
        notes=[],
    )
    (predicted,) = predictor.Predictor(run).answers([features])
    expected = answer(model, text=steps)
    np.testing.assert_allclose([*predicted.probabilities.values()], expected, atol=1e-5)
    assert predicted.known == [True] * 4
    assert [(target, len(weights)) for target, weights in predicted.hops] == [
        *(("video", 0), ("audio", 0), ("text", 4)),
    ]
    assert predicted.hops[2][1].sum() == pytest.approx(1, abs=1e-5)
    drawn = attention_plot.picture(predicted)
    shown = [text.get_text() for axes in drawn.axes for text in axes.texts]
    assert {"who", "said", "so", "?"} <= set(shown)
