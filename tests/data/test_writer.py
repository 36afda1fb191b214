import dataclasses
import hashlib
import itertools
import json
import shutil

import numpy as np
import pytest

from amh_tf import schema
from amh_tf.corpora import planted
from amh_tf.data import folds, manifest, pipeline, protocol_folds, writer
from tests.conftest import compact_source


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
    labels = [e.label for e in tiny_source.index if e.splits[0] == "train"]
    np.testing.assert_array_equal(
        folds.choose(tiny_data).label_counts("train"), np.bincount(labels, minlength=7)
    )


def test_same_data_set_is_left_alone_and_another_refused(tmp_path):
    first = planted.read(1, {"train": 3, "dev": 2, "test": 2})
    writer.write(first, tmp_path / "set")
    before = (tmp_path / "set" / "dataset.json").stat().st_mtime_ns
    writer.write(first, tmp_path / "set")
    assert (tmp_path / "set" / "dataset.json").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="already holds another data set"):
        writer.write(planted.read(2, {"train": 3, "dev": 2, "test": 2}), tmp_path / "set")
    assert (tmp_path / "set" / "dataset.json").stat().st_mtime_ns == before


def test_damaged_folder_is_not_taken_for_whole(tmp_path):
    first = planted.read(1, {"train": 3, "dev": 2, "test": 2})
    written = writer.write(first, tmp_path / "set")
    (tmp_path / "set" / written.shards[0].file).unlink()
    with pytest.raises(ValueError, match="Delete the folder and prepare"):
        writer.write(first, tmp_path / "set")


