"""Scores beside chance, seeds of ensembles, and speakers, in the report."""

import copy
import csv
import json

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from amh_tf import schema
from amh_tf.reporting import control_tables, formats, gather, pair_tables, plots, write
from amh_tf.scores import controls, metrics, published, resampling
from tests.reporting import crossvals

SPEAKERS = [f"s{number % 6}" for number in range(60)]


def group(folder):
    (found,) = gather.gather(folder)
    return found


def described(rows, **told):
    """A pooled report that knows sexes and sentences."""
    probabilities = np.eye(3)[[row[3] for row in rows]]
    return metrics.report([row[2] for row in rows], probabilities, crossvals.CLASSES, **told)


def test_row_holds_scores_and_what_chance_gives(tmp_path):
    rows = crossvals.answers(seed=1)
    fields = crossvals.write(tmp_path / "a", rows, speakers=SPEAKERS)
    table = control_tables.control_table(group(tmp_path))
    (row,) = table.rows
    labels, predictions = np.array(rows)[:, 2:].astype(int).T
    assert row[0] == "AMH-7 (A+T+V)"
    expected = [
        sklearn_metrics.accuracy_score(labels, predictions),
        sklearn_metrics.balanced_accuracy_score(labels, predictions),
        sklearn_metrics.f1_score(labels, predictions, average="weighted"),
        sklearn_metrics.f1_score(labels, predictions, average="macro"),
    ]
    assert [cell.value for cell in row[1:5]] == pytest.approx(expected)
    # The same intervals as in the file, which were computed from the probabilities.
    bounds = [[cell.low, cell.high] for cell in row[1:5]]
    names = ("weighted_accuracy", "unweighted_accuracy", "weighted_f1", "macro_f1")
    assert bounds == [fields["pooled"][name]["interval_95"] for name in names]
    assert row[5] == published.Share(np.bincount(labels).max() / 60)
    assert row[6] == published.Share(1 / 3)
    chance = fields["pooled"]["controls"]["shuffled_labels"]["weighted_accuracy"]
    assert row[7] == resampling.Interval(chance["mean"], *chance["range_95"])
    assert "intervals: speakers resampled." in table.notes
    assert [column.band for column in table.columns[5:7]] == ["largest class always"] * 2


def test_file_of_a_former_version_has_its_controls_too(tmp_path):
    fields = crossvals.write(tmp_path / "a")
    for name in ("controls", "interval", "notes"):
        del fields["pooled"][name]
    (tmp_path / "a" / "crossval.json").write_text(json.dumps(fields))
    found = group(tmp_path)
    assert found.rows[0].speakers == {} and found.rows[0].remarks == ()
    table = control_tables.control_table(found)
    assert table.rows[0][6] == published.Share(1 / 3)
    assert "intervals: utterances resampled within classes." in table.notes
    assert control_tables.speaker_scores(found.rows[0]) == {}
    assert control_tables.seed_table(found) is None


def test_few_speakers_are_noted_with_the_row(tmp_path):
    crossvals.write(tmp_path / "a", speakers=["Ann", "Bob"] * 30, num_hops=1)
    crossvals.write(tmp_path / "b", speakers=SPEAKERS, num_hops=2)
    notes = control_tables.control_table(group(tmp_path)).notes
    assert "AMH-1 (A+T+V): 2 speakers: no interval by speaker, which takes at least 5." in notes
    assert "AMH-2 (A+T+V): intervals: speakers resampled." in notes


def test_sexes_and_sentences_are_told_below(tmp_path):
    rows = crossvals.answers(seed=1)
    sexes = ["female" if number % 2 else "male" for number in range(60)]
    pooled = described(rows, sexes=sexes, sentences=["kids"] * 60)
    crossvals.write(tmp_path / "a", rows, pooled=pooled)
    table = control_tables.control_table(group(tmp_path))
    assert table.columns[-1].band == "sentence alone, at best"
    assert table.rows[0][-1] == published.Share(1 / 3)
    notes = " ".join(table.notes)
    for text in ("WA and UA by sex: female", "60 utterances say 1 sentence", "at most 0.333"):
        assert text in notes


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("controls",), 3),
        (("controls", "text_ceiling", "unweighted_accuracy"), 7),
        (("controls", "text_ceiling", "explanation"), "bell \x07"),
        (("per_sex", "groups", 0, "sex"), "half \x01"),
        (("per_sex", "gap", "value"), None),
    ],
)
def test_damaged_control_is_refused_with_the_file(tmp_path, path, value):
    rows = crossvals.answers(seed=1)
    sexes = ["female" if number % 2 else "male" for number in range(60)]
    pooled = described(rows, sexes=sexes, sentences=["kids"] * 60)
    place = pooled
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    crossvals.write(tmp_path / "a", rows, pooled=pooled)
    with pytest.raises(ValueError, match=r"a/crossval\.json.*Received: `pooled.*--runs"):
        gather.gather(tmp_path)


def member(seed, folds, value):
    score = {"value": value, "interval_95": [value - 0.1, value + 0.1]}
    return {
        **({} if seed is None else {"seed": seed}),
        "folds": folds,
        "mean": dict.fromkeys(schema.SCORES, value),
        "pooled": dict.fromkeys(schema.SCORES, score),
        "interval": "speakers resampled",
        "notes": [],
    }


def ensemble():
    whole = list(range(10))
    return {
        "members": [member(1, whole, 0.4), member(2, whole, 0.6), member(3, [0, 1], 0.9)],
        "mean": dict.fromkeys(schema.SCORES, 0.5),
        "standard_deviation": dict.fromkeys(schema.SCORES, 0.1414),
        "ensemble": member(None, whole, 0.7),
    }


