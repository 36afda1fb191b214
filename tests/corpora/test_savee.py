import pytest

from amh_tf.corpora import savee
from tests.corpora import trees


def whole_release(pattern):
    for speaker in ("DC", "JE", "JK", "KL"):
        for letters, count in {
            "a": 15,
            "d": 15,
            "f": 15,
            "h": 15,
            "n": 30,
            "sa": 15,
            "su": 15,
        }.items():
            for number in range(1, count + 1):
                yield pattern.format(speaker, letters, number)


@pytest.mark.parametrize("pattern", ["AudioData/{}/{}{:02d}.wav", "ALL/{}_{}{:02d}.wav"])
def test_whole_release_has_the_published_counts(tmp_path, pattern):
    corpus = savee.read(trees.write_names(tmp_path, whole_release(pattern)))
    assert corpus.notes == ("480 utterances, in every class as many as published.",)
    labels = [spoken.label for spoken in corpus.recordings]
    counts = {name: labels.count(number) for number, name in enumerate(corpus.classes)}
    assert counts.pop("neutral") == 120 and set(counts.values()) == {60} and len(counts) == 6
    first = corpus.recordings[0]
    assert (first.id, first.speaker, first.sex, first.transcript) == ("DC_a01", "DC", "male", None)
    assert first.audio == str(tmp_path / pattern.format("DC", "a", 1)) and first.video is None


def test_film_is_the_picture_of_its_sound(tmp_path):
    names = ["AudioData/JK/sa03.WAV", "AudioVisualClip/JK/sa03.avi", "AudioVisualClip/KL/su04.avi"]
    sad, surprise = savee.read(trees.write_names(tmp_path, names)).recordings
    paths = [str(tmp_path / name) for name in names]
    assert (sad.id, sad.label, sad.audio, sad.video) == ("JK_sa03", 5, paths[0], paths[1])
    assert (surprise.id, surprise.label) == ("KL_su04", 6)
    assert surprise.audio == surprise.video == paths[2]


def test_what_is_missing_or_not_of_the_corpus_is_named(tmp_path):
    names = list(whole_release("{}_{}{:02d}.wav"))
    names.remove("KL_su15.wav")
    names += ["DC_a16.wav", "XX_a01.wav", "a01.wav", "._DC_a01.wav"]
    notes = savee.read(trees.write_names(tmp_path, names)).notes
    assert notes == (
        "479 utterances, not the published 480. Is the release complete?",
        "Different by class: surprise 59 of 60.",
        "Different by speaker: KL 119 of 120.",
        "1 utterances are missing: KL_su15.",
        "3 files are not of the corpus: DC_a16.wav, XX_a01.wav, a01.wav.",
    )


def test_other_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"not hold SAVEE.*AudioData/DC/a01.*--source_dir"):
        savee.read(tmp_path)
