"""The kept demo corpus, prepared with a small ResNet of random weights, and a run on it."""

import csv
import functools
import shutil

import pytest

from amh_tf import config
from amh_tf.data import manifest
from amh_tf.extraction import settings
from amh_tf.features import feature_net, resnet, resnet_weights
from amh_tf.prediction import clip
from amh_tf.training import runs
from tests.extraction import demo


@pytest.fixture(scope="module", autouse=True)
def small_network():
    """A network of a block in each stage, made once: the whole one takes most of these tests' time.

    Commands that tests start have the whole one, which tests of features compare with others.
    """
    blocks = (1, 1, 1, 1)
    with pytest.MonkeyPatch.context() as patched:
        for module, name in ((resnet, "build"), (resnet_weights, "random")):
            made = functools.partial(getattr(module, name), blocks=blocks)
            patched.setattr(module, name, made)
        patched.setattr(feature_net, "FeatureNet", functools.cache(feature_net.FeatureNet))
        yield


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "data"
    return demo.write(demo.read(), settings.Settings(resnet_weights="random"), folder)


def train(data, run_dir, **model):
    small = {"audio_units": 6, "text_units": 5, "video_units": 4, **model}
    run_config, fold = runs.configure(
        config.DataConfig(str(data.folder), batch_size=4),
        config.TrainingConfig(max_steps=2),
        config.ModelConfig(vocabulary_size=2, **small),
    )
    runs.train_and_evaluate(run_config, fold, run_dir)
    return run_dir


@pytest.fixture(scope="module")
def run(prepared, tmp_path_factory):
    """A run whose data folder has gone."""
    folder = tmp_path_factory.mktemp("runs")
    moved = folder / "moved"
    shutil.copytree(prepared.folder, moved)
    run_dir = train(manifest.load(moved), folder / "run")
    shutil.rmtree(moved)
    return run_dir


def a_tested_one(run_dir):
    """Returns the row of predictions.csv of an utterance, and its recording."""
    with open(run_dir / "predictions.csv", newline="") as file:
        row = next(csv.DictReader(file))
    return row, next(s for s in demo.read().recordings if s.id == row["id"])


def clip_of(spoken, **changes):
    return clip.Clip(
        **{
            "video": spoken.video,
            "audio": spoken.audio,
            "text": spoken.transcript,
            "start": spoken.video_start,
            "end": spoken.video_end,
            "side": spoken.side,
            **changes,
        }
    )
