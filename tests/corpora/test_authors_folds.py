import pickle

import numpy as np
import pytest

from amh_tf import schema
from amh_tf.corpora import authors_folds, planted
from tests import conftest


def rewrite(fold, name, change):
    """Loads an array of the fold, lets `change` alter or replace it, and writes it back."""
    path = fold / f"{name}.npy"
    array = np.load(path)
    replaced = change(array)
    np.save(path, array if replaced is None else replaced)


def test_fold_gives_back_what_was_written(fold):
    written = planted.read(seed=5, sizes={"train": 6, "dev": 4, "test": 4})
    read = authors_folds.read(fold)
    assert read.classes == schema.PAPER_CLASSES and not read.synthetic
    assert read.vocabulary == written.vocabulary
    np.testing.assert_array_equal(read.embedding, written.embedding)
    assert [(e.id, e.label, e.splits) for e in read.index] == [
        (e.id, e.label, e.splits) for e in written.index
    ]
    for old, new in zip(written.utterances(), read.utterances(), strict=True):
        assert (old.id, old.label) == (new.id, new.label)
        for modality in schema.MODALITIES:
            np.testing.assert_array_equal(getattr(old, modality), getattr(new, modality))


def test_last_dev_and_test_example_is_its_own(fold):
    # The authors' reader replaced it by example 0.
    source = authors_folds.read(fold)
    for split in ("dev", "test"):
        utterances = conftest.utterances_of(source, split)
        stored = np.load(fold / f"{split}_video.npy")[-1]
        np.testing.assert_array_equal(utterances[-1].video, stored[: len(utterances[-1].video)])


def test_sequences_are_cut(fold):
    source = authors_folds.read(fold, max_lengths={"audio": 7, "text": 3, "video": 2})
    for utterance in source.utterances():
        assert (len(utterance.audio), len(utterance.text), len(utterance.video)) == (7, 3, 2)


def test_default_cut_is_the_authors(tmp_path):
    source = planted.read(seed=5, sizes={"train": 2, "dev": 1, "test": 1})
    fold = conftest.write_fold(
        tmp_path / "long", source, stored={"audio": 1000, "text": 130, "video": 32}
    )
    rewrite(fold, "train_audio_seqN", lambda lengths: np.full_like(lengths, 1000))
    rewrite(fold, "train_video_seqN", lambda lengths: np.full_like(lengths, 32))
    rewrite(fold, "train_nlp_trans", lambda text: np.full_like(text, 5))
    utterance = next(authors_folds.read(fold).utterances())
    assert (len(utterance.audio), len(utterance.text), len(utterance.video)) == (750, 128, 25)


def test_length_zero_means_absent(fold):
    rewrite(fold, "dev_video_seqN", np.zeros_like)
    rewrite(fold, "dev_nlp_trans", np.zeros_like)
    for utterance in conftest.utterances_of(authors_folds.read(fold), "dev"):
        assert utterance.video.shape == (0, 2048) and utterance.text.shape == (0,)


def test_noise_beyond_the_length_is_allowed(fold):
    rewrite(fold, "train_audio_mfcc", lambda audio: audio.__setitem__((0, -1), np.nan))
    authors_folds.read(fold)


def test_fingerprint_sees_every_feature(fold):
    before = authors_folds.read(fold).fingerprint
    assert authors_folds.read(fold).fingerprint == before
    rewrite(fold, "train_video", lambda video: video.__setitem__((2, 1, 7), 1.0))
    assert authors_folds.read(fold).fingerprint != before


