import json

import pytest

from amh_tf.data import protocol_folds
from amh_tf.reporting import gather
from tests.reporting import crossvals


def test_cross_validations_are_found_at_any_depth(tmp_path):
    crossvals.write(tmp_path / "a", num_hops=3)
    fields = crossvals.write(tmp_path / "b" / "c" / "d")
    crossvals.write(tmp_path / ".e.partial.xyz", num_hops=5)  # still being written
    (group,) = gather.gather(tmp_path)
    assert [row.name for row in group.rows] == ["AMH-3 (A+T+V)", "AMH-7 (A+T+V)"]
    row = group.rows[1]
    assert row.folder == "b/c/d" and row.folds_text == "10"
    for name, estimate in row.scores.items():
        assert estimate.mean == fields["mean"][name]
        assert estimate.deviation == fields["standard_deviation"][name]
    assert len(row.predictions) == row.confusion.sum() == 60


@pytest.mark.parametrize("protocol", protocol_folds.PROTOCOLS)
def test_every_protocol_is_reported(tmp_path, protocol):
    crossvals.write(tmp_path / "a", protocol=protocol)
    (group,) = gather.gather(tmp_path)
    assert group.protocol == protocol


def test_rows_come_in_the_papers_order(tmp_path):
    wanted = [
        ("rnn_attn", ["audio"], "reference"),
        ("rnn_attn", ["video"], "reference"),
        ("mdre", ["audio", "text"], "reference"),
        ("mdre", ["text", "video"], "reference"),
        ("mdre", ["audio", "video"], "reference"),
        ("mdre", ["audio", "text", "video"], "reference"),
        ("mha", ["audio", "text"], "reference"),
        ("amh", ["audio", "text", "video"], "reference"),
        ("mdre", ["audio", "text"], "asr"),
        ("amh", ["audio", "text", "video"], "asr"),
    ]
    for number, (model, modalities, transcripts) in enumerate(reversed(wanted)):
        crossvals.write(
            tmp_path / str(number),
            model=model,
            modalities=modalities,
            transcripts=transcripts,
            num_hops=7 if model == "amh" else None,
        )
    (group,) = gather.gather(tmp_path)
    found = [(row.model, list(row.modalities), row.transcripts) for row in group.rows]
    assert found == wanted


@pytest.mark.parametrize(
    "change",
    [
        {"data": "MELD"},
        {"protocol": "speaker"},
        {"protocol_description": "Ten folds drawn at random, seed 2."},
        {"synthetic": True},
        {"num_folds": 12},
    ],
)
def test_what_must_not_be_compared_is_kept_apart(tmp_path, change):
    crossvals.write(tmp_path / "a")
    crossvals.write(tmp_path / "b", **change)
    assert [len(group.rows) for group in gather.gather(tmp_path)] == [1, 1]


def test_synthetic_data_is_called_so(tmp_path):
    crossvals.write(tmp_path / "a", data="planted", synthetic=True, warnings=["w", "w"])
    crossvals.write(tmp_path / "b", data="x (Synthetic)", synthetic=True)
    groups = gather.gather(tmp_path)
    titles = {group.title for group in groups}
    assert titles == {
        "planted (synthetic), protocol: random",
        "x (Synthetic), protocol: random",
    }
    assert sorted(group.warnings for group in groups) == [(), ("w",)]


def test_unfinished_cross_validation_says_so(tmp_path):
    rows = [row for row in crossvals.answers() if row[0] < 3]
    crossvals.write(tmp_path / "a", rows)
    (group,) = gather.gather(tmp_path)
    assert group.rows[0].folds_text == "3 of 10 folds"


def test_same_row_twice_is_refused_with_both_folders(tmp_path):
    crossvals.write(tmp_path / "a" / "one")
    crossvals.write(tmp_path / "b")
    with pytest.raises(ValueError, match=r"AMH-7 .*'a/one' and 'b'.*--runs"):
        gather.gather(tmp_path)