def test_seeds_have_a_table(tmp_path):
    crossvals.write(tmp_path / "a", seeds=ensemble())
    crossvals.write(tmp_path / "b", num_hops=3)
    table = control_tables.seed_table(group(tmp_path))
    names = ["1", "2", "3 (2 of 10 folds)", "mean ± sd over seeds", "ensemble"]
    assert [row[1] for row in table.rows] == names
    assert all(row[0] == "AMH-7 (A+T+V)" for row in table.rows)
    assert table.rows[1][2:6] == [published.Estimate(0.6)] * 4
    assert table.rows[1][6] == resampling.Interval(0.6, 0.5, 0.7)
    assert table.rows[3][2:] == [published.Estimate(0.5, 0.1414)] * 4 + [""] * 4
    assert table.rows[4][2] == published.Estimate(0.7)
    lines = list(csv.reader(formats.csv_text(table).splitlines()))
    assert len(set(map(len, lines))) == 1
    assert "seeds.md" in {p.name for p in write.report(tmp_path, tmp_path / "out").paths}


@pytest.mark.parametrize(
    "damage",
    [
        lambda seeds: seeds.update(members=[]),
        lambda seeds: seeds.update(members=None),
        lambda seeds: seeds.pop("ensemble"),
        lambda seeds: seeds["members"][0].update(seed="one"),
        lambda seeds: seeds["members"][0].update(folds=[11]),
        lambda seeds: seeds["members"][0].update(folds=[]),
        lambda seeds: seeds["members"][0].update(interval=None),
        lambda seeds: seeds["members"][0].update(pooled={}),
        lambda seeds: seeds["ensemble"].update(mean={"macro_f1": 0.5}),
        lambda seeds: seeds.update(mean={"macro_f1": 2}),
        lambda seeds: seeds.update(standard_deviation=3),
        lambda seeds: seeds.pop("mean"),
        lambda seeds: seeds.pop("standard_deviation"),
    ],
)
def test_damaged_seeds_are_refused_with_the_file(tmp_path, damage):
    seeds = copy.deepcopy(ensemble())
    damage(seeds)
    crossvals.write(tmp_path / "a", seeds=seeds)
    with pytest.raises(ValueError, match=r"a/crossval\.json.*Received: `seeds"):
        gather.gather(tmp_path)


def test_seeds_that_are_no_object_are_refused(tmp_path):
    crossvals.write(tmp_path / "a", seeds=[1, 2])
    with pytest.raises(ValueError, match="`seeds`"):
        gather.gather(tmp_path)


def test_pairs_resample_speakers_where_one_row_knows_them(tmp_path):
    crossvals.write(tmp_path / "a", crossvals.answers(seed=1), num_hops=1, speakers=SPEAKERS)
    crossvals.write(tmp_path / "b", crossvals.answers(seed=2, accuracy=0.9), num_hops=2)
    table = pair_tables.pair_table(group(tmp_path))
    assert "paired bootstrap, speakers resampled." in table.notes[1]
    assert "do not rely on a small p" in table.notes[2]


def test_pictures_show_speakers_where_they_are_known(tmp_path):
    crossvals.write(tmp_path / "runs" / "a", crossvals.answers(seed=1), speakers=SPEAKERS)
    crossvals.write(tmp_path / "runs" / "b", num_hops=2)
    row = group(tmp_path / "runs").rows[1]
    scores = control_tables.speaker_scores(row)
    assert sorted(scores) == sorted(set(SPEAKERS))
    for speaker, value in scores.items():
        own = [answer for key, answer in row.predictions.items() if row.speakers[key] == speaker]
        labels, predictions = zip(*own)
        expected = sklearn_metrics.recall_score(
            labels, predictions, labels=sorted(set(labels)), average="macro"
        )
        assert value == pytest.approx(expected)
    written = write.report(tmp_path / "runs", tmp_path / "out")
    (path,) = [path for path in written.paths if path.name == "speakers.png"]
    assert path.read_bytes().startswith(b"\x89PNG")
    page = written.page.read_text()
    assert "AMH-7 (A+T+V): 6 speakers, mean ." in page and "AMH-2 (A+T+V): 6" not in page


def test_names_of_speakers_may_be_anything(tmp_path):
    hostile = ["$x$ <b>", "a,b", 'q"', "\\frac", "Ä", "_"]
    crossvals.write(tmp_path / "a", speakers=[hostile[number % 6] for number in range(60)])
    row = group(tmp_path).rows[0]
    scores = control_tables.speaker_scores(row)
    assert set(scores) == set(hostile)
    plots.speakers({row.name: scores}, 3, "title $", tmp_path / "speakers.png")
    assert (tmp_path / "speakers.png").stat().st_size > 1000


def test_damaged_row_of_predictions_with_speakers_is_refused(tmp_path):
    crossvals.write(tmp_path / "a", speakers=SPEAKERS)
    path = tmp_path / "a" / "predictions.csv"
    lines = path.read_text().splitlines()
    lines[3] = ",".join(lines[3].split(",")[:2] + lines[3].split(",")[3:])  # without its speaker
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=r"line 4.*Expected 8 values. Received: 7"):
        gather.gather(tmp_path)


def test_shuffled_labels_say_how_many(tmp_path):
    crossvals.write(tmp_path / "a")
    columns = control_tables.control_table(group(tmp_path)).columns
    assert controls.PERMUTATIONS == 1000
    assert columns[-1].band == "labels shuffled, mean [95 % of 1,000]"
