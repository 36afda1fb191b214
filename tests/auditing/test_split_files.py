"""Splits of others, in files, audited in the place of a data folder's own."""

import json

import pytest

from amh_tf.auditing import audit_subject, leaks, split_files
from amh_tf.data import manifest
from tests.auditing.split_tables import write_table
from tests.auditing.test_leaks import NOTHING, clean, totals, write


def test_folds_of_others_test_once_and_train_on_the_rest(tmp_path):
    rows = [{"id": f"u{n}", "fold": n % 3, "speaker": f"p{n % 2}"} for n in range(6)]
    read = split_files.read(write_table(tmp_path / "folds.csv", rows))
    assert read.names == ("fold 0", "fold 1", "fold 2")
    assert read.splits[:, 0].tolist() == ["test", "train", "train"] * 2
    found = leaks.report(audit_subject.of_splits(read, "folds.csv"))
    (protocol,) = found["protocols"]
    assert [fold["shared"]["speakers"]["train-test"] for fold in protocol["folds"]] == [2, 2, 2]
    answers = {name: each["answer"] for name, each in protocol["claims"].items()}
    assert answers["speaker_independent"] == "no"
    assert answers["free_of_duplicates"] == answers["every_class_in_test"] == "unknown"


def test_splits_of_several_folds_stand_in_lines_of_their_own(tmp_path):
    path = tmp_path / "splits.jsonl"
    rows = [
        {"id": "a", "fold": 1, "split": "train"},
        {"id": "b", "fold": 1, "split": "Validation"},
        {"id": "c", "fold": 1, "split": "test"},
        {"id": "a", "fold": 10, "split": "test"},
        {"id": "b", "fold": 10, "split": None},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    read = split_files.read(path)
    assert read.ids == ("a", "b", "c") and read.names == ("fold 1", "fold 10")
    assert read.splits.T.tolist() == [["train", "dev", "test"], ["test", "", ""]]


def test_splits_of_others_take_the_place_of_a_data_folders_own(tmp_path):
    data = write(clean(), tmp_path / "set")
    rows = [{"id": f"u{n:02d}", "split": "test" if n in (0, 9) else "train"} for n in range(12)]
    splits = split_files.read(write_table(tmp_path / "splits.csv", rows))
    subject = audit_subject.of_folder(manifest.load(data.folder))
    found = leaks.report(audit_subject.with_splits(subject, splits, "splits.csv"))
    (protocol,) = found["protocols"]
    (fold,) = protocol["folds"]
    assert fold["left_out"] == 6 and totals(fold) == NOTHING | {"speakers": 2}
    assert fold["claims"]["every_class_in_test"]["reason"] == "no hap, sad"
    rows += [{"id": f"strange{n}", "split": "train"} for n in range(5)]
    strange = split_files.read(write_table(tmp_path / "splits.csv", rows))
    with pytest.raises(ValueError, match=r"5 others, the first 'strange0', 'strange1'.*--splits"):
        audit_subject.with_splits(subject, strange, "splits.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header is wrong|holds no split"),
        ("id,split\n", "holds no split"),
        ("name,split\na,train\n", "line 1: columns are missing"),
        ("id,speaker\na,p\n", "split or fold"),
        ("id,split\na,exam\n", "line 2: split is not known.*'exam'"),
        ("id,split\na,train\na,test\n", "line 3: the id appears twice"),
        ("id,fold\na,1\na,2\n", "line 3: the id appears twice"),
        ("id,fold\na,\n", "line 2: the fold is missing"),
        ("id,split\n,train\n", "line 2: the id cannot be used"),
    ],
)
def test_bad_files_of_splits_are_refused(text, message, tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        split_files.read(path)


@pytest.mark.parametrize("line", ["[1]", '{"id": ["a"], "split": "train"}', "{", '{"id": true}'])
def test_bad_lines_of_json_are_refused(line, tmp_path):
    path = tmp_path / "splits.jsonl"
    path.write_text(line)
    with pytest.raises(ValueError, match="line 1: the line is bad"):
        split_files.read(path)
