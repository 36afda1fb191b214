"""Folds in the authors' layout whose text is vectors."""

import re
import sys

import numpy as np
import pytest

import amh_tf
import amh_tf.prepare
from amh_tf import feature_kinds, schema
from amh_tf.corpora import authors_folds, planted
from amh_tf.data import verification
from tests import text_vectors
from tests.conftest import utterances_of
from tests.corpora.test_authors_folds import rewrite, set_item

SIZES = {"train": 6, "dev": 4, "test": 4}
BERT = {"kind": "other", "description": "a BERT, layer 9"}


@pytest.fixture
def expected():
    return text_vectors.of(planted.read(seed=5, sizes=SIZES))


@pytest.fixture
def vectors(fold, expected):
    """The fold with the vectors of its words in place of their ids, noise in the padding."""
    rng = np.random.default_rng(0)
    for split, count in SIZES.items():
        padded = rng.standard_normal((count, 16, 300)).astype(np.float32)
        texts = [utterance.text for utterance in utterances_of(expected, split)]
        for row, text in zip(padded, texts):
            row[: len(text)] = text
        np.save(fold / f"{split}_nlp_trans.npy", padded)
        np.save(fold / f"{split}_nlp_seqN.npy", np.array([len(text) for text in texts]))
    (fold / "dic.pkl").unlink()
    (fold / "W_embedding.npy").unlink()
    return fold


def test_fold_gives_back_the_vectors(vectors, expected):
    read = authors_folds.read(vectors)
    assert read.widths == {"audio": 120, "text": 300, "video": 2048}
    assert read.vocabulary == schema.RESERVED_WORDS and read.embedding is None
    for new, old in zip(read.utterances(), expected.utterances(), strict=True):
        for modality in schema.MODALITIES:
            found = getattr(new, modality)
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, getattr(old, modality))


def test_texts_are_cut_and_may_be_absent(vectors):
    rewrite(vectors, "dev_nlp_seqN", np.zeros_like)
    read = authors_folds.read(vectors, max_lengths={"text": 3})
    assert {utterance.text.shape for utterance in read.utterances()} == {(0, 300), (3, 300)}


def test_fingerprint_sees_vectors_and_lengths_but_no_padding(vectors):
    before = authors_folds.read(vectors).fingerprint
    rewrite(vectors, "train_nlp_trans", set_item((0, -1), np.nan))
    assert authors_folds.read(vectors).fingerprint == before
    rewrite(vectors, "train_nlp_seqN", set_item(1, 2))
    shorter = authors_folds.read(vectors).fingerprint
    rewrite(vectors, "train_nlp_trans", set_item((1, 1, 7), 9.0))
    assert len({before, shorter, authors_folds.read(vectors).fingerprint}) == 3


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("train_nlp_seqN", set_item(3, 17), r"train_nlp_seqN.*nlp_trans, 0 to 16.*17 for"),
        ("train_nlp_seqN", lambda a: a[:-1], "do not hold the same utterances.*nlp_seqN.npy 5"),
        ("dev_nlp_trans", set_item((2, 1), np.inf), r"dev_nlp_trans.*in 1 utterances.*dev_00002"),
        ("dev_nlp_trans", lambda a: a[:, :, :9], "text arrays in .* do not fit.*'dev': 9"),
        ("test_nlp_trans", lambda a: a[:, :, 0], "another kind of array.*3 dimensions"),
        ("test_nlp_trans", lambda a: a.astype(int), "another kind of array.*3 dimensions"),
        ("train_nlp_trans", lambda a: a.astype(int), "another kind of array.*floating-point"),
    ],
)
def test_wrong_array_is_refused(vectors, name, change, message):
    rewrite(vectors, name, change)
    with pytest.raises(ValueError, match=message):
        authors_folds.read(vectors)


def test_missing_lengths_are_named(vectors):
    (vectors / "dev_nlp_seqN.npy").unlink()
    with pytest.raises(ValueError, match=r"dev_nlp_seqN\.npy' is missing"):
        authors_folds.read(vectors)


def test_how_they_were_made_is_unknown_until_it_is_said(vectors):
    read = authors_folds.read(vectors)
    assert feature_kinds.record(read.features, "text") == {"kind": "unknown"}
    said = authors_folds.read(vectors, declared={"text": BERT})
    assert said.features["text"] == BERT and said.fingerprint == read.fingerprint
    with pytest.raises(ValueError, match=r"text arrays in .* are not what is declared.*words"):
        authors_folds.read(vectors, declared={"text": {"kind": "words"}})


def prepare(fold, folder, **more):
    return amh_tf.prepare(source="folds", source_dir=str(fold), output_dir=str(folder), **more)


def test_description_is_recorded_and_may_come_later(vectors, tmp_path):
    before = prepare(vectors, tmp_path / "d")
    shards = {shard.file: before.path(shard.file).stat().st_mtime_ns for shard in before.shards}
    after = prepare(vectors, tmp_path / "d", text_features=BERT["description"])
    assert after.features == {**before.features, "text": BERT}
    assert {file: after.path(file).stat().st_mtime_ns for file in shards} == shards
    (said, *more) = sys.modules["amh_tf.prepare"]._about_features("folds", after)
    assert said == f"The text is vectors: described as {BERT['description']!r}."
    assert not any("--text_features" in line for line in more)
    assert re.search(
        r"described as.*Train on a data set", feature_kinds.refusal(after.features, "text")
    )


@pytest.mark.parametrize("description", ["words", "", "a\nb"])
def test_description_that_cannot_be_is_refused(vectors, tmp_path, description):
    with pytest.raises(ValueError, match=r"not what is declared.*'BERT|`text_features` is not a"):
        prepare(vectors, tmp_path / "d", text_features=description)
    assert not (tmp_path / "d").exists()


def test_word_ids_take_no_description(fold, tmp_path):
    with pytest.raises(ValueError, match=r"`text_features` says nothing.*dic\.pkl.*Leave"):
        prepare(fold, tmp_path / "d", text_features="BERT, layer 9")


def test_fold_is_prepared(vectors, tmp_path):
    data = prepare(vectors, tmp_path / "d")
    assert data.widths["text"] == 300 and data.vocabulary_size == 2
    assert not feature_kinds.can_make(data.features, "text")
    (said, _, remedy, *_) = sys.modules["amh_tf.prepare"]._about_features("folds", data)
    assert said == "The text is vectors: it is not known how they were made."
    assert "--text_features=" in remedy
    assert not list(verification.verify(tmp_path / "d"))
