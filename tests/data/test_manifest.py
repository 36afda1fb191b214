import dataclasses
import json
import shutil

import numpy as np
import pytest

from amh_tf.data import folds, manifest


@pytest.fixture
def folder(tiny_data, tmp_path):
    return shutil.copytree(tiny_data.folder, tmp_path / "copy")


def test_what_is_written_is_read(tiny_data):
    assert manifest.load(tiny_data.folder) == tiny_data


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"is not a data folder.*amh_tf\.prepare.*--data_dir"):
        manifest.load(tmp_path)


def lie(path, *keys):
    def change(fields):
        for key in keys[:-1]:
            fields = fields[key]
        fields[keys[-1]] = path

    return change


@pytest.mark.parametrize(
    "change",
    [
        lie(2, "format"),
        lie("../../etc/passwd", "shards", 0, "file"),
        lie("/etc/passwd", "vocabulary_file"),
        lie("..", "embedding_file"),
        lie(["nowhere"], "protocols", "given", "folds", 0, "train"),
        lie(["train"], "protocols", "given", "folds", 0, "dev"),
        lie([], "protocols", "given", "folds"),
        lie([5], "protocols", "given", "folds", 0, "warnings"),
        lie({}, "protocols"),
        lie("../counts.npy", "word_counts_file"),
        lie(-1, "shards", 0, "bytes"),
        lie("many", "shards", 0, "records"),
        lie([16], "shards", 0, "label_counts"),
        lie("dev-00000-of-00001.tfrecord", "shards", 0, "file"),
        lie({"audio": 120}, "widths"),
        lie(0, "vocabulary_size"),
        lie(17, "shards", 0, "records"),
        lie([], "shards", 0, "part"),
        lie({}, "shards", 0, "sha256"),
        lie(True, "shards", 0, "bytes"),
        lie({"1": 16}, "shards", 0, "label_counts"),
        lie("x" * 256, "vocabulary_file"),
        lie("\0", "embedding_file"),
        lie("\ud800", "shards", 0, "file"),
        lie({}, "name"),
        lie("\ud800", "name"),
        lie(1, "synthetic"),
        lie([], "transcripts"),
        lie(None, "fingerprint"),
        lie([[]] * 7, "classes"),
        lie(["a"] * 7, "classes"),
        lie(dict.fromkeys("abcdefg"), "classes"),
        lie({"audio": 1, "video": True}, "widths"),
        lie([], "feature_dtype"),
        lie([], "features"),
        lie({"max_lengths": {"audio": 1 << 40}}, "features"),
        lie({"max_lengths": 5}, "features"),
        lie({"video": [1]}, "features"),
        lie({"audio": {"use_energy": "no"}}, "features"),
        lie({"text": {"recognizer": ["sphinx"]}}, "features"),
        lie({"text": {"unspaced_scripts": "syllables"}}, "features"),
        lie({"text": {"unspaced_scripts": ["spaces"]}}, "features"),
        lie([], "protocols"),
        lie("text", "protocols", "given", "folds", 0, "warnings"),
        lie({}, "protocols", "given", "folds", 0, "name"),
        lie({"train": 1}, "protocols", "given", "folds", 0, "train"),
        lie([["train"]], "protocols", "given", "folds", 0, "train"),
        lambda fields: fields.pop("classes"),
        lambda fields: fields.update(surplus=1),
    ],
)
def test_manifest_that_lies_is_refused(folder, change):
    fields = json.loads((folder / "dataset.json").read_text())
    change(fields)
    (folder / "dataset.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"dataset\.json.*cannot be read"):
        manifest.load(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', "\x00", "[" * 100_000])
def test_damaged_manifest_is_refused(folder, text):
    (folder / "dataset.json").write_text(text)
    with pytest.raises(ValueError, match=r"dataset\.json.*cannot be read"):
        manifest.load(folder)


def test_missing_and_cut_shards_are_named(folder):
    loaded = folds.choose(manifest.load(folder))
    loaded.check_split("train")
    path = folder / loaded.select("train")[1].file
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(ValueError, match=rf"{path.name}.*record \d+ at byte \d+: .*1 bytes early"):
        loaded.check_split("train")
    path.unlink()
    with pytest.raises(ValueError, match=rf"{path.name}.*no such file"):
        loaded.check_split("train")
    loaded.check_split("dev")


def test_empty_split_is_refused(tiny_data):
    train = tuple(shard for shard in tiny_data.shards if shard.part == "train")
    with pytest.raises(ValueError, match=r"The dev split of .* is empty"):
        folds.choose(dataclasses.replace(tiny_data, shards=train)).check_split("dev")


def test_unknown_protocol_fold_and_split_are_refused(tiny_data):
    with pytest.raises(ValueError, match=r"`fold` is out of range.*--fold"):
        folds.choose(tiny_data, "given", 1)
    with pytest.raises(ValueError, match=r"Expected one of given.*--protocol"):
        folds.choose(tiny_data, "random")
    with pytest.raises(ValueError, match="`split` is not known"):
        folds.choose(tiny_data).select("validation")


@pytest.mark.parametrize("damage", ["shape", "integers", "cut", "objects"])
def test_wrong_embedding_is_named(folder, damage):
    path = folder / "embedding.npy"
    if damage == "shape":
        np.save(path, np.zeros((3, 300), np.float32))
    elif damage == "integers":
        np.save(path, np.zeros((54, 300), np.int32))
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-8])
    else:
        np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"embedding\.npy.*cannot be (used|read)"):
        manifest.load(folder).embedding()
