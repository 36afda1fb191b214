import hashlib
import json

import numpy as np
import pytest
import tensorflow as tf

from amh_tf import schema
from amh_tf.corpora import planted, source
from amh_tf.data import manifest, records

WIDTHS = {"audio": 3, "video": 2}


def utterance(audio=4, text=3, video=2):
    rng = np.random.default_rng(0)
    return source.Utterance(
        id="Ses01F_impro01_F000",
        label=5,
        audio=rng.standard_normal((audio, 3)).astype(np.float32),
        text=rng.integers(0, 9, text).astype(np.int32),
        video=rng.standard_normal((video, 2)).astype(np.float32),
    )


@pytest.mark.parametrize("lengths", [(4, 3, 2), (1, 1, 1), (0, 3, 2), (0, 0, 0)])
def test_record_gives_the_utterance_back(lengths):
    written = utterance(*lengths)
    fields = records.decode(tf.constant(records.encode(written)), WIDTHS)
    assert fields["id"].numpy().decode() == written.id and int(fields["label"]) == 5
    for modality, length in zip(schema.MODALITIES, lengths):
        expected = getattr(written, modality)
        assert int(fields[f"{modality}_length"]) == length
        np.testing.assert_array_equal(fields[modality][:length], expected)
        assert fields[modality].shape[0] == max(1, length)
        np.testing.assert_array_equal(fields[modality][length:], 0)


def test_record_that_contradicts_itself_is_refused():
    example = tf.train.Example.FromString(records.encode(utterance()))
    example.features.feature["audio_length"].int64_list.value[0] = 5
    with pytest.raises(tf.errors.InvalidArgumentError):
        records.decode(tf.constant(example.SerializeToString()), WIDTHS)


def test_folder_holds_what_the_manifest_says(tiny_data, tiny_source):
    stored = json.loads((tiny_data.folder / "dataset.json").read_text())
    assert stored["synthetic"] is True
    assert [shard["records"] for shard in stored["shards"]] == [16, 16, 8, 12, 14]
    for shard in stored["shards"]:
        data = (tiny_data.folder / shard["file"]).read_bytes()
        assert len(data) == shard["bytes"]
        assert hashlib.sha256(data).hexdigest() == shard["sha256"]
    words = (tiny_data.folder / "vocabulary.txt").read_text().split("\n")[:-1]
    assert tuple(words) == tiny_source.vocabulary
    np.testing.assert_array_equal(tiny_data.embedding(), tiny_source.embedding)
    labels = [u.label for u in tiny_source.splits["train"].utterances()]
    np.testing.assert_array_equal(tiny_data.label_counts("train"), np.bincount(labels, minlength=7))


def test_same_data_set_is_left_alone_and_another_refused(tmp_path):
    first = planted.read(1, {"train": 3, "dev": 2, "test": 2})
    records.write(first, tmp_path / "set")
    before = (tmp_path / "set" / "dataset.json").stat().st_mtime_ns
    records.write(first, tmp_path / "set")
    assert (tmp_path / "set" / "dataset.json").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="already holds another data set"):
        records.write(planted.read(2, {"train": 3, "dev": 2, "test": 2}), tmp_path / "set")
    assert manifest.load(tmp_path / "set").fingerprint == first.fingerprint


def test_damaged_folder_is_not_taken_for_whole(tmp_path):
    first = planted.read(1, {"train": 3, "dev": 2, "test": 2})
    written = records.write(first, tmp_path / "set")
    (tmp_path / "set" / written.shards[0].file).unlink()
    with pytest.raises(ValueError, match="Delete the folder and prepare"):
        records.write(first, tmp_path / "set")


def test_same_set_written_meanwhile_is_taken(tmp_path):
    sizes = {"train": 3, "dev": 1, "test": 1}
    whole = planted.read(1, sizes)

    def overtaken():
        records.write(whole, tmp_path / "set")
        yield from whole.splits["train"].utterances()

    slow = {**whole.__dict__, "splits": {**whole.splits, "train": source.Split(3, overtaken)}}
    assert records.write(source.Source(**slow), tmp_path / "set").count("train") == 3
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("ten years of work")
    with pytest.raises(ValueError, match="cannot be written to"):
        records.write(planted.read(1, {"train": 1}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_failure_leaves_nothing_behind(tmp_path):
    whole = planted.read(1, {"train": 9, "dev": 1, "test": 1})

    def failing():
        yield next(whole.splits["train"].utterances())
        raise OSError("no space left on device")

    broken = source.Split(9, failing)
    fields = {**whole.__dict__, "splits": {**whole.splits, "train": broken}}
    with pytest.raises(OSError, match="no space"):
        records.write(source.Source(**fields), tmp_path / "set", records_per_shard=4)
    assert list(tmp_path.iterdir()) == []
