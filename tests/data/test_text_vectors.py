"""A data set whose text is vectors: written, checked and read as one of word ids is."""

import dataclasses
import json
import random

import numpy as np
import pytest
import tensorflow as tf

from amh_tf import schema
from amh_tf.data import folds, integrity, manifest, pipeline, verification, writer
from tests import text_vectors
from tests.conftest import compact_source
from tests.data import damages, test_pipeline


def shortened(read, lengths):
    """Cuts the texts to the given lengths, in turn."""

    def utterances():
        for number, utterance in enumerate(read.utterances()):
            cut = utterance.text[: lengths[number % len(lengths)]]
            yield dataclasses.replace(utterance, text=cut)

    return dataclasses.replace(read, utterances=utterances)


@pytest.fixture(scope="module")
def ids():
    return shortened(compact_source(), (2, 0, 1))


@pytest.fixture(scope="module")
def vectors(ids):
    return text_vectors.of(ids)


def write(read, folder, **settings):
    return writer.write(read, folder, 12, protocols=["session"], num_folds=3, **settings)


@pytest.mark.parametrize("feature_dtype", ["float32", "float16"])
@pytest.mark.parametrize("way", test_pipeline.SOURCES)
def test_batches_hold_the_vectors_of_the_words(ids, vectors, tmp_path, feature_dtype, way):
    of_ids, of_vectors = (
        folds.choose(write(read, tmp_path / name, feature_dtype=feature_dtype))
        for name, read in (("ids", ids), ("vectors", vectors))
    )
    source = test_pipeline.read_by(way, of_vectors)
    order = {"seed": 1, "bucketing": True, "with_ids": True}
    table = ids.embedding.astype(feature_dtype).astype(np.float32)
    written = {utterance.id: utterance for utterance in vectors.utterances()}
    lengths = set()
    for batch, expected in zip(
        pipeline.batches(of_vectors, "train", 5, source=source, **order),
        pipeline.batches(of_ids, "train", 5, **order),
        strict=True,
    ):
        inputs, wanted = dict(batch[0]), dict(expected[0])
        found, words = inputs.pop("text"), wanted.pop("text")
        test_pipeline.same([(inputs, *batch[1:])], [(wanted, *expected[1:])])
        assert found.dtype == tf.float32 and found.shape == (*words.shape, 4)
        for row, (length, name) in enumerate(zip(inputs["text_length"].numpy(), batch[2].numpy())):
            said = next(u for u in ids.utterances() if u.id == name.decode())
            assert length == len(said.text) == len(written[said.id].text)
            np.testing.assert_array_equal(found[row, :length], table[said.text])
            np.testing.assert_array_equal(found[row, length:], 0)
            lengths.add(int(length))
    assert lengths == {0, 1, 2}


def test_no_word_is_known_or_counted(vectors, tmp_path):
    data = write(vectors, tmp_path / "data")
    assert data.widths == {"audio": 6, "video": 5, "text": 4}
    assert (tmp_path / "data" / "vocabulary.txt").read_text() == "_PAD_\n_UNK_\n"
    assert data.embedding() is None and data.word_counts_file is None
    assert folds.choose(data, "session", 1).known_words() is None
    assert not list(verification.verify(data.folder))
    assert write(vectors, tmp_path / "data").fingerprint == data.fingerprint


def test_repeated_texts_are_noticed(vectors, tmp_path):
    first = next(vectors.utterances())

    def repeating():
        for number, utterance in enumerate(vectors.utterances()):
            yield dataclasses.replace(utterance, text=first.text + np.float32(number % 2))

    data = write(dataclasses.replace(vectors, utterances=repeating), tmp_path / "same")
    count = folds.choose(data).count("test")
    assert f"{count} of {count} test texts are also, word for word, in train" in (
        folds.choose(data).warnings
    )
    apart = [number * np.ones((1, 4), np.float32) for number in range(len(vectors.index))]

    def differing():
        for utterance, text in zip(vectors.utterances(), apart, strict=True):
            yield dataclasses.replace(utterance, text=text)

    data = write(dataclasses.replace(vectors, utterances=differing), tmp_path / "apart")
    assert not [text for text in folds.choose(data).warnings if "test texts" in text]


@pytest.mark.parametrize(
    "change",
    [
        {"vocabulary": (*schema.RESERVED_WORDS, "word")},
        {"embedding": np.zeros((2, 4), np.float32)},
    ],
    ids=["vocabulary", "embedding"],
)
def test_words_beside_vectors_are_refused(vectors, tmp_path, change):
    with pytest.raises(ValueError, match="cannot be both word ids and vectors"):
        write(dataclasses.replace(vectors, **change), tmp_path / "data")
    assert not list(tmp_path.iterdir())


def _not_a_number(feature):
    raw = np.frombuffer(feature["text"].bytes_list.value[0], np.float32).copy()
    raw[1] = np.inf
    feature["text"].bytes_list.value[0] = raw.tobytes()


def test_vector_that_is_not_finite_is_named(vectors, tmp_path):
    long = shortened(vectors, (2,))
    data = write(long, tmp_path / "data")
    name = data.shards[1].file
    damages._reencode(_not_a_number)(data.folder, name, random.Random(1))
    found = [str(fault) for fault in verification.verify(data.folder)]
    assert [text for text in found if name in text and "text is not finite" in text]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"widths": {"audio": 6, "video": 5, "text": 0}}, r"widths\.text"),
        ({"widths": {"audio": 6, "text": 4}}, "widths"),
        ({"embedding_file": "embedding.npy"}, "text that is not word ids"),
        ({"word_counts_file": "word_counts.npy"}, "text that is not word ids"),
        ({"features": {"text": {"kind": "words"}}}, "text features of the kind 'words'"),
        ({"features": {"text": {"kind": "other"}}}, "no description of the features of text"),
    ],
)
def test_manifest_that_contradicts_itself_is_refused(vectors, tmp_path, change, problem):
    path = write(vectors, tmp_path / "data").path("dataset.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=rf"dataset\.json.*cannot be read.*{problem}"):
        manifest.load(tmp_path / "data")


@pytest.mark.parametrize("widths", [{"text": 5}, {}], ids=["another width", "word ids"])
def test_width_of_another_text_is_noticed_before_a_pass(vectors, tmp_path, widths):
    data = write(vectors, tmp_path / "data")
    others = {**{name: data.widths[name] for name in ("audio", "video")}, **widths}
    lying = dataclasses.replace(data, widths=others)
    fold = folds.choose(lying)
    with pytest.raises(ValueError, match=r"its text has (16|32) bytes, not"):
        for shard in fold.select("train"):
            integrity.check_shard(lying, shard)
