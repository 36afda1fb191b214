import pytest

from amh_tf.corpora import emodb
from tests.corpora import trees


def test_name_is_read(tmp_path):
    names = ["wav/03a01Fa.wav", "wav/16b03Wb.WAV", "wav/._03a01Fa.wav", "lablaut/03a01Fa.lablaut"]
    corpus = emodb.read(trees.write_names(tmp_path, names))
    assert corpus.name == "EmoDB"
    assert corpus.classes == tuple("anger boredom disgust fear happiness sadness neutral".split())
    happy, angry = corpus.recordings
    assert (happy.id, happy.label, happy.speaker, happy.sex) == ("03a01Fa", 4, "03", "male")
    assert happy.audio == str(tmp_path / "wav/03a01Fa.wav") and happy.video is None
    assert happy.transcript == "Der Lappen liegt auf dem Eisschrank."
    assert (angry.id, angry.label, angry.speaker, angry.sex) == ("16b03Wb", 0, "16", "female")
    assert "Agnes besucht" in angry.transcript


@pytest.mark.parametrize(
    ("letter", "label"),
    list(zip("WLEAFTN", "anger boredom disgust fear happiness sadness neutral".split())),
)
def test_letter_is_an_emotion(tmp_path, letter, label):
    other = "03a01Wa.wav" if letter != "W" else "03a01Na.wav"
    corpus = emodb.read(trees.write_names(tmp_path, [f"08a02{letter}c.wav", other]))
    assert corpus.classes[trees.by_id(corpus)[f"08a02{letter}c"].label] == label


def test_whole_release_has_the_published_counts(tmp_path):
    # Both margins of the release; which speaker plays what is made up.
    speakers = {"03": 49, "08": 58, "09": 43, "10": 38, "11": 55}
    speakers |= {"12": 35, "13": 61, "14": 69, "15": 56, "16": 71}
    letters = "W" * 127 + "L" * 81 + "E" * 46 + "A" * 69 + "F" * 71 + "T" * 62 + "N" * 79
    texts = "a01 a02 a04 a05 a07 b01 b02 b03 b09 b10".split()
    names, order = [], iter(letters)
    for speaker, count in speakers.items():
        for number in range(count):
            take = "abcdefgh"[number // 10]
            names.append(f"wav/{speaker}{texts[number % 10]}{next(order)}{take}.wav")
    corpus = emodb.read(trees.write_names(tmp_path, names))
    assert corpus.notes == ("535 utterances, in every class as many as published.",)


def test_what_is_missing_or_not_of_the_corpus_is_named(tmp_path):
    names = ["03a01Fa.wav", "03a01Wa.wav", "04a01Fa.wav", "03a03Fa.wav", "03a01Xa.wav", "x.wav"]
    notes = emodb.read(trees.write_names(tmp_path, names)).notes
    assert notes[0] == "2 utterances, not the published 535. Is the release complete?"
    assert "Different by speaker: 03 2 of 49." in notes
    assert "9 speakers are missing: 08, 09, 10, 11, 12 and 4 more." in notes
    assert "4 files are not of the corpus: 03a01Xa.wav, 03a03Fa.wav, 04a01Fa.wav, x.wav." in notes


def test_other_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"not hold EmoDB.*wav/03a01Fa\.wav.*--source_dir"):
        emodb.read(tmp_path)
