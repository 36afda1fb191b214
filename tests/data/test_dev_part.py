"""The dev part of folds that come without one."""

import numpy as np

from amh_tf.corpora import source
from tests.data.test_protocol_folds import columns, one, who


def test_given_fold_without_dev_takes_speakers_of_each_sex_out_of_train():
    index = tuple(
        source.Entry(
            id=f"u{i}",
            label=i % 3,
            splits=("test" if i < 30 else "train",),
            speaker=f"p{i // 15}",
            # Of the training speakers p2 to p7 only p3 is a woman.
            sex="female" if i // 15 in (0, 3) else "male",
        )
        for i in range(120)
    )
    protocol = one(index, "given")
    (splits,) = columns(protocol)
    chosen = who(index, splits, "dev")
    assert "p3" in chosen and len(chosen) == 2 and not chosen & {"p0", "p1"}
    assert who(index, splits, "test") == {"p0", "p1"}
    assert not chosen & who(index, splits, "train")
    assert "selected on 2 training speakers" in protocol.description
    # No more than half of the speakers are taken.
    (splits,) = columns(one(index, "given", dev_speakers=5))
    assert len(who(index, splits, "dev")) == len(who(index, splits, "train")) == 3


def test_dev_speakers_say_every_class_and_take_none_away_from_train():
    # p0 alone says class 2; p1 says 0, p2 says 1, the others both.
    said = {"p0": (0, 1, 2), "p1": (0,), "p2": (1,), "p3": (0, 1), "p4": (0, 1), "p5": (0, 1)}
    index = tuple(
        source.Entry(f"{name}-{i}-{label}", label, ("train",), speaker=name)
        for name, labels in said.items()
        for label in labels
        for i in range(3)
    ) + (source.Entry("t", 0, ("test",), speaker="q"),)
    for seed in range(8):
        (splits,) = columns(one(index, "given", seed=seed))
        assert "p0" not in who(index, splits, "dev")
        assert who(index, splits, "dev", "label") == {0, 1}
        assert who(index, splits, "train", "label") == {0, 1, 2}


def test_dev_is_a_stratified_tenth_where_speakers_are_unknown():
    labels = [0] * 60 + [1] * 30 + [2] * 11 + [0] * 20
    index = tuple(
        source.Entry(f"u{i}", label, ("train" if i < 101 else "test",))
        for i, label in enumerate(labels)
    )
    (splits,) = columns(one(index, "given"))
    assert np.bincount(np.array(labels)[splits == "dev"]).tolist() == [6, 3, 1]
    assert set(splits[101:]) == {"test"}
    (other,) = columns(one(index, "given", seed=1))
    assert (splits != other).any()
