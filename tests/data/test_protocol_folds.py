import hashlib
import itertools

import numpy as np
import pytest

from amh_tf.corpora import planted, source
from amh_tf.data import protocol_folds

CLASSES = ("ang", "hap", "neu")
SPLITS = ("train", "dev", "test")


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


def read_speech(speakers=24, sentences=("Kids are talking.", "Dogs are sitting.")):
    """A scripted corpus as RAVDESS: everyone says every sentence in every class, twice."""
    return tuple(
        source.Entry(
            id=f"{speaker:02d}-{number}-{label}-{take}",
            label=label,
            speaker=f"a{speaker:02d}",
            sex=("male", "female")[speaker % 2],
            sentence=sentence,
        )
        for speaker in range(speakers)
        for number, sentence in enumerate(sentences)
        for label in range(3)
        for take in range(2)
    )


def one(index, name, fold_names=("given",), **options):
    """Makes a single protocol."""
    (protocol,) = protocol_folds.make(
        index, CLASSES, [name], protocol_folds.Options(**options), fold_names
    )
    return protocol


def columns(protocol):
    """The split of each utterance, an array for each fold."""
    return np.array(protocol.groups, object).T


def who(index, splits, split, field="speaker"):
    """The values of a field in a split."""
    return {getattr(e, field) for e, found in zip(index, splits) if found == split}


@pytest.mark.parametrize("name", ["random", "session", "speaker", "speaker_kfold"])
def test_folds_cover_and_have_all_splits(name):
    index = entries()
    protocol = one(index, name, num_folds=5)
    assert len(protocol.names) == len(set(protocol.names)) == len(columns(protocol))
    for splits in columns(protocol):
        assert set(splits) == set(SPLITS)
    np.testing.assert_array_equal((columns(protocol) == "test").sum(axis=0), 1)


def test_random_folds_are_stratified_eight_one_one():
    labels = np.repeat(np.arange(7), [110, 104, 60, 108, 185, 11, 171])
    index = tuple(source.Entry(f"u{i}", int(label)) for i, label in enumerate(labels))
    (protocol,) = protocol_folds.make(index, planted.schema.PAPER_CLASSES, ["random"])
    assert len(protocol.names) == 10
    for splits in columns(protocol):
        for split, share in (("train", 0.8), ("dev", 0.1), ("test", 0.1)):
            counts = np.bincount(labels[splits == split], minlength=7)
            np.testing.assert_allclose(counts, share * np.bincount(labels), atol=2)
            assert counts.all()


def test_random_folds_are_the_same_on_every_machine():
    # The digest was taken once; another one means that published folds would change.
    protocol = one(entries(), "random", num_folds=5, seed=3)
    tested = (columns(protocol) == "test").argmax(axis=0)
    digest = hashlib.sha256(bytes(tested.tolist())).hexdigest()
    assert digest[:16] == "7fa3b811bce41a80"
    assert protocol == one(entries(), "random", num_folds=5, seed=3)
    assert protocol.groups != one(entries(), "random", num_folds=5, seed=4).groups


@pytest.mark.parametrize("name", ["speaker_kfold", "text"])
def test_other_folds_are_the_same_on_every_machine(name):
    index = read_speech()
    protocol = one(index, name, num_folds=4)
    digest = hashlib.sha256(repr(protocol.groups).encode()).hexdigest()[:16]
    assert digest == {"speaker_kfold": "1a7573a1320ba5ec", "text": "92c6a2991405c879"}[name]


def test_sessions_and_speakers_are_kept_apart():
    index = entries()
    session, speaker = protocol_folds.make(index, CLASSES, ["session", "speaker"])
    for name, splits in zip(session.names, columns(session)):
        heard = {split: who(index, splits, split) for split in SPLITS}
        assert not heard["test"] & (heard["train"] | heard["dev"])
        assert who(index, splits, "test", "session") == {name}
    for name, splits in zip(speaker.names, columns(speaker)):
        assert who(index, splits, "test") == {name}
        assert who(index, splits, "dev") == {name[:-1] + ("M" if name.endswith("F") else "F")}


