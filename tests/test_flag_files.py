"""The files in flags/: each is a row of the paper's tables, and trains."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver

from amh_tf import models, recipes, run_settings
from amh_tf.commands import training_flags
from amh_tf.training import step
from tools import run_tables

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "flags").glob("*.flags"))
TITLES = {
    **{f"rnn_attn_{m}": f"RNN-attn ({m.upper()})" for m in "atv"},
    **{f"mdre_{m}": f"MDRE ({'+'.join(m.upper())})" for m in ("at", "tv", "av", "atv")},
    **{f"mha_{m}": f"MHA-2 ({'+'.join(m.upper())})" for m in ("at", "tv", "av")},
    **{f"amh_{hops}": f"AMH-{hops} (A+T+V)" for hops in range(1, 10)},
    "amh_7_asr": "AMH-7 (A+T+V)",
    **{f"small_corpus_{name}": f"RNN-attn ({name[0].upper()})" for name in ("a", "a_speaker", "t")},
}


@pytest.fixture(scope="module", autouse=True)
def model_flags():
    training_flags.define_model()
    training_flags.define_training()


def config_of(path):
    with flagsaver.flagsaver():
        flags.FLAGS(["test", f"--flagfile={path}"])
        return run_settings.model_config(training_flags.chosen())


def test_there_is_a_file_for_every_row():
    assert {path.stem for path in FILES} == set(TITLES)
    for rows in run_tables.TABLES.values():
        assert set(rows) <= set(TITLES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_its_row(path):
    assert config_of(path).title == TITLES[path.stem]
    assert f"--flagfile=flags/{path.name}" in path.read_text()


@pytest.mark.parametrize(
    "name",
    ["rnn_attn_t", "mdre_atv", "mha_av", "amh_7", "small_corpus_a", "small_corpus_a_speaker"],
)
def test_first_step_moves_every_weight_by_the_step_size(name, model_inputs):
    """As Adam's does, but for gradients as small as its epsilon, of which it makes less."""
    keras.utils.set_random_seed(1)
    config = config_of(ROOT / "flags" / f"{name}.flags")
    small = dataclasses.replace(
        config,
        vocabulary_size=50,
        audio_width=20,
        audio_stride=config.audio_stride or 2,  # 0, until the data set is known
        video_width=24,
        embedding_width=8,
        audio_units=4,
        text_units=3,
        video_units=2,
    )
    model = models.build(small)
    inputs = {
        name: array
        for name, array in model_inputs([9, 4], [7, 5], [6, 8]).items()
        if name in model.input
    }
    inputs |= {name: np.ones((2, 20), np.float32) for name in config.statistics_names}
    before = [np.array(weight) for weight in model.trainable_variables]
    kept = [np.array(weight) for weight in model.non_trainable_variables]
    tf.config.run_functions_eagerly(True)  # a graph would take longer to make than to use
    try:
        train_step = step.make_train_step(
            model, step.make_optimizer(1e-2), tf.distribute.get_strategy(), clip_norm=1.0
        )
        loss = float(train_step(inputs, np.array([0, 3], np.int32)))
    finally:
        tf.config.run_functions_eagerly(False)
    assert loss == pytest.approx(np.log(config.num_classes), abs=0.5)  # of a model that guesses
    for old, weight in zip(before, model.trainable_variables, strict=True):
        moved = np.abs(weight - old).max()
        assert 1e-4 < moved < 0.0101, weight.path
        assert not weight.path.startswith("logits") or moved == pytest.approx(1e-2, rel=0.01)
    for old, weight in zip(kept, model.non_trainable_variables, strict=True):
        assert "seed" in weight.path or np.array_equal(old, weight), weight.path


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_recipes_are_told_as_they_are(name):
    """The table in the documentation has a row for all that a recipe sets."""
    text = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    head = next(line for line in text.splitlines() if line.startswith("| flag | `authors`"))
    column = [cell.strip(" `") for cell in head.strip("|").split("|")].index(name)
    told = {}
    for line in text.split(head)[1].splitlines()[2:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        told[cells[0].strip("`")] = cells[column]
    for setting, value in recipes.settings(name).items():
        assert told[setting] == str(value), setting


def test_flags_override_the_recipe():
    with flagsaver.flagsaver():
        flags.FLAGS(["test", "--recipe=small_corpus", "--audio_units=77"])
        made = run_settings.model_config(training_flags.chosen())
    assert (made.audio_units, made.video_units, made.bidirectional) == (77, 64, True)


@pytest.mark.parametrize(
    ("arguments", "rate"),
    [
        (["--recipe=small_corpus"], 1e-3),  # AMH is the default
        (["--recipe=small_corpus", "--model=mdre"], 2e-3),
        (["--recipe=small_corpus", "--learning_rate=3e-4"], 3e-4),
    ],
)
def test_hops_take_smaller_steps_unless_told(arguments, rate):
    with flagsaver.flagsaver():
        flags.FLAGS(["test", *arguments])
        assert run_settings.training_config(training_flags.chosen()).learning_rate == rate


@pytest.mark.parametrize("path", [path for path in FILES if "small_corpus" not in path.stem])
def test_rows_of_the_paper_stay_the_authors(path):
    assert "--recipe=authors" in path.read_text(encoding="utf-8").splitlines()
