"""What the recipe for small corpora is made of, and that it continues bit for bit."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from amh_tf import config, models, recipes
from amh_tf.data import folds, moments, pipeline, writer
from amh_tf.runs import run_folder
from amh_tf.training import checkpoints, runs, scoring, trainer
from tests.conftest import compact_source
from tests.training import run_state, tiny_runs

ALL = {
    "schedule": "cosine",
    "warmup": 0.2,
    "weight_decay": 0.01,
    "label_smoothing": 0.1,
    "mixup": 0.4,
    "logit_adjustment": 0.3,
    "weights": "average",
    "average_share": 0.7,
    "patience": 0,
}
FRONT = {
    "standardize": "global",
    "audio_stride": 2,
    "state_dropout": 0.2,
    "modality_dropout": 0.3,
    "audio_speed": 0.2,
    "audio_time_mask": 0.2,
    "audio_frequency_mask": 0.2,
    "audio_level": 0.1,
    "audio_noise": 0.1,
    "video_noise": 0.1,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    source = compact_source(84)
    return writer.write(source, tmp_path_factory.mktemp("data") / "set", protocols=["session"])


def train(data, run_dir, seeds=(), **settings):
    run_config, fold = tiny_runs.configure(data, **{**ALL, "model": FRONT, **settings})
    run_config = dataclasses.replace(run_config, seeds=seeds)
    return runs.train_and_evaluate(run_config, fold, run_dir)


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("undisturbed") / "run"
    return run_dir, train(data, run_dir)


@pytest.mark.slow
@pytest.mark.parametrize("at", [3, 8])
def test_stopped_run_ends_with_the_same_bits(data, undisturbed, tmp_path, monkeypatch, at):
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    with monkeypatch.context() as patched:
        tiny_runs.watch_steps(patched, lambda number: tiny_runs.kill() if number == at else None)
        with pytest.raises(tiny_runs.Killed):
            train(data, tmp_path / "run")
    train(data, tmp_path / "run")
    run_state.assert_same(tmp_path / "run", undisturbed[0])


@pytest.fixture(scope="module")
def ensemble(data, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("ensemble") / "run"
    return run_dir, train(data, run_dir, seeds=(2, 5))


@pytest.mark.slow
def test_ensemble_is_the_mean_of_runs_of_their_own(data, undisturbed, ensemble):
    run_dir, reports = ensemble
    run_state.assert_same(run_dir / "seed_2", undisturbed[0])  # of seed 2, as it is
    folder = run_folder.RunFolder(run_dir)
    classes = data.classes
    rows = folder.load_predictions(classes)
    members = [folder.member(seed).load_predictions(classes) for seed in (2, 5)]
    for joined, first, second in zip(rows, *members, strict=True):
        expected = np.mean([first[2], second[2]], axis=0)
        np.testing.assert_allclose(joined[2], expected, atol=1e-5)
    assert reports["test"]["utterances"] == len(rows)
    assert len(models.members(folder.load_model())) == 2


@pytest.mark.slow
def test_ensemble_goes_on_where_it_was_stopped(data, ensemble, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        tiny_runs.watch_steps(patched, lambda n: None)
        made = []

        def score(*arguments):
            made.append(arguments)
            if len(made) == 3:  # the first member has been scored
                tiny_runs.kill()
            return kept(*arguments)

        kept = scoring.score
        patched.setattr(scoring, "score", score)
        with pytest.raises(tiny_runs.Killed):
            train(data, tmp_path / "run", seeds=(2, 5))
    train(data, tmp_path / "run", seeds=(2, 5))
    for name in ("metrics.json", "predictions.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (ensemble[0] / name).read_bytes()


@pytest.mark.parametrize("seeds", [(1, 1), (-1,), (1 << 40,)])
def test_impossible_seeds_are_refused(data, tmp_path, seeds):
    with pytest.raises(ValueError, match=r"`seeds?`"):
        train(data, tmp_path / "run", seeds=seeds)


def test_global_statistics_are_the_training_part_s(data, undisturbed):
    model = run_folder.RunFolder(undisturbed[0]).load_model()
    held = moments.of_train(folds.choose(data), "audio")
    layer = model.get_layer("audio_standardize")
    np.testing.assert_allclose(layer.mean, held.mean, rtol=1e-6)
    np.testing.assert_allclose(layer.deviation, held.deviation(), rtol=1e-6)


def test_scores_by_speaker_say_so(data, tmp_path):
    reports = train(data, tmp_path / "run", model={**FRONT, "standardize": "speaker"}, max_steps=2)
    assert reports["test"]["standardize"] == "speaker"
    assert any("test speakers" in warning for warning in reports["test"]["warnings"])
    assert not any("single recording" in warning for warning in reports["test"]["warnings"])


def test_speakers_of_a_single_recording_are_named(tmp_path, capsys):
    source = compact_source(84)
    first, *others = source.index
    index = (dataclasses.replace(first, speaker="once"), *others)
    source = dataclasses.replace(source, index=index, fingerprint="once")
    data = writer.write(source, tmp_path / "set", protocols=["session"])
    model = {**FRONT, "standardize": "speaker"}
    reports = train(data, tmp_path / "run", model=model, max_steps=2)
    expected = "1 of 7 speakers have a single recording, which is standardized by itself"
    assert any(expected in warning for warning in reports["test"]["warnings"])
    assert expected in " ".join(capsys.readouterr().out.split())


def test_average_is_that_of_the_last_epochs(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    kept = checkpoints.Checkpoints(tmp_path, model, optimizer, averages=True)
    rng = np.random.default_rng(0)
    taken = []
    for number in range(1, 6):
        weights = [rng.standard_normal(w.shape).astype(np.float32) for w in model.get_weights()]
        model.set_weights(weights)
        kept.average_in(number)
        taken.append(weights)
    kept.exchange_average()
    for found, expected in zip(model.get_weights(), zip(*taken)):
        np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=1e-5)
    kept.exchange_average()
    for found, expected in zip(model.get_weights(), taken[-1]):
        np.testing.assert_array_equal(found, expected)


def rates(monkeypatch, data, run_dir, **settings):
    """Returns the step size that each step was taken with."""
    seen = []
    make = trainer.step.make_optimizer

    def watched(*arguments):
        optimizer = make(*arguments)
        seen.append(optimizer)
        return optimizer

    found = []
    monkeypatch.setattr(trainer.step, "make_optimizer", watched)
    tiny_runs.watch_steps(
        monkeypatch, lambda number: found.append(float(seen[0].learning_rate.numpy()))
    )
    train(data, run_dir, **settings)
    return found


def test_cosine_rises_and_falls(monkeypatch, data, tmp_path):
    settings = {"max_steps": 9, "warmup": 2 / 9, "learning_rate": 0.01}
    found = rates(monkeypatch, data, tmp_path / "run", **settings)
    rise = [0.005, 0.0075]
    fall = [0.01 * 0.5 * (1 + np.cos(np.pi * k / 7)) for k in range(7)]
    np.testing.assert_allclose(found, rise + fall, rtol=1e-5)


def test_plateau_halves_the_step_size(monkeypatch, data, tmp_path):
    # A step size at which nothing ever changes: no validation after the first gains.
    settings = {
        "schedule": "plateau",
        "warmup": 0.0,
        "learning_rate": 1e-30,
        "validation_interval": 0.01,
        "max_steps": 9,
    }
    found = rates(monkeypatch, data, tmp_path / "run", **settings)
    np.testing.assert_allclose(np.array(found) / 1e-30, [1] * 4 + [0.5] * 3 + [0.25] * 2)


def test_shuffled_labels_are_the_same_at_every_pass(data):
    fold = folds.choose(data)

    def labels(**settings):
        read = pipeline.batches(fold, "train", 7, with_ids=True, **settings)
        return {i: int(y) for _, ys, ids in read for y, i in zip(ys, ids.numpy())}

    own, drawn = labels(), labels(shuffled_labels=1)
    assert drawn == labels(shuffled_labels=1, seed=3, epoch=4)
    assert drawn != own and drawn != labels(shuffled_labels=2)
    assert set(drawn.values()) <= set(own.values())


def test_unknown_recipe_is_refused():
    with pytest.raises(ValueError, match=r"`recipe` is not known.*'authors', 'small_corpus'"):
        recipes.settings("magic")


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_recipes_hold_settings_that_exist(name):
    chosen = recipes.settings(name)
    for make, needed in (
        (config.DataConfig, {"data_dir": "x"}),
        (config.ModelConfig, {"vocabulary_size": 2}),
        (config.TrainingConfig, {}),
    ):
        names = {field.name for field in dataclasses.fields(make)}
        make(**needed, **{key: chosen.pop(key) for key in names & chosen.keys()})
    assert not chosen


def test_authors_recipe_changes_nothing():
    assert recipes.settings("authors") == {}


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("all") / "set"
    return writer.write(compact_source(84, name="all of it"), folder, protocols=["all"])


@pytest.mark.slow
def test_all_utterances_can_be_trained_on(everything, tmp_path):
    settings = {"seeds": (2, 5), "weights": "last", "max_steps": 2}
    reports = train(everything, tmp_path / "run", **settings)
    folder = run_folder.RunFolder(tmp_path / "run")
    assert reports == {} and folder.load_metrics() == {} and folder.is_finished()
    assert len(models.members(folder.load_model())) == 2
    assert train(everything, tmp_path / "run", **settings) == {}


@pytest.mark.parametrize(
    "settings", [{"weights": "best"}, {"schedule": "plateau", "warmup": 0.0}], ids=str
)
def test_nothing_is_selected_by_where_all_is_trained_on(everything, tmp_path, settings):
    with pytest.raises(ValueError, match=r"leaves nothing to select by.*--weights=last"):
        train(everything, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("standardize", "field"), [("speaker", "speaker"), ("global", None)])
def test_data_that_cannot_be_standardized_is_refused_at_once(tmp_path, standardize, field):
    source = compact_source(84)
    if field:
        index = tuple(dataclasses.replace(entry, **{field: ""}) for entry in source.index)
        source = dataclasses.replace(source, index=index, fingerprint="nobody")
    data = writer.write(source, tmp_path / "set", protocols=["session"])
    if not field:
        manifest = data.folder / "dataset.json"
        fields = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**fields, "moments_file": None}))
    with pytest.raises(ValueError, match=r"--standardize="):
        train(data, tmp_path / "run", model={**FRONT, "standardize": standardize})
    assert not (tmp_path / "run").exists()


def test_stride_follows_the_length_of_the_utterances(data):
    run_config, _ = tiny_runs.configure(data, model={"audio_stride": 0})
    assert run_config.model.audio_stride == 1  # utterances of five steps at most
    long = dataclasses.replace(compact_source(84), fingerprint="long")
    stretched = [
        dataclasses.replace(u, audio=np.repeat(u.audio, 90, axis=0)) for u in long.utterances()
    ]
    long = dataclasses.replace(long, utterances=lambda: iter(stretched))
    written = writer.write(long, data.folder.parent / "long", protocols=["session"])
    run_config, _ = tiny_runs.configure(written, model={"audio_stride": 0})
    assert run_config.model.audio_stride == config.WIDEST_STRIDE
