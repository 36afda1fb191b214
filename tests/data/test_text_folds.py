"""Folds by what is said."""

import numpy as np

from amh_tf.corpora import source
from amh_tf.data import protocol_folds, text_folds
from tests.data.test_protocol_folds import SPLITS, columns, one, read_speech, who


def test_keys_of_sentences_ignore_case_punctuation_and_spaces():
    same = ["Don't  go, now!", "don\u2019t go now", "DON'T GO... NOW"]
    assert len({text_folds.key(each) for each in same}) == 1
    assert text_folds.key("Stra\u00dfe") == text_folds.key("STRASSE")
    assert text_folds.key("e\u0301t\u00e9") == text_folds.key("\u00c9t\u00c9")
    assert text_folds.key("go-now") == text_folds.key("go now") != text_folds.key("gonow")
    assert text_folds.key("...") != text_folds.key("?!")
    assert text_folds.key("\u4f60\u597d\u3002") == text_folds.key("\u4f60\u597d")


def test_sentences_that_all_read_are_crossed_with_speakers():
    index = read_speech()
    protocol = one(index, "text", num_folds=10)
    assert len(protocol.names) == 10
    assert protocol.names[0] == "sentence 1, speakers 1"
    assert protocol.names[-1] == "sentence 2, speakers 5"
    for splits in columns(protocol):
        assert len(who(index, splits, "test", "sentence")) == 1
        taught = who(index, splits, "train", "sentence") | who(index, splits, "dev", "sentence")
        assert not taught & who(index, splits, "test", "sentence")
        heard = [who(index, splits, split) for split in SPLITS]
        assert not (heard[0] & heard[1] or heard[0] & heard[2] or heard[1] & heard[2])
        # 24 speakers: 4 or 5 tested, all others trained on but for two to select on.
        assert len(heard[2]) in (4, 5) and len(heard[0]) == 24 - 2 - len(heard[2])
        assert who(index, splits, "dev", "sex") == {"female", "male"}
    np.testing.assert_array_equal((columns(protocol) == "test").sum(axis=0), 1)
    assert len(set(protocol_folds.parts([protocol])[0])) <= 48


def test_repeated_scripts_are_left_out_of_what_tests_do_not_know():
    # As IEMOCAP: a sentence of each class is said in all sessions, others once each.
    index = tuple(
        source.Entry(
            id=f"{session}-{i}",
            label=i % 3,
            speaker=f"{session}{'FM'[i % 2]}",
            session=session,
            sentence=f"script {i}" if i < 3 else f"{session} free {i}",
        )
        for session in ("s1", "s2", "s3", "s4")
        for i in range(12)
    )
    protocol = one(index, "text")
    assert protocol.names == ("s1", "s2", "s3", "s4")
    for name, splits in zip(protocol.names, columns(protocol)):
        assert who(index, splits, "test", "session") == {name}
        expected = {e.id for e in index if e.session != name and e.sentence.startswith("script")}
        assert who(index, splits, "", "id") == expected
        assert (splits == "train").sum() == 2 * 9 and (splits == "dev").sum() == 9


def test_sentences_are_dealt_out_where_speakers_are_unknown():
    index = tuple(
        source.Entry(f"u{i}", i % 3, sentence=f"Sentence {i // 6}" + "!?"[i % 2])
        for i in range(120)
    )
    protocol = one(index, "text", num_folds=4)
    labels = np.array([entry.label for entry in index])
    for splits in columns(protocol):
        keys = [
            {text_folds.key(each) for each in who(index, splits, split, "sentence")}
            for split in SPLITS
        ]
        assert [len(each) for each in keys] == [10, 5, 5]
        assert not (keys[0] & keys[1] or keys[0] & keys[2] or keys[1] & keys[2])
        assert np.bincount(labels[splits == "test"]).tolist() == [10, 10, 10]
    # Two sentences give two folds, whose dev part is of what is trained on.
    few = [e for e in index if e.sentence.rstrip("!?") in ("Sentence 0", "Sentence 1")]
    assert one(few, "text").names == ("sentences 1", "sentences 2")