def test_given_split_is_kept():
    index = tuple(source.Entry(f"u{i}", 0, splits=(split,)) for i, split in enumerate(SPLITS))
    assert protocol_folds.possible(index) == ["given"]
    protocol = one(index, "given")
    names, ((fold,),) = protocol_folds.parts([protocol])
    assert names == ["train", "dev", "test"]
    assert fold == {"train": ["train"], "dev": ["dev"], "test": ["test"]}


def test_several_given_folds_are_kept_and_leave_out_what_they_leave_out():
    rows = [
        ("train", "test"),
        ("train", "dev"),
        ("test", "train"),
        ("dev", "train"),
        ("", "train"),
        ("train", ""),
    ]
    index = tuple(source.Entry(f"u{i}", 0, splits=row) for i, row in enumerate(rows))
    (protocol,) = protocol_folds.make(
        index, CLASSES, fold_names=("one", "two"), published="two folds of friends"
    )
    assert (protocol.name, protocol.names) == ("given", ("one", "two"))
    assert protocol.description == "two folds of friends"
    assert list(protocol.groups) == rows
    names, ((first, second),) = protocol_folds.parts([protocol])
    assert len(set(names)) == 6
    assert {split: len(first[split]) for split in SPLITS} == {"train": 3, "dev": 1, "test": 1}
    assert names[4] not in itertools.chain(*first.values())
    assert names[5] not in itertools.chain(*second.values())


def test_folds_of_speakers_are_balanced_by_class():
    # Speakers 0 to 4 are always angry, 5 to 14 say everything.
    index = tuple(
        source.Entry(f"{speaker}-{i}", 0 if speaker < 5 else i % 3, speaker=f"p{speaker:02d}")
        for speaker in range(15)
        for i in range(12)
    )
    protocol = one(index, "speaker_kfold", num_folds=5)
    labels = np.array([entry.label for entry in index])
    for splits in columns(protocol):
        # Of 100 angry, 40 happy and 40 neutral utterances, each fold tests on a fifth.
        assert np.bincount(labels[splits == "test"]).tolist() == [20, 8, 8]
        assert len(who(index, splits, "test")) == 3 and len(who(index, splits, "dev")) == 2
        heard = [who(index, splits, split) for split in SPLITS]
        assert not (heard[0] & heard[1] or heard[0] & heard[2] or heard[1] & heard[2])
        assert who(index, splits, "dev", "label") == {0, 1, 2}


def test_repeats_start_with_the_same_folds_and_go_on_with_others():
    index = read_speech()
    for name in ("random", "speaker_kfold"):
        once = one(index, name, num_folds=4)
        protocol = one(index, name, num_folds=4, repeats=3)
        assert protocol.names[::4] == ("repeat 1 fold 0", "repeat 2 fold 0", "repeat 3 fold 0")
        tested = columns(protocol) == "test"
        np.testing.assert_array_equal(columns(protocol)[:4], columns(once))
        assert not (tested[:4] == tested[4:8]).all() and not (tested[4:8] == tested[8:]).all()
        np.testing.assert_array_equal(tested.reshape(3, 4, -1).sum(axis=1), 1)


def test_possible_protocols_depend_on_what_is_known():
    assert protocol_folds.possible(entries()) == ["random", "session", "speaker"]
    assert protocol_folds.possible(entries(speaker="")) == ["random", "session"]
    assert protocol_folds.possible(entries(speaker="", session="")) == ["random"]
    assert protocol_folds.possible(entries(session="")) == ["speaker", "random"]
    assert protocol_folds.possible(read_speech()) == ["speaker_kfold", "random"]


def test_what_nobody_asked_for_is_left_out_if_it_cannot_be_made():
    # One speaker alone is ever happy, so none can be left out.
    index = [e for e in entries(session="") if e.label != 1 or e.speaker == "s0F"]
    made = protocol_folds.make(index, CLASSES, options=protocol_folds.Options(num_folds=3))
    assert [each.name for each in made] == ["random"]
    with pytest.raises(ValueError, match=r"missing from what fold 's0F'.*no hap"):
        protocol_folds.make(index, CLASSES, ["speaker"])


