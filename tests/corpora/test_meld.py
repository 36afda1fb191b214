import csv

import pytest

from amh_tf.corpora import meld
from tests.corpora import damage

COLUMNS = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode"
COLUMNS = [*COLUMNS.split(","), "StartTime", "EndTime"]


def row(words, speaker, emotion, dialog, utterance):
    times = ["00:16:16,059", "00:16:21,731"]
    return ["1", words, speaker, emotion, "neutral", dialog, utterance, "8", "21", *times]


def write(path, rows, columns=COLUMNS):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


@pytest.fixture
def release(tmp_path):
    rows = [
        row(
            "also I was the point person on my company\x92s transition", "Chandler", "neutral", 0, 0
        ),
        row('You mustve "had", well,\nhands full.', "The Interviewer", "surprise", 0, 1),
    ]
    write(tmp_path / "train/train_sent_emo.csv", rows)
    (tmp_path / "train/train_splits").mkdir()
    write(tmp_path / "dev_sent_emo.csv", [row("Oh my God!", "Phoebe", "joy", 110, 7)])
    write(tmp_path / "test_sent_emo.csv", [row("Why?", "Joey", "anger", 0, 0)])
    return tmp_path


def test_release_is_read(release):
    corpus = meld.read(release)
    assert corpus.name == "MELD" and not corpus.synthetic
    assert corpus.classes == tuple("neutral surprise fear sadness joy disgust anger".split())
    first, second, dev, test = corpus.recordings
    assert (first.id, first.group, first.splits) == ("train_dia0_utt0", "train_dia0", ("train",))
    assert first.transcript == "also I was the point person on my company\u2019s transition"
    assert first.video == first.audio == str(release / "train/train_splits/dia0_utt0.mp4")
    assert (first.video_start, first.audio_end, first.side) == (None, None, "whole")
    assert second.transcript == 'You mustve "had", well, hands full.'
    assert (second.speaker, second.label) == ("The Interviewer", 1)
    # A hole of the release: the clip is missing, which is not the reader's business.
    assert dev.video == str(release / "dev_splits_complete/dia110_utt7.mp4")
    assert test.id == "test_dia0_utt0" and test.label == 6
    assert test.video == str(release / "output_repeated_splits_test/dia0_utt0.mp4")
    assert corpus.notes[0].startswith(
        "The splits are not as published: train 2 of 9,989, dev 1 of 1,109, test 1 of 2,610."
    )


def test_counts_of_the_whole_release_are_the_published_ones(tmp_path):
    for split, count in (("train", 9989), ("dev", 1109), ("test", 2610)):
        rows = [row("Hi.", "Joey", ("joy", "anger")[i % 2], i // 10, i % 10) for i in range(count)]
        write(tmp_path / f"{split}_sent_emo.csv", rows)
    corpus = meld.read(tmp_path, labels="joy,anger")
    assert corpus.notes == ("13,708 utterances, in every split as many as published.",)


def test_dialogs_are_put_together(release):
    rows = [row("a", "A", "joy", d, u) for d, u in ((1, 0), (2, 0), (1, 1))]
    write(release / "dev_sent_emo.csv", rows)
    names = [r.id for r in meld.read(release).recordings if r.splits[0] == "dev"]
    assert names == ["dev_dia1_utt0", "dev_dia1_utt1", "dev_dia2_utt0"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("a", "A", "joy", "../0", 0)], "line 2: Dialogue_ID is wrong"),
        ([row("a", "A", "joy", 0, "-1")], "line 2: Utterance_ID is wrong"),
        ([row("a", "A", "joy", 0, "1.0")], "line 2: Utterance_ID is wrong"),
        ([row("a", "A", "joy", 0, "9" * 7)], "line 2: Utterance_ID is wrong"),
        ([row("a", "A", "", 0, 0)], "line 2: the emotion is wrong"),
        ([row("a", "A", "joy", 0, 0), row("b", "B", "joy", 0, 0)], "line 3: the id appears twice"),
        (
            [row("a", "A", "joy", 0, 0), row("b", "B", "joy", 0, "00")],
            "line 3: the id appears twice",
        ),
        ([["1", "2"]], "line 2: the row does not fit"),
    ],
)
def test_bad_row_is_named(release, rows, message):
    write(release / "dev_sent_emo.csv", rows)
    with pytest.raises(ValueError, match=rf"dev_sent_emo\.csv', {message}"):
        meld.read(release)


def test_missing_columns_are_named(release):
    write(release / "dev_sent_emo.csv", [["1", "a"]], columns=["Sr No.", "Utterance"])
    with pytest.raises(ValueError, match=r"dev_sent_emo\.csv', line 1: columns are missing"):
        meld.read(release)


def test_missing_file_is_named(release):
    (release / "test_sent_emo.csv").unlink()
    with pytest.raises(ValueError, match=r"Expected test_sent_emo\.csv.*--source_dir"):
        meld.read(release)


def test_damaged_release_reads_or_is_refused(release):
    path = release / "train/train_sent_emo.csv"
    for data in damage.mutations(path.read_bytes(), 500, seed=1):
        path.write_bytes(data)
        try:
            corpus = meld.read(release)
        except ValueError as error:
            assert len(str(error)) < 700
        else:
            ids = [r.id for r in corpus.recordings]
            assert len(set(ids)) == len(ids) and not any("/" in name for name in ids)
            assert all(".." not in r.video for r in corpus.recordings)
