import json

import pytest

from amh_tf.corpora import emobox
from tests.corpora import damage, trees


def line(name, emotion="anger", **more):
    """A line with all that EmoBox writes."""
    fields = {"key": f"emodb-{name}", "dataset": "emodb", "wav": f"downloads/emodb/wav/{name}.wav"}
    fields |= {"type": "raw", "sample_rate": 16000, "num_frame": 160.0, "task": "category"}
    return {**fields, "length": 0.01, "emo": emotion, "channel": 1, **more}


def write_fold(folder, number, name="emodb", **splits):
    for split, lines in splits.items():
        path = folder / f"fold_{number}/{name}_{split}_fold_{number}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(each) + "\n" for each in lines))


LINES = {name: line(name, "anger" if name < "c" else "boredem") for name in "abcd"}


@pytest.fixture
def checkout(tmp_path):
    """Two folds of four utterances, and their sound where EmoBox has it."""
    folder = tmp_path / "EmoBox/data/emodb"
    a, b, c, d = LINES.values()
    write_fold(folder, 1, train=[b, c, d], test=[a])
    write_fold(folder, 2, train=[a, c], valid=[d], test=[b])
    (folder / "label_map.json").write_text('{"anger": "Angry", "boredem": "Boredom"}')
    for name in LINES:
        trees.write_sound(tmp_path / f"EmoBox/downloads/emodb/wav/{name}.wav")
    return folder


def test_folds_are_read(checkout):
    corpus = emobox.read(checkout)
    assert corpus.name == "emodb (EmoBox's folds)" and not corpus.synthetic
    assert corpus.classes == ("Angry", "Boredom")
    assert corpus.fold_names == ("fold 1", "fold 2")
    assert "2 folds of EmoBox" in corpus.published
    assert [(s.id, s.label, s.splits) for s in corpus.recordings] == [
        ("emodb-a", 0, ("test", "train")),
        ("emodb-b", 0, ("train", "test")),
        ("emodb-c", 1, ("train", "train")),
        ("emodb-d", 1, ("train", "dev")),
    ]
    first = corpus.recordings[0]
    assert first.audio == str(checkout.parents[1] / "downloads/emodb/wav/a.wav")
    assert (first.audio_start, first.video, first.transcript, first.speaker) == (None,) * 3 + ("",)
    assert corpus.notes == ("4 of 4 utterances listed are there.",)


def test_folds_stand_in_the_order_of_their_numbers(checkout):
    write_fold(checkout, 10, train=[LINES["a"]], test=[LINES["d"]])
    corpus = emobox.read(checkout)
    assert corpus.fold_names == ("fold 1", "fold 2", "fold 10")
    assert corpus.recordings[1].splits == ("train", "test", "")


def test_sound_may_lie_elsewhere(checkout, tmp_path):
    own = tmp_path / "own"
    (checkout.parents[1] / "downloads/emodb").rename(own)
    assert emobox.read(checkout, audio_dir=own).recordings[0].audio == str(own / "wav/a.wav")
    (own / "wav/a.wav").unlink()
    notes = emobox.read(checkout, audio_dir=own).notes
    assert notes[0] == "3 of 4 utterances listed are there."
    assert notes[1] == "1 sound files are missing: downloads/emodb/wav/a.wav."
    with pytest.raises(ValueError, match=r"None of the 4 sound files of emodb.*--audio_dir"):
        emobox.read(checkout, audio_dir=tmp_path / "nowhere")


def test_span_is_read(checkout):
    long = [line(name, start_time=1.5, end_time=2.25) for name in "ab"]
    write_fold(checkout, 1, train=[long[0], LINES["c"]], test=[long[1]])
    write_fold(checkout, 2, train=[long[1], LINES["c"]], test=[long[0]])
    spoken = emobox.read(checkout).recordings[0]
    assert (spoken.audio_start, spoken.audio_end) == (1.5, 2.25)


