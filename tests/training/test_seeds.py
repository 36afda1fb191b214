"""Seeds of an ensemble below the folds of a cross-validation, against NumPy."""

import json
import types

import numpy as np
import pytest

from amh_tf import progress, schema
from amh_tf.runs import predictions as prediction_files
from amh_tf.runs import run_folder
from amh_tf.scores import metrics, score_tables
from amh_tf.training import seeds

CLASSES = ("ang", "hap", "sad")
MANIFEST = types.SimpleNamespace(classes=CLASSES, utterances_file=None)
ACCURACY = {1: 0.4, 2: 0.6, 10: 0.8}


def write(path, fold, seed):
    """Writes a scored run; returns its labels and predictions."""
    rng = np.random.default_rng([fold, seed])
    labels = np.arange(30) % 3
    guesses = np.where(rng.random(30) < ACCURACY.get(seed, 0.7), labels, rng.integers(0, 3, 30))
    probabilities = np.eye(3)[guesses] * 0.7 + 0.1
    ids = [f"u{fold}_{number}" for number in range(30)]
    predictions = prediction_files.Predictions(ids, labels, probabilities)
    path.mkdir(parents=True)
    report = metrics.report(labels, probabilities, CLASSES)
    run_folder.RunFolder(path).save_results("test", report, predictions, CLASSES, "title")
    return labels, guesses


@pytest.fixture
def folds(tmp_path):
    """Two folds with an ensemble of three seeds, and what each answered."""
    answers = {}
    for fold in (0, 1):
        folder = tmp_path / f"fold_{fold:02d}"
        answers[fold, None] = write(folder, fold, 99)
        for seed in ACCURACY:
            answers[fold, seed] = write(folder / f"seed_{seed}", fold, seed)
    return {fold: tmp_path / f"fold_{fold:02d}" for fold in (0, 1)}, answers


def summed_up(folders):
    rows = []
    for folder in folders.values():
        rows += run_folder.RunFolder(folder).load_predictions(CLASSES)
    reports = [run_folder.RunFolder(f).load_metrics()["test"] for f in folders.values()]
    mean = {name: float(np.mean([r[name]["value"] for r in reports])) for name in schema.SCORES}
    return seeds.over_folds(folders, MANIFEST, mean, seeds.pool(rows, MANIFEST))


def test_members_come_by_seed_and_only_when_scored(folds):
    folders, _ = folds
    (folders[0] / "seed_3").mkdir()  # still training
    (folders[0] / "seed_x").mkdir()
    (folders[0] / "seed_4").write_text("a file")
    found = [(seed, member.path.name) for seed, member in seeds.members(folders[0])]
    assert found == [(1, "seed_1"), (2, "seed_2"), (10, "seed_10")]


def test_folder_without_members_yields_none(folds, tmp_path):
    folders, _ = folds
    assert list(seeds.members(folders[0] / "seed_1")) == []
    assert list(seeds.members(tmp_path / "missing")) == []
    assert summed_up({0: folders[0] / "seed_1"}) is None


def test_seeds_are_summed_up_as_by_numpy(folds):
    folders, answers = folds
    found = summed_up(folders)
    assert [member["seed"] for member in found["members"]] == [1, 2, 10]
    means = {}
    for member in found["members"]:
        pairs = [answers[fold, member["seed"]] for fold in (0, 1)]
        means[member["seed"]] = np.mean([np.mean(y == p) for y, p in pairs])
        assert member["folds"] == [0, 1]
        assert member["mean"]["weighted_accuracy"] == pytest.approx(means[member["seed"]])
        right = np.concatenate([y == p for y, p in pairs])
        pooled = member["pooled"]["weighted_accuracy"]
        assert pooled["value"] == pytest.approx(right.mean())
        low, high = pooled["interval_95"]
        assert low < right.mean() < high
        assert member["interval"] == "utterances resampled within classes"
    values = list(means.values())
    assert found["mean"]["weighted_accuracy"] == pytest.approx(np.mean(values))
    deviation = found["standard_deviation"]["weighted_accuracy"]
    assert deviation == pytest.approx(np.std(values, ddof=1))
    right = [np.mean(y == p) for y, p in (answers[0, None], answers[1, None])]
    assert found["ensemble"]["mean"]["weighted_accuracy"] == pytest.approx(np.mean(right))
    assert json.loads(json.dumps(found)) == found


def test_seed_that_lacks_a_fold_is_shown_but_not_averaged(folds):
    folders, _ = folds
    (folders[1] / "seed_10" / "metrics.json").unlink()
    found = summed_up(folders)
    assert [member["folds"] for member in found["members"]] == [[0, 1], [0, 1], [0]]
    whole = [member["mean"]["macro_f1"] for member in found["members"][:2]]
    assert found["mean"]["macro_f1"] == pytest.approx(np.mean(whole))
    for seed in (1, 2):
        (folders[0] / f"seed_{seed}" / "metrics.json").unlink()
    found = summed_up(folders)
    assert found["mean"] is None and found["standard_deviation"] is None


def test_speakers_are_resampled_where_the_data_folder_knows_them(folds, monkeypatch):
    folders, _ = folds

    def about(manifest, ids):
        assert manifest is MANIFEST
        return {"speakers": [f"s{int(name.split('_')[1]) % 5}" for name in ids]}

    monkeypatch.setattr(seeds.utterances, "about", about)
    found = summed_up(folders)
    for row in (*found["members"], found["ensemble"]):
        assert row["interval"] == "speakers resampled" and row["notes"] == []


def test_damaged_member_is_named(folds):
    folders, _ = folds
    (folders[1] / "seed_2" / "predictions.csv").write_text("id\n")
    with pytest.raises(ValueError, match=r"seed_2/predictions\.csv"):
        summed_up(folders)
    (folders[1] / "seed_2" / "metrics.json").write_text('{"test": 3}')
    with pytest.raises(ValueError, match=r"seed_2/metrics\.json"):
        summed_up(folders)


def test_table_has_a_row_for_each_seed_and_for_all(folds):
    folders, _ = folds
    found = summed_up(folders)
    with progress.console.capture() as captured:
        score_tables.print_seeds({"folds": [{}, {}], "seeds": found})
    lines = captured.get().splitlines()
    assert max(map(len, lines[:-1])) <= 80  # the last is a sentence, which the terminal breaks
    for row in (*found["members"], found["ensemble"]):
        name = f"seed {row['seed']}" if "seed" in row else "ensemble"
        (line,) = [line for line in lines if line.strip().startswith(f"{name} ")]
        scores = ("weighted_accuracy", "unweighted_accuracy", "weighted_f1", "macro_f1")
        means = [f"{row['mean'][score]:.3f}" for score in scores]
        assert line.split()[-4:] == means
        below = lines[lines.index(line) + 1]
        bounds = [row["pooled"][score]["interval_95"] for score in scores]
        assert [f"{low:.3f}, {high:.3f}" for low, high in bounds] == [
            part.strip().removesuffix("]") for part in below.split("[")[1:]
        ]
    text = " ".join(" ".join(lines).split())
    for title in ("WA (WAR)", "UA (UAR)", "weighted F1", "macro F1"):
        assert title in text
    assert "together (utterances resampled within classes)." in text
    mean, deviation = (found[name]["macro_f1"] for name in ("mean", "standard_deviation"))
    assert f"{mean:.3f} ± {deviation:.3f}" in text
