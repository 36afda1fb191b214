import pytest

from amh_tf.corpora import urdu
from tests.corpora import trees


def whole_release():
    """Files numbered from 01 to 0100 in each folder, by 29 speakers."""
    speakers = [f"SM{n}" for n in (*range(1, 8), *range(17, 28))] + [f"SF{n}" for n in range(1, 12)]
    for folder in ("Angry", "Happy", "Neutral", "Sad"):
        for number in range(1, 101):
            speaker = speakers[number % 29]
            yield f"{folder}/{speaker}_F{1 + number // 29}_{folder[0]}0{number}.wav"


def test_whole_release_has_the_published_counts(tmp_path):
    corpus = urdu.read(trees.write_names(tmp_path, whole_release()))
    assert corpus.notes == (
        "400 utterances, in every class as many as published.",
        "29 speakers; the authors count 38, the files of the release name 29.",
    )
    assert corpus.classes == ("angry", "happy", "neutral", "sad")


def test_name_is_read(tmp_path):
    names = ["Angry/SM1_F1_A01.wav", "Happy/SF6_F13_H037.WAV", "Angry/._SM1_F1_A01.wav"]
    happy, angry = urdu.read(trees.write_names(tmp_path, names)).recordings
    assert (angry.id, angry.label, angry.speaker, angry.sex) == ("SM1_F1_A01", 0, "SM1", "male")
    assert (happy.id, happy.label, happy.speaker, happy.sex) == ("SF6_F13_H037", 1, "SF6", "female")
    assert happy.audio == str(tmp_path / names[1]) and happy.transcript is None


def test_what_is_missing_or_not_of_the_corpus_is_named(tmp_path):
    names = [name for name in whole_release() if not name.endswith(("_A07.wav", "_S0100.wav"))]
    names += ["Angry/SX1_F1_A01.wav", "Sad/SM1_F1_B01.wav"]
    notes = urdu.read(trees.write_names(tmp_path, names)).notes
    assert notes[0] == "398 utterances, not the published 400. Is the release complete?"
    assert notes[1] == "Different by class: angry 99 of 100, sad 99 of 100."
    assert "2 files are not of the corpus: SM1_F1_B01.wav, SX1_F1_A01.wav." in notes
    assert "2 utterances are missing: A07, S0100." in notes


def test_other_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"not hold URDU.*Angry/SM1_F1_A01.*--source_dir"):
        urdu.read(tmp_path)