@pytest.mark.parametrize(
    ("count", "classes", "expected", "last"),
    [
        (90, CLASSES, "random of 10", "Protocol session is left out: The session is not known"),
        (24, CLASSES, "random of 8", "Protocol random has 8 folds instead"),
        (9, CLASSES, "random of 3", "Protocol random has 3 folds instead"),
        (6, CLASSES, "all of 1", "Protocol all is used instead"),
        (24, (*CLASSES, "sur"), "random of 8", "Protocol random has 8 folds instead"),
    ],
)
def test_where_nothing_can_be_made_fewer_folds_are(count, classes, expected, last):
    """Of whatever is there, whatever classes are not; and it is told."""
    told = []
    index = entries(count, speaker="", session="")
    (made,) = protocol_folds.make(index, classes, tell=told.append)
    assert f"{made.name} of {len(made.names)}" == expected
    if made.name == "random" and count < 90:
        for splits in columns(made):
            assert len(set(splits)) == 3
        assert told[0].startswith("Protocol random is left out: ")
    assert not any("--" in line for line in told)
    assert (told[-1] if told else last).startswith(last)
    with pytest.raises(ValueError, match=r"--protocols|--num_folds"):
        protocol_folds.make(index, classes, ["session"])


def test_parts_are_the_finest_cells():
    protocols = protocol_folds.make(
        entries(), CLASSES, ["random", "session"], protocol_folds.Options(num_folds=5)
    )
    names, chosen = protocol_folds.parts(protocols)
    assert len(set(names)) == 15
    for protocol, found in zip(protocols, chosen):
        for splits, fold in zip(columns(protocol), found):
            for split in SPLITS:
                assert set(np.array(names)[splits == split]) == set(fold[split])


@pytest.mark.parametrize(
    ("index", "names", "settings", "message"),
    [
        (entries(), ["random"], {"num_folds": 2}, r"`num_folds`.*--num_folds"),
        (entries(6), ["random"], {}, r"at most its 6 utterances.*num_folds=10"),
        (entries(24), ["random"], {}, r"missing from a fold.*ang 8, hap 8, neu 8"),
        (entries(speaker=""), ["speaker"], {}, r"speaker is not known.*90 utterances.*'u0'"),
        (entries(sessions=2), ["session"], {}, r"too few sessions.*'s0', 's1'"),
        (entries(), ["given"], {}, r"belongs to no split.*'u0'"),
        (entries(splits=("train", "")), ["given"], {}, r"1 published folds.*'train', ''"),
        (entries(splits=("exam",)), ["given"], {}, r"belongs to no split.*'exam'.*89 more"),
        (entries(splits=("test",)), ["given"], {}, r"'given' has no training part"),
        (entries(), ["fifths"], {}, r"protocol is not known.*fifths.*--protocols"),
        (entries(), [], {}, r"protocol is not known"),
        ((*entries(), *entries(1)), ["random"], {}, r"is in the data set twice.*'u0'"),
        (entries(), ["speaker_kfold"], {}, r"at most the 6 speakers.*num_folds=10"),
        (entries(speaker="p"), ["speaker_kfold"], {}, r"too few speakers.*at least 3.*'p'"),
        (entries(), ["text"], {}, r"sentence is not known.*'text'.*90 utterances"),
        (entries(sentence="So."), ["text"], {}, r"have the same sentence.*'So.'"),
        (read_speech(), ["text"], {"num_folds": 1}, r"`num_folds`.*at least 2.*num_folds=1"),
        (entries(), ["session"], {"repeats": 2}, r"random or speaker_kfold with --fold_repeats"),
        (read_speech(), ["random"], {"repeats": 4}, r"parts.*random of 40 folds.*--fold_repeats"),
        (entries(), ["random"], {"dev_speakers": 0}, r"`dev_speakers`.*no checkpoint.*=0.*--dev"),
        (entries(), ["random"], {"repeats": 0}, r"`fold_repeats` is out of range.*=0"),
    ],
)
def test_impossible_folds_are_refused(index, names, settings, message, monkeypatch):
    monkeypatch.setattr(protocol_folds, "MAX_PARTS", 250)
    with pytest.raises(ValueError, match=message):
        protocol_folds.make(index, CLASSES, names, protocol_folds.Options(**settings))


def test_class_missing_from_what_is_trained_is_refused():
    # Class neu is only spoken in session s0, which cannot then be tested.
    index = [e for e in entries() if e.label < 2 or e.session == "s0"]
    with pytest.raises(ValueError, match=r"missing from what fold 's0'.*no neu"):
        protocol_folds.make(index, CLASSES, ["session"])
