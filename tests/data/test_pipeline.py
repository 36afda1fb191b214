import dataclasses
import hashlib

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.data import folds, pipeline, random_access, streamed, writer
from tests import conftest
from tests.data import test_layout


def ids(dataset):
    return [name.decode() for *_, batch in dataset for name in batch.numpy()]


@pytest.mark.parametrize("seed", [None, 0, 1])
@pytest.mark.parametrize("megabytes", [1, 256])
@pytest.mark.parametrize("bucketing", [False, True])
def test_every_utterance_comes_once(tiny_fold, tiny_source, seed, megabytes, bucketing):
    batches = pipeline.batches(
        tiny_fold,
        "train",
        7,
        seed=seed,
        shuffle_megabytes=megabytes,
        bucketing=bucketing,
        with_ids=True,
    )
    expected = [entry.id for entry in tiny_source.index if entry.splits[0] == "train"]
    found = ids(batches)
    assert sorted(found) == expected
    assert (found == expected) == (seed is None)


def test_order_depends_on_seed_and_epoch_alone(tiny_fold):
    def order(seed, epoch):
        return ids(pipeline.batches(tiny_fold, "train", 8, seed=seed, epoch=epoch, with_ids=True))

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def lengths_of_batches(fold, **options):
    batches = pipeline.batches(fold, "train", 8, bucketing=True, **options)
    return [inputs["audio_length"].numpy() for inputs, _ in batches]


def test_buckets_hold_about_the_same_length_in_random_order(tiny_fold):
    made = lengths_of_batches(tiny_fold, seed=1)
    every = np.sort(np.concatenate(made))
    # The jitter moves an utterance past others of less than a tenth more.
    for lengths in made:
        place = np.searchsorted(every, lengths.min())
        assert lengths.max() <= every[min(place + 7, len(every) - 1)] * 1.1**2
    means = [lengths.mean() for lengths in made]
    assert means != sorted(means)


def test_buckets_depend_on_seed_and_epoch_alone(tiny_fold):
    def order(seed, epoch):
        return ids(
            pipeline.batches(
                tiny_fold, "train", 8, seed=seed, epoch=epoch, bucketing=True, with_ids=True
            )
        )

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


@pytest.mark.parametrize("bucketing", [False, True])
def test_several_passes_are_the_same_as_one_after_the_other(tiny_fold, bucketing):
    def order(**passes):
        options = {"seed": 1, "bucketing": bucketing, "with_ids": True, **passes}
        return ids(pipeline.batches(tiny_fold, "train", 7, **options))

    one_by_one = [name for epoch in (2, 3, 4) for name in order(epoch=epoch)]
    assert order(epoch=2, epochs=3) == one_by_one


def test_buckets_give_as_many_batches_as_any_order(tiny_fold):
    # 40 utterances in bufferfuls of a few: only the last of all batches may be smaller.
    sizes = [
        len(labels)
        for _, labels in pipeline.batches(
            tiny_fold, "train", 3, seed=1, bucketing=True, shuffle_megabytes=1
        )
    ]
    assert sorted(sizes) == [1] + [3] * 13


def test_batches_hold_the_utterances_padded_to_the_longest(tiny_fold, tiny_source):
    utterances = {u.id: u for u in tiny_source.utterances()}
    sizes = []
    for inputs, labels, names in pipeline.batches(tiny_fold, "dev", 5, with_ids=True):
        batch = [utterances[name.decode()] for name in names.numpy()]
        sizes.append(len(batch))
        np.testing.assert_array_equal(labels, [u.label for u in batch])
        for modality in ("audio", "text", "video"):
            lengths = [len(getattr(u, modality)) for u in batch]
            np.testing.assert_array_equal(inputs[f"{modality}_length"], lengths)
            assert inputs[modality].shape[1] == max(lengths)
            for row, utterance in zip(inputs[modality], batch):
                sequence = getattr(utterance, modality)
                np.testing.assert_array_equal(row[: len(sequence)], sequence)
                np.testing.assert_array_equal(row[len(sequence) :], 0)
    assert sizes == [5, 5, 2]


def test_chosen_modalities_alone_are_given(tiny_fold):
    inputs, _ = next(iter(pipeline.batches(tiny_fold, "dev", 2, modalities=("audio", "text"))))
    assert list(inputs) == ["audio", "audio_length", "text", "text_length"]


def test_shuffle_buffer_stays_within_its_memory(tiny_fold):
    shards = tiny_fold.select("train")
    mean = sum(s.bytes for s in shards) / sum(s.records for s in shards)
    assert pipeline._buffer_size(shards, 1) == int(2**20 / mean)
    assert pipeline._buffer_size(shards, 1000) == 40
    assert pipeline._buffer_size(shards * 1000, 1) == int(2**20 / mean)


def test_changed_shard_is_refused_before_the_first_batch(tiny_source, tmp_path):
    fold = folds.choose(writer.write(tiny_source, tmp_path / "set"))
    path = tmp_path / "set" / fold.select("test")[0].file
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match=path.name):
        pipeline.batches(fold, "test", 4)


