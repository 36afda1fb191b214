import hashlib
import itertools

import numpy as np
import pytest

from amh_tf.corpora import planted, source
from amh_tf.data import folds

CLASSES = ("ang", "hap", "neu")


def entries(count=90, sessions=3, **fields):
    """An index with three classes in turn and two speakers a session."""
    return tuple(
        source.Entry(
            id=f"u{i}",
            label=i % 3,
            **{
                "session": f"s{i // 3 % sessions}",
                "speaker": f"s{i // 3 % sessions}{'FM'[i // 9 % 2]}",
                **fields,
            },
        )
        for i in range(count)
    )


def assignment(protocol, fold):
    """The split of each utterance, from a protocol's groups."""
    split_of = {group: split for split, groups in fold.items() for group in groups}
    return np.array([split_of[group] for group in protocol.groups])


@pytest.mark.parametrize("name", ["random", "session", "speaker"])
def test_folds_are_disjoint_and_cover(name):
    index = entries()
    (protocol,) = folds.make(index, CLASSES, [name], num_folds=5)
    tested = np.zeros(len(index), int)
    for fold in protocol.folds:
        members = [fold[split] for split in ("train", "dev", "test")]
        assert all(members)
        assert not (members[0] & members[1] or members[0] & members[2] or members[1] & members[2])
        tested += assignment(protocol, fold) == "test"
    np.testing.assert_array_equal(tested, 1)


def test_random_folds_are_stratified_eight_one_one():
    labels = np.repeat(np.arange(7), [110, 104, 60, 108, 185, 11, 171])
    index = tuple(source.Entry(f"u{i}", int(label)) for i, label in enumerate(labels))
    (protocol,) = folds.make(index, planted.schema.PAPER_CLASSES, ["random"])
    assert len(protocol.folds) == 10
    for fold in protocol.folds:
        splits = assignment(protocol, fold)
        for split, share in (("train", 0.8), ("dev", 0.1), ("test", 0.1)):
            counts = np.bincount(labels[splits == split], minlength=7)
            np.testing.assert_allclose(counts, share * np.bincount(labels), atol=2)
            assert counts.all()


def test_random_folds_are_the_same_on_every_machine():
    # The digest was taken once; another one means that published folds would change.
    (protocol,) = folds.make(entries(), CLASSES, ["random"], num_folds=5, seed=3)
    digest = hashlib.sha256(bytes(protocol.groups)).hexdigest()
    assert digest[:16] == "7fa3b811bce41a80"
    assert protocol == folds.make(entries(), CLASSES, ["random"], num_folds=5, seed=3)[0]
    assert protocol.groups != folds.make(entries(), CLASSES, ["random"], 5, seed=4)[0].groups


def test_sessions_and_speakers_are_kept_apart():
    index = entries()
    session, speaker = folds.make(index, CLASSES, ["session", "speaker"])
    for name, fold in zip(session.names, session.folds):
        splits = assignment(session, fold)
        heard = {
            split: {e.speaker for e, found in zip(index, splits) if found == split}
            for split in ("train", "dev", "test")
        }
        assert not heard["test"] & (heard["train"] | heard["dev"])
        assert {e.session for e, found in zip(index, splits) if found == "test"} == {name}
    for name, fold in zip(speaker.names, speaker.folds):
        assert fold["test"] == {name}
        assert fold["dev"] == {name[:-1] + ("M" if name.endswith("F") else "F")}


def test_given_split_is_kept():
    index = tuple(
        source.Entry(f"u{i}", 0, splits=(split,))
        for i, split in enumerate(["train", "dev", "test"])
    )
    assert folds.possible(index) == ["given"]
    (protocol,) = folds.make(index, CLASSES, ["given"])
    names, (members,) = folds.parts([protocol])
    assert names == ["train", "dev", "test"] and members["dev"] == ["dev"]


def test_possible_protocols_depend_on_what_is_known():
    assert folds.possible(entries()) == ["random", "session", "speaker"]
    assert folds.possible(entries(speaker="")) == ["random", "session"]
    assert folds.possible(entries(speaker="", session="")) == ["random"]


def test_parts_are_the_finest_cells():
    protocols = folds.make(entries(), CLASSES, ["random", "session"], num_folds=5)
    names, members = folds.parts(protocols)
    assert len(set(names)) == 15
    for protocol, found in zip(protocols, members):
        for group, name in zip(protocol.groups, names):
            assert name in found[group]
        assert sorted(itertools.chain(*found.values())) == sorted(set(names))


@pytest.mark.parametrize(
    ("index", "names", "settings", "message"),
    [
        (entries(), ["random"], {"num_folds": 2}, r"`num_folds`.*--num_folds"),
        (entries(6), ["random"], {}, r"at most its 6 utterances.*num_folds=10"),
        (entries(24), ["random"], {}, r"missing from a fold.*ang 8, hap 8, neu 8"),
        (entries(speaker=""), ["speaker"], {}, r"speaker is not known.*90 utterances.*'u0'"),
        (entries(sessions=2), ["session"], {}, r"too few sessions.*'s0', 's1'"),
        (entries(), ["given"], {}, r"belongs to no split.*'u0'"),
        (entries(), ["fifths"], {}, r"protocol is not known.*fifths.*--protocols"),
        (entries(), [], {}, r"protocol is not known"),
        ((*entries(), *entries(1)), ["random"], {}, r"stands in the data set twice.*'u0'"),
    ],
)
def test_impossible_folds_are_refused(index, names, settings, message):
    with pytest.raises(ValueError, match=message):
        folds.make(index, CLASSES, names, **settings)


def test_class_missing_from_what_is_trained_is_refused():
    # Class neu is only spoken in session s0, which cannot then be tested.
    index = [e for e in entries() if e.label < 2 or e.session == "s0"]
    with pytest.raises(ValueError, match=r"missing from what fold 's0'.*no neu"):
        folds.make(index, CLASSES, ["session"])
