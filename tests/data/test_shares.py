"""Workers that read their rows of each batch alone."""

import os

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.data import folds, pipeline, random_access, shares, streamed, writer
from tests.data import test_pipeline

# Orders of a pass: 40 train utterances in batches of 7 and one of 5.
ORDERS = (
    {"seed": 3, "epoch": 2, "epochs": 2},
    {"seed": 3, "epochs": 2, "bucketing": True},
    {"seed": 3, "shuffled_labels": 5},
)


def spans(rows, workers, devices=1):
    """The rows of each worker's share, as pairs of integers."""
    total = workers * devices
    team = [shares.Share(number * devices, devices, total) for number in range(workers)]
    return [tuple(int(end) for end in share.span(tf.constant(rows))) for share in team]


def test_rows_are_distributed_evenly_in_their_order():
    assert spans(8, 2) == [(0, 4), (4, 8)]
    assert spans(7, 3) == [(0, 2), (2, 4), (4, 7)]
    assert spans(9, 2, devices=2) == [(0, 4), (4, 9)]


def test_replica_without_rows_has_one_that_its_worker_holds():
    assert spans(1, 3) == [(0, 1)] * 3
    assert spans(2, 3) == [(0, 1), (0, 1), (1, 2)]
    for rows in range(1, 8):
        for devices in (1, 2, 3):
            workers, replicas = spans(rows, 2, devices), spans(rows, 2 * devices)
            for number, (start, end) in enumerate(replicas):
                first, last = workers[number // devices]
                assert first <= start < end <= last <= rows
            assert {row for span in replicas for row in range(*span)} == set(range(rows))


@pytest.mark.parametrize("name", test_pipeline.SOURCES)
@pytest.mark.parametrize("order", ORDERS)
def test_shares_are_rows_of_the_whole_batches(tiny_fold, name, order):
    source = test_pipeline.read_by(name, tiny_fold)
    whole = list(pipeline.batches(tiny_fold, "train", 7, source=source, **order))
    team = [shares.Share(number, 1, 3) for number in range(3)]
    parts = [
        list(pipeline.batches(tiny_fold, "train", 7, source=source, share=share, **order))
        for share in team
    ]
    assert [len(part) for part in parts] == [len(whole)] * 3
    for (inputs, labels), *of_workers in zip(whole, *parts, strict=True):
        for share, (part, part_labels, rows) in zip(team, of_workers):
            assert rows == len(labels)
            own = slice(*share.span(rows))
            np.testing.assert_array_equal(part_labels, labels[own])
            assert list(part) == list(inputs)
            for key, values in inputs.items():  # padded as the whole batch is
                np.testing.assert_array_equal(part[key], values[own])


def test_half_precision_and_fewer_modalities_are_read_too(tiny_source, tmp_path):
    data = writer.write(tiny_source, tmp_path / "data", feature_dtype="float16")
    fold, share = folds.choose(data), shares.Share(1, 1, 2)
    for name in test_pipeline.SOURCES:
        source = test_pipeline.read_by(name, fold, modalities=("video", "text"))
        options = {"modalities": ("video", "text"), "source": source, "seed": 1}
        whole = pipeline.batches(fold, "train", 40, **options)
        part = pipeline.batches(fold, "train", 40, share=share, **options)
        [(inputs, _)], [(own, _, rows)] = whole, part
        assert rows == 40
        for key, values in inputs.items():
            np.testing.assert_array_equal(own[key], values[20:])


def test_only_the_records_of_a_share_are_read(tiny_fold, monkeypatch):
    preadv, read = os.preadv, []

    def counted(*arguments):
        read.append(preadv(*arguments))
        return read[-1]

    monkeypatch.setattr(random_access.os, "preadv", counted)
    source = test_pipeline.read_by("random access", tiny_fold)
    share = shares.Share(0, 1, 4)
    batches = pipeline.batches(tiny_fold, "train", 8, source=source, seed=1, share=share)
    assert sum(len(labels) for _, labels, _ in batches) == 10
    assert len(read) == 10


def test_service_makes_shares(tiny_fold):
    dispatcher = tf.data.experimental.service.DispatchServer()
    address = dispatcher.target.split("://")[1]
    worker = tf.data.experimental.service.WorkerServer(
        tf.data.experimental.service.WorkerConfig(dispatcher_address=address)
    )
    options = {"seed": 5, "share": shares.Share(1, 1, 2)}
    here = list(pipeline.batches(tiny_fold, "train", 13, **options))
    there = list(
        pipeline.batches(tiny_fold, "train", 13, data_service=dispatcher.target, **options)
    )
    assert len(here) == len(there) == 4
    for expected, batch in zip(here, there):
        tf.nest.map_structure(np.testing.assert_array_equal, expected, batch)
    assert worker


def test_streamed_source_without_random_access_decodes_a_share(tiny_fold, monkeypatch):
    monkeypatch.setattr(random_access, "is_available", lambda: False)
    source = pipeline.open_split(tiny_fold, "train")
    assert isinstance(source, streamed.Streamed)
    batches = pipeline.batches(
        tiny_fold, "train", 8, source=source, seed=1, share=shares.Share(1, 1, 4)
    )
    assert sum(len(labels) for _, labels, _ in batches) == 10