def test_files_of_other_names_are_not_read_but_named(checkout):
    (checkout / "fold_1/emodb_test_fold1.jsonl").write_text("not read")
    (checkout / "fold_1/._emodb_test_fold_1.jsonl").write_bytes(b"\0")
    (checkout / "fold_2/emodb_test2_fold_2.jsonl").write_text("not read")
    assert emobox.read(checkout).notes[-1] == (
        "2 files of folds are not read: fold_1/emodb_test_fold1.jsonl, "
        "fold_2/emodb_test2_fold_2.jsonl."
    )


def test_labels_are_those_of_the_map(checkout):
    assert emobox.read(checkout, labels="Boredom,Angry").classes == ("Boredom", "Angry")
    (checkout / "label_map.json").write_text('{"anger": "Boredom"}')
    with pytest.raises(ValueError, match=r"do not make classes.*--labels"):
        emobox.read(checkout)
    # A label outside the map is of no class, even if a class has its name.
    (checkout / "label_map.json").write_text('{"anger": "boredem", "x": "y"}')
    with pytest.raises(ValueError, match=r"Received: 1, such as 'boredem'"):
        emobox.read(checkout)
    (checkout / "label_map.json").unlink()
    assert emobox.read(checkout).classes == ("anger", "boredem")
    (checkout / "label_map.json").write_text('{"anger": 1}')
    with pytest.raises(ValueError, match=r"label_map\.json' does not map labels"):
        emobox.read(checkout)


def test_sound_of_a_name_that_no_file_can_have_is_missing(checkout):
    long = "a" * 300
    write_fold(
        checkout,
        1,
        train=[LINES["b"], LINES["c"]],
        test=[line("a", wav=f"downloads/emodb/wav/{long}.wav")],
    )
    write_fold(checkout, 2, train=[LINES["b"]], test=[LINES["c"]])
    notes = " ".join(emobox.read(checkout).notes)
    assert "1 sound files are missing: downloads/emodb/wav/aaaa" in notes


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (line("b", key=""), "a name is missing.*key, wav and emo"),
        (line("b", emo=None), "a name is missing"),
        (line("b", wav="/etc/passwd"), "wav is wrong"),
        (line("b", wav="downloads/../../x.wav"), "wav is wrong"),
        (line("b", wav="a\0"), "wav is wrong"),
        (line("b", key="\x1b[2J"), "the id cannot be used"),
        (line("b", emo="\x1b[2J"), "emo cannot be shown"),
        (line("b", start_time=2, end_time=1), "the times are wrong"),
        (line("b", start_time="x", end_time=1), "the times are wrong"),
        (line("b", start_time=1), "the times are wrong"),
        (line("b", "boredem"), "the lines differ"),
        (LINES["a"], "the key appears twice"),
    ],
)
def test_bad_line_is_named(checkout, bad, message):
    write_fold(checkout, 1, train=[LINES["c"], LINES["b"]], test=[LINES["a"]])
    write_fold(checkout, 2, test=[LINES["a"]], train=[LINES["c"], bad])
    with pytest.raises(ValueError, match=rf"emodb_train_fold_2\.jsonl', line 2: {message}"):
        # Files are read in the order of their names: test before train.
        emobox.read(checkout)


def test_same_line_twice_counts_once(checkout):
    write_fold(checkout, 1, train=[LINES["b"], LINES["b"], LINES["c"]], test=[LINES["a"]])
    assert len(emobox.read(checkout).recordings) == 4


def test_what_is_not_a_corpus_is_refused(checkout, tmp_path):
    with pytest.raises(ValueError, match=r"not hold the folds.*data/emodb.*--source_dir"):
        emobox.read(tmp_path)
    (checkout / "fold_2/emodb_test_fold_2.jsonl").unlink()
    with pytest.raises(ValueError, match=r"fold_2' does not hold a fold.*emodb_train_fold_2"):
        emobox.read(checkout)


def test_damaged_folds_read_or_are_refused(checkout):
    path = checkout / "fold_1/emodb_train_fold_1.jsonl"
    for data in damage.mutations(path.read_bytes(), 300, seed=3):
        path.write_bytes(data)
        try:
            corpus = emobox.read(checkout)
        except ValueError as error:
            assert len(str(error)) < 900
        else:
            assert all(".." not in spoken.audio for spoken in corpus.recordings)
