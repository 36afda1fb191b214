import pytest

from amh_tf.corpora import tess
from tests.corpora import trees

FOLDERS = {  # as the release has them
    "OAF": "angry disgust Fear happy neutral Pleasant_surprise Sad".split(),
    "YAF": "angry disgust fear happy neutral pleasant_surprised sad".split(),
}
EMOTIONS = "angry disgust fear happy neutral ps sad".split()


def whole_release():
    words = [f"{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghij"]
    for speaker, folders in FOLDERS.items():
        for folder, emotion in zip(folders, EMOTIONS):
            for word in words:
                yield f"{speaker}_{folder}/{speaker}_{word}_{emotion}.wav"


def test_whole_release_has_the_published_counts(tmp_path):
    corpus = tess.read(trees.write_names(tmp_path, whole_release()))
    assert corpus.notes == ("2,800 utterances, in every class as many as published.",)
    labels = [spoken.label for spoken in corpus.recordings]
    assert corpus.classes == ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    assert [labels.count(number) for number in range(7)] == [400] * 7


def test_name_is_read_and_folder_is_not(tmp_path):
    names = ["OAF_neutral/OA_bite_neutral.wav", "YAF_pleasant_surprised/YAF_back_ps.WAV"]
    names += ["OAF_neutral/._OA_bite_neutral.wav"]
    neutral, surprise = tess.read(trees.write_names(tmp_path, names)).recordings
    assert (neutral.id, neutral.speaker) == ("OAF_bite_neutral", "OAF")
    assert (neutral.sex, neutral.transcript) == ("female", "Say the word bite")
    assert (surprise.id, surprise.label, surprise.speaker) == ("YAF_back_ps", 6, "YAF")
    assert surprise.audio == str(tmp_path / names[1])


def test_copy_of_all_folders_within_counts_once(tmp_path):
    names = ["OAF_angry/OAF_back_angry.wav", "YAF_sad/YAF_back_sad.wav"]
    for parent in ("TESS data", "TESS data/TESS data"):
        for name in names:
            trees.write_sound(tmp_path / parent / name)
    corpus = tess.read(tmp_path)
    assert [s.audio for s in corpus.recordings] == [str(tmp_path / "TESS data" / n) for n in names]
    assert "2 files are copies of others, and count once." in corpus.notes


def test_two_files_of_one_name_are_refused(tmp_path):
    for seed, parent in enumerate(("a", "b")):
        trees.write_sound(tmp_path / parent / "OAF_back_angry.wav", seed=seed)
    with pytest.raises(ValueError, match=r"Two files of TESS.*a/OAF_back.*b/OAF_back"):
        tess.read(tmp_path)


def test_what_is_missing_or_not_of_the_corpus_is_named(tmp_path):
    names = list(whole_release())
    names.remove("YAF_sad/YAF_aa_sad.wav")
    names += ["OAF_angry/OAF_back_cross.wav", "XAF_angry/XAF_aa_angry.wav"]
    assert tess.read(trees.write_names(tmp_path, names)).notes == (
        "2,799 utterances, not the published 2,800. Is the release complete?",
        "Different by class: sad 399 of 400.",
        "Different by speaker: YAF 1,399 of 1,400.",
        "1 utterances are missing: YAF_aa_sad.",
        "2 files are not of the corpus: OAF_back_cross.wav, XAF_aa_angry.wav.",
    )


def test_other_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"not hold TESS.*OAF_angry/OAF_back.*--source_dir"):
        tess.read(tmp_path)