def test_shard_with_fewer_records_than_declared_raises(tiny_data):
    # Sizes agree, counts lie: TensorFlow itself would end the epoch early without a word.
    first, *rest = tiny_data.shards
    longer = dataclasses.replace(first, records=first.records + 1)
    lying = dataclasses.replace(tiny_data, shards=(longer, *rest))
    with pytest.raises(ValueError, match=rf"{first.file}.*16 records, not 17"):
        ids(pipeline.batches(folds.choose(lying), "train", 8, with_ids=True))


def same(found, expected):
    found, expected = list(found), list(expected)
    assert len(found) == len(expected) > 0
    for (inputs, *rest), (wanted_inputs, *wanted_rest) in zip(found, expected):
        assert list(inputs) == list(wanted_inputs)
        for name, wanted in wanted_inputs.items():
            assert inputs[name].dtype == wanted.dtype
            np.testing.assert_array_equal(inputs[name], wanted)
        for array, wanted in zip(rest, wanted_rest, strict=True):
            np.testing.assert_array_equal(array, wanted)


SOURCES = ("random access", "streamed")


def read_by(name, fold, split="train", modalities=("audio", "text", "video")):
    """Opens a split in one of the ways in which it can be read."""
    manifest, shards = fold.manifest, fold.select(split)
    if name == "random access":
        return random_access.RandomAccess(manifest, shards, fold.check_split(split), modalities)
    return streamed.Streamed(manifest, shards, modalities)


@pytest.mark.parametrize(
    ("feature_dtype", "modalities"),
    [
        ("float16", ("audio", "text", "video")),
        ("float32", ("text",)),
        ("float32", ("video", "audio")),
    ],
)
def test_batches_are_the_same_whichever_way_they_are_read(
    tiny_source, tmp_path, feature_dtype, modalities
):
    data = writer.write(
        tiny_source, tmp_path / "data", records_per_shard=13, feature_dtype=feature_dtype
    )
    fold = folds.choose(data)
    sources = [read_by(name, fold, modalities=modalities) for name in SOURCES]
    for order in (
        {},
        {"seed": 3, "epoch": 2, "epochs": 2},
        {"seed": 3, "epochs": 2, "bucketing": True},
        {"seed": 3, "bucketing": True, "shuffle_megabytes": 1},
    ):
        options = {"modalities": modalities, "with_ids": True, **order}
        expected = list(pipeline.batches(fold, "train", 7, **options))
        for source in sources:
            same(pipeline.batches(fold, "train", 7, source=source, **options), expected)


@pytest.mark.parametrize("name", SOURCES)
def test_split_may_lack_a_modality(tmp_path, name):
    compact = conftest.compact_source()  # some have no video
    fold = folds.choose(writer.write(compact, tmp_path / "data", num_folds=3))
    source = read_by(name, fold)
    for inputs, _, ids in pipeline.batches(
        fold, "train", 3, seed=1, bucketing=True, source=source, with_ids=True
    ):
        for video, length, written in zip(inputs["video"], inputs["video_length"], ids.numpy()):
            expected = next(u.video for u in compact.utterances() if u.id == written.decode())
            assert length == len(expected)
            np.testing.assert_array_equal(video[:length], expected)
            np.testing.assert_array_equal(video[length:], 0)


def test_record_of_any_order_of_fields_is_read(tiny_source, tmp_path):
    fold = folds.choose(writer.write(tiny_source, tmp_path / "data"))
    expected = list(pipeline.batches(fold, "train", 7, with_ids=True))
    shards = []
    for shard in fold.manifest.shards:
        path = fold.manifest.path(shard.file)
        written = [raw.numpy() for raw in tf.data.TFRecordDataset(str(path))]
        with tf.io.TFRecordWriter(str(path)) as file:
            for number, record in enumerate(written):
                fields = list(tf.train.Example.FromString(record).features.feature.items())
                np.random.default_rng(number).shuffle(fields)
                # Messages that stand one after the other are one.
                parts = [tf.train.Features(feature=dict([f])).SerializeToString() for f in fields]
                file.write(test_layout.field(0x0A, b"".join(parts)))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        shards.append(dataclasses.replace(shard, bytes=path.stat().st_size, sha256=digest))
    shuffled = dataclasses.replace(fold.manifest, shards=tuple(shards))
    fold = dataclasses.replace(fold, manifest=shuffled)
    same(pipeline.batches(fold, "train", 7, with_ids=True), expected)


@pytest.mark.parametrize("name", SOURCES)
def test_damage_is_found_before_a_split_is_read(tiny_source, tmp_path, name, monkeypatch):
    data = writer.write(tiny_source, tmp_path / "data")
    fold = folds.choose(data)
    path = data.path(fold.select("train")[0].file)
    path.write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(random_access, "is_available", lambda: name == "random access")
    with pytest.raises(ValueError, match=path.name):
        pipeline.open_split(fold, "train")


@pytest.mark.parametrize("name", SOURCES)
def test_damage_inside_a_record_is_found_while_it_is_read(tiny_source, tmp_path, name):
    data = writer.write(tiny_source, tmp_path / "data")
    fold = folds.choose(data)
    path = data.path(fold.select("train")[0].file)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(tf.errors.OpError, match=r"corrupted record|checksum"):
        list(pipeline.batches(fold, "train", 7, source=read_by(name, fold)))