def set_item(index, value):
    def change(array):
        array[index] = value

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("train_audio_mfcc", lambda a: a[:-1], "do not hold the same utterances.*audio_mfcc.npy 5"),
        ("dev_label", lambda a: a[:0], "do not hold the same utterances"),
        ("test_label", set_item(1, 7), r"test_label.*a class id, 0 to 6.*7 for test_00001"),
        ("test_label", set_item(1, -1), r"a class id, 0 to 6.*-1 for test_00001"),
        ("train_audio_seqN", set_item(3, 71), r"train_audio_seqN.*0 to 70.*71 for train_00003"),
        ("train_video_seqN", set_item(3, -1), r"train_video_seqN.*0 to 12.*-1 for train_00003"),
        ("train_nlp_trans", set_item((2, 0), 54), r"a word id, 0 to 53.*54 for train_00002"),
        ("train_audio_mfcc", set_item((slice(2, 4), 5), np.nan), "in 2 utterances.*train_00002"),
        ("test_video", set_item((1, 0, 0), np.inf), "in 1 utterances.*test_00001"),
        ("dev_video", lambda a: a[:, :, :9], "do not fit each other.*'dev': 9"),
        ("dev_video", lambda a: a[0], "another kind of array.*3 dimensions"),
        ("dev_label", lambda a: a.astype(float), "another kind of array.*integers"),
        ("train_video", lambda a: a[:, :, :0], "another kind of array"),
        ("dev_nlp_trans", lambda a: a[:, :0], "another kind of array"),
        ("W_embedding", lambda a: a[:-1], "does not fit dic.pkl.*54 words"),
        ("W_embedding", set_item((4, 4), np.nan), "not finite.*1 rows, the first 4"),
    ],
)
def test_wrong_array_is_refused(fold, name, change, message):
    rewrite(fold, name, change)
    with pytest.raises(ValueError, match=message):
        authors_folds.read(fold)


@pytest.mark.parametrize("name", ["train_audio_mfcc", "dev_label", "test_nlp_trans"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "header", "empty", "garbage"])
def test_damaged_array_is_named(fold, name, damage):
    path = fold / f"{name}.npy"
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        cut = {"truncated": data[:-4], "header": data[:40], "empty": b"", "garbage": b"\0" * 999}
        path.write_bytes(cut[damage])
    with pytest.raises(ValueError, match=name):
        authors_folds.read(fold)


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 not an archive",
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (" + b" " * 70,
        b"\x93NUMPY\x01\x00\x40\x00"
        + b"{'descr': '<i8', 'fortran_order': False, 'shape': (4"
        + b"0" * 12,
        b"\x93NUMPY\x01\x00\x50\x00"
        + b"{'descr': '<i8', 'fortran_order': False, 'shape': (%d,), }" % 2**63
        + b"\n" * 9,
        b"\x93NUMPY\x02\x00\x28\x23\x00\x00" + b"-" * 9000,
    ],
)
def test_hostile_header_is_named(fold, data):
    (fold / "dev_label.npy").write_bytes(data)
    with pytest.raises(ValueError, match=r"dev_label\.npy.*cannot be read"):
        authors_folds.read(fold)


def test_number_beyond_float32_is_refused(fold):
    def change(audio):
        wide = audio.astype(np.float64)
        wide[1, 0, 0] = 1e300
        return wide

    rewrite(fold, "train_audio_mfcc", change)
    with pytest.raises(ValueError, match=r"in 1 utterances.*train_00001"):
        authors_folds.read(fold)


@pytest.mark.parametrize("classes", [(), ("ang",), ("ang", "ang"), ("ang", " ")])
def test_wrong_class_names_are_refused(fold, classes):
    with pytest.raises(ValueError, match="--classes"):
        authors_folds.read(fold, classes=classes)


def test_array_of_objects_is_refused(fold):
    np.save(fold / "dev_label.npy", np.array([{}, 1, 2, 3], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"dev_label.*cannot be read"):
        authors_folds.read(fold)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"_PAD_": 1, "_UNK_": 0}, "does not number its words"),
        ({"_PAD_": 0, "_UNK_": 1, "a": 3}, "does not number its words"),
        ({"_PAD_": 0, "_UNK_": 1, "a": 1}, "does not number its words"),
        ({"_PAD_": 0, "_UNK_": 1, "a\nb": 2}, "cannot be written"),
        ({"_PAD_": 0, "_UNK_": 1, "\ud800": 2}, "cannot be written"),
        ({}, "does not number its words"),
    ],
)
def test_wrong_dictionary_is_refused(fold, words, message):
    (fold / "dic.pkl").write_bytes(pickle.dumps(words))
    with pytest.raises(ValueError, match=message):
        authors_folds.read(fold)


@pytest.mark.parametrize("file", ["dic.pkl", "W_embedding.npy"])
def test_missing_file_is_named(fold, file):
    (fold / file).unlink()
    with pytest.raises(ValueError, match=file):
        authors_folds.read(fold)


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="--source_dir"):
        authors_folds.read(tmp_path / "nothing")
