"""What a run's steps are made with, before the first of them."""

import numpy as np
import pytest
from sklearn.utils import class_weight

from amh_tf.training import trainer
from tests import conftest
from tests.training.tiny_runs import Killed, kill, train


def begun(data, run_dir, monkeypatch, **settings):
    """Returns the model of a run before its first step, and the loss of its steps."""
    steps = []

    def stop(model, optimizer, strategy, clip_norm, loss, *_):
        steps.append((model, loss))
        kill()

    monkeypatch.setattr(trainer.step, "make_train_step", stop)
    with pytest.raises(Killed):
        train(data, run_dir, **settings)
    return steps[0]


def test_balanced_classes_weigh_as_scikit_learn_weighs_them(
    tiny_data, tiny_source, tmp_path, monkeypatch
):
    labels = [u.label for u in conftest.utterances_of(tiny_source, "train")]
    there = np.unique(labels)
    expected = class_weight.compute_class_weight("balanced", classes=there, y=labels)
    _, loss = begun(tiny_data, tmp_path / "run", monkeypatch, class_weight="balanced")
    np.testing.assert_allclose(np.array(loss.class_weights)[there], expected, rtol=1e-6)


def test_word_vectors_are_the_data_sets_or_drawn(tiny_data, tmp_path, monkeypatch):
    pretrained = tiny_data.embedding()
    vectors = {}
    for embedding in ("pretrained", "random"):
        model, _ = begun(tiny_data, tmp_path / embedding, monkeypatch, embedding=embedding)
        (vectors[embedding],) = model.get_layer("word_vectors").get_weights()
    np.testing.assert_array_equal(vectors["pretrained"], pretrained)
    correlation = np.corrcoef(vectors["random"].ravel(), pretrained.ravel())[0, 1]
    assert vectors["random"].std() > 1e-3 and abs(correlation) < 0.1