@pytest.mark.parametrize("made", [True, False])
def test_folder_without_cross_validation_is_refused(tmp_path, made):
    folder = tmp_path / "runs"
    if made:
        folder.mkdir()
    with pytest.raises(ValueError, match=r"holds no cross-validation.*--runs"):
        gather.gather(folder)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"title": ""}, "`title"),
        ({"title": "half \ud800"}, "surrogates not allowed"),
        ({"data": "bell \x07"}, "`data"),
        ({"model": "lstm"}, "`model"),
        ({"model": ["amh"]}, "`model"),
        ({"num_hops": None}, "`num_hops"),
        ({"num_hops": True}, "`num_hops"),
        ({"modalities": ["text", "audio"]}, "`modalities"),
        ({"modalities": 3}, "`modalities"),
        ({"modalities": []}, "`modalities"),
        ({"transcripts": "typed"}, "`transcripts"),
        ({"synthetic": "no"}, "`synthetic"),
        ({"protocol": "leave one out"}, "`protocol"),
        ({"num_folds": 9}, "`folds"),
        ({"folds": []}, "`folds"),
        ({"folds": [{"fold": 0}, {"fold": 0}]}, "`folds"),
        ({"warnings": "many"}, "`warnings"),
        ({"classes": ["ang", "ang", "sad"]}, "`classes"),
        ({"mean": {"weighted_accuracy": 0.5}}, "`mean"),
        ({"mean": None}, "`mean"),
        ({"standard_deviation": 0}, "`standard_deviation"),
        ({"pooled": {}}, "`pooled"),
        ({"pooled": {"confusion_matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}}, "do not match"),
        ({"pooled": {"confusion_matrix": [[0.5] * 3] * 3}}, "`pooled"),
    ],
)
def test_damaged_field_is_refused_with_the_file(tmp_path, change, text):
    crossvals.write(tmp_path / "a", **change)
    with pytest.raises(ValueError, match=r"a/.*Expected .*Received: .*") as raised:
        gather.gather(tmp_path)
    assert text in str(raised.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.5, "0.5", True, None])
def test_score_that_is_no_share_is_refused(tmp_path, value):
    fields = crossvals.write(tmp_path / "a")
    fields["mean"]["macro_f1"] = value
    (tmp_path / "a" / "crossval.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"`mean\.macro_f1`"):
        gather.gather(tmp_path)


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        (["ang", "hap"], "`pooled"),
        (["ang", "hap", "neu"], "predictions.csv"),
        (["ang"], "`classes"),
        (["ang", "hap", ""], "`classes"),
        ("ang,hap,sad", "`classes"),
    ],
)
def test_wrong_classes_are_refused(tmp_path, classes, text):
    fields = crossvals.write(tmp_path / "a")
    fields["classes"] = classes
    (tmp_path / "a" / "crossval.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"Expected .*Received: .*") as raised:
        gather.gather(tmp_path)
    assert text in str(raised.value)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"title": ' + "[" * 100_000, "\ufeff{}"])
def test_file_that_is_no_json_object_is_refused(tmp_path, content):
    crossvals.write(tmp_path / "a")
    (tmp_path / "a" / "crossval.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"crossval\.json"):
        gather.gather(tmp_path)


def test_missing_predictions_are_refused(tmp_path):
    crossvals.write(tmp_path / "a")
    (tmp_path / "a" / "predictions.csv").unlink()
    with pytest.raises(ValueError, match=r"predictions\.csv' is missing"):
        gather.gather(tmp_path)


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda text: text.replace("fold,id", "fold,name", 1), "line 1"),
        (lambda text: "", "line 1"),
        (lambda text: text + "0,utt_0000,ang,ang,1,0,0\n", "'utt_0000' again"),
        (lambda text: text + "0,new,ang,bored,1,0,0\n", "'bored'"),
        (lambda text: text + "11,new,ang,ang,1,0,0\n", "'11'"),
        (lambda text: text + "0,new,ang\n", "line 62"),
        (lambda text: text + '0,"new,ang\n', "line 6"),
        (lambda text: text + "0,new,ang,ang,1,0,0\n", "61 utterances here and 60 there"),
        (lambda text: "\n".join(text.splitlines()[:-1]), "59 utterances here and 60 there"),
    ],
)
def test_damaged_predictions_are_refused_with_the_line(tmp_path, damage, text):
    crossvals.write(tmp_path / "a")
    path = tmp_path / "a" / "predictions.csv"
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=r"a/predictions\.csv'") as raised:
        gather.gather(tmp_path)
    assert text in str(raised.value)


def test_predictions_in_another_encoding_are_refused(tmp_path):
    crossvals.write(tmp_path / "a")
    path = tmp_path / "a" / "predictions.csv"
    path.write_bytes(path.read_bytes() + "0,Ärger,ang,ang,1,0,0\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a/predictions\.csv'.*UnicodeDecodeError"):
        gather.gather(tmp_path)