def test_same_set_written_meanwhile_is_taken(tmp_path):
    sizes = {"train": 3, "dev": 1, "test": 1}
    whole = planted.read(1, sizes)

    def overtaken():
        writer.write(whole, tmp_path / "set")
        yield from whole.utterances()

    slow = dataclasses.replace(whole, utterances=overtaken)
    assert len(writer.write(slow, tmp_path / "set").shards) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("ten years of work")
    with pytest.raises(ValueError, match="cannot be written to"):
        writer.write(planted.read(1, {"train": 1}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_failure_leaves_nothing_behind(tmp_path):
    whole = planted.read(1, {"train": 9, "dev": 1, "test": 1})

    def failing():
        yield next(whole.utterances())
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        writer.write(
            dataclasses.replace(whole, utterances=failing), tmp_path / "set", records_per_shard=4
        )
    assert list(tmp_path.iterdir()) == []


def test_source_that_contradicts_its_index_is_refused(tmp_path):
    whole = planted.read(1, {"train": 3, "dev": 1, "test": 1})
    mixed = dataclasses.replace(whole, index=whole.index[::-1])
    with pytest.raises(ValueError, match="does not match its index"):
        writer.write(mixed, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_folds_of_all_protocols_share_the_shards(tmp_path):
    whole = planted.read(1, {"train": 300, "dev": 20, "test": 20})
    protocols = ["random", "session", "speaker"]
    data = writer.write(whole, tmp_path / "set", protocols=protocols, num_folds=3)
    assert list(data.protocols) == protocols
    assert len(data.parts) == 3 * 10  # thirds times speakers
    everything = sorted(entry.id for entry in whole.index)
    for protocol, count in (("random", 3), ("session", 5), ("speaker", 10)):
        tested = []
        for number in range(count):
            fold = folds.choose(data, protocol, number)
            found = {
                split: [
                    name.decode()
                    for *_, names in pipeline.batches(fold, split, 64, with_ids=True)
                    for name in names.numpy()
                ]
                for split in ("train", "dev", "test")
            }
            assert sorted(itertools.chain(*found.values())) == everything
            tested += found["test"]
        assert sorted(tested) == everything


def test_shared_speakers_and_repeated_texts_are_told(tmp_path):
    whole = planted.read(1, {"train": 340})
    first = next(whole.utterances())

    def repeating():
        for utterance in whole.utterances():
            yield dataclasses.replace(utterance, text=first.text)

    same = dataclasses.replace(whole, utterances=repeating)
    data = writer.write(same, tmp_path / "set", protocols=["random", "speaker"], num_folds=3)
    told = folds.choose(data, "random", 1).warnings
    count = folds.choose(data, "random", 1).count("test")
    assert told[0] == "10 of 10 test speakers also speak in train"
    assert told[1].startswith(f"{count} of {count} test texts are also")
    alone = folds.choose(data, "speaker", 1).warnings
    assert not [text for text in alone if "speakers" in text]
    assert [text for text in alone if "test texts" in text]


def test_words_outside_the_training_part_are_unknown(tmp_path):
    whole = planted.read(1, {"train": 500})
    word = whole.vocabulary.index("filler7")
    ordinary = whole.vocabulary.index("filler0")
    speakers = {entry.id: entry.speaker for entry in whole.index}
    rare = sorted(set(speakers.values()))[4]

    def spoken_by_one():
        for utterance in whole.utterances():
            text = np.where(utterance.text == word, ordinary, utterance.text).astype(np.int32)
            if speakers[utterance.id] == rare:
                text[-1] = word
            yield dataclasses.replace(utterance, text=text)

    data = writer.write(
        dataclasses.replace(whole, utterances=spoken_by_one),
        tmp_path / "set",
        protocols=["speaker"],
    )
    for number in range(10):
        fold = folds.choose(data, "speaker", number)
        seen = {split: set() for split in ("train", "dev", "test")}
        for split, words in seen.items():
            for inputs, _ in pipeline.batches(fold, split, 64):
                words.update(np.unique(inputs["text"]).tolist())
        everywhere = set().union(*seen.values())
        assert (word in everywhere) == (word in seen["train"])
        if fold.name == rare:
            assert word not in everywhere and schema.UNKNOWN_ID in seen["test"]
        assert bool(fold.known_words()[word]) == (word in seen["train"])


def test_too_many_parts_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(protocol_folds, "MAX_PARTS", 20)
    whole = planted.read(1, {"train": 500})
    with pytest.raises(ValueError, match=r"into 30 parts.*--protocols"):
        writer.write(whole, tmp_path / "set", protocols=["random", "speaker"], num_folds=3)
    assert list(tmp_path.iterdir()) == []


def test_each_of_several_published_folds_masks_the_words_it_does_not_know(tmp_path):
    whole = planted.read(1, {"train": 12})
    word, ordinary = whole.vocabulary.index("filler7"), whole.vocabulary.index("filler0")

    def said_by_the_first():
        for number, utterance in enumerate(whole.utterances()):
            text = np.where(utterance.text == word, ordinary, utterance.text).astype(np.int32)
            text[-1] = word if not number else ordinary
            yield dataclasses.replace(utterance, text=text)

    # The first utterance is tested in one fold, trained on in the next, left out of the last.
    first = [("test", "train", "")] + [("train", "test", "train")] * 5
    rest = [("train", "train", "test")] * 3 + [("dev", "dev", "dev")] * 3
    index = tuple(
        dataclasses.replace(entry, splits=splits)
        for entry, splits in zip(whole.index, first + rest, strict=True)
    )
    several = dataclasses.replace(
        whole,
        index=index,
        utterances=said_by_the_first,
        fold_names=("a", "b", "c"),
        published="three folds",
    )
    data = writer.write(several, tmp_path / "set")
    assert data.protocols["given"]["description"] == "three folds"
    chosen = [folds.choose(data, "given", number) for number in range(3)]
    assert [fold.name for fold in chosen] == ["a", "b", "c"]
    assert [bool(fold.known_words()[word]) for fold in chosen] == [False, True, False]
    counts = [[fold.count(split) for split in schema.SPLITS] for fold in chosen]
    assert counts == [[8, 3, 1], [4, 3, 5], [5, 3, 3]]
    # One published split keeps its source's own vocabulary.
    one = [dataclasses.replace(entry, splits=entry.splits[:1]) for entry in index]
    alone = dataclasses.replace(several, index=tuple(one), fold_names=("given",))
    data = writer.write(alone, tmp_path / "alone")
    assert folds.choose(data).known_words() is None
    assert data.parts == ["test", "train", "dev"]


HOSTILE_NAMES = ["ang\nry", "", "\x1b[2J", "tab\t", "half \ud800", "x" * 201, "\u202etxt"]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("place", ["class", "id", "data set", "fold"])
def test_names_that_nothing_could_hold_are_refused_before_a_file(tmp_path, name, place):
    source = compact_source(42)
    first, *others = source.index
    changed = {
        "class": {"classes": (name, *source.classes[1:])},
        "id": {"index": (dataclasses.replace(first, id=name), *others)},
        "data set": {"name": name},
        "fold": {"fold_names": (name,)},
    }[place]
    with pytest.raises(ValueError, match="cannot be used"):
        writer.write(dataclasses.replace(source, **changed), tmp_path / "set")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("field", ["classes", "name"])
def test_names_of_a_stranger_s_manifest_are_refused(tiny_data, tmp_path, name, field):
    folder = shutil.copytree(tiny_data.folder, tmp_path / "set")
    fields = json.loads((folder / "dataset.json").read_text())
    fields[field] = [name, *fields["classes"][1:]] if field == "classes" else name
    (folder / "dataset.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"dataset\.json"):
        manifest.load(folder)


def test_far_too_many_classes_are_refused(tmp_path):
    source = compact_source(42)
    many = tuple(map(str, range(257)))
    with pytest.raises(ValueError, match="too many classes"):
        writer.write(dataclasses.replace(source, classes=many), tmp_path / "set")
