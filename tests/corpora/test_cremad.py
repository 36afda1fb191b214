import pytest

from amh_tf.corpora import cremad
from tests.corpora import trees

SENTENCES = "IEO TIE IOM IWW TAI MTI IWL ITH DFA ITS TSI WSI".split()


def demographics(actors=range(1001, 1092)):
    rows = [f"{n},51,{'Male' if n % 2 else 'Female'},Caucasian,Not Hispanic" for n in actors]
    return "ActorID,Age,Sex,Race,Ethnicity\n" + "\n".join(rows) + "\n"


def write(folder, names, table=True):
    trees.write_names(folder, names)
    if table:
        (folder / "VideoDemographics.csv").write_text(demographics())
    return folder


def whole_release():
    """As many names as the release has: 82 of each actor, but for twenty."""
    left_out = {"NEU": 5, "ANG": 3, "DIS": 3, "FEA": 3, "HAP": 3, "SAD": 3}
    for actor in range(1001, 1092):
        for sentence in SENTENCES:
            for emotion in left_out:
                levels = ("LO", "MD", "HI") if sentence == "IEO" and emotion != "NEU" else ("XX",)
                for level in levels:
                    if level == "XX" and sentence == "DFA" and left_out[emotion]:
                        left_out[emotion] -= 1
                    else:
                        yield f"AudioWAV/{actor}_{sentence}_{emotion}_{level}.wav"


def test_whole_release_has_the_published_counts(tmp_path):
    corpus = cremad.read(write(tmp_path, whole_release()))
    assert corpus.notes == ("7,442 utterances, in every class as many as published.",)
    assert corpus.classes == ("anger", "disgust", "fear", "happy", "neutral", "sad")
    labels = [spoken.label for spoken in corpus.recordings]
    assert [labels.count(number) for number in range(6)] == [1271, 1271, 1271, 1271, 1087, 1271]
    assert len({spoken.speaker for spoken in corpus.recordings}) == 91


def test_name_is_read(tmp_path):
    names = ["AudioWAV/1001_DFA_ANG_XX.wav", "VideoFlash/1001_DFA_ANG_XX.flv"]
    names += ["AudioMP3/1001_DFA_ANG_XX.mp3", "audiowav/1002_ieo_hap_hi.WAV"]
    names += ["VideoFlash/1040_ITH_SAD_X.flv", "AudioWAV/._1001_DFA_ANG_XX.wav"]
    corpus = cremad.read(write(tmp_path, names))
    anger, happy, sad = corpus.recordings
    assert (anger.id, anger.label, anger.speaker, anger.sex) == (
        "1001_DFA_ANG_XX",
        0,
        "1001",
        "male",
    )
    assert (anger.audio, anger.video) == (str(tmp_path / names[0]), str(tmp_path / names[1]))
    assert anger.transcript == "Don't forget a jacket" and anger.splits == ()
    assert (happy.id, happy.label, happy.sex) == ("1002_IEO_HAP_HI", 3, "female")
    assert happy.transcript == "It's eleven o'clock" and happy.video is None
    # One file of the release has one X; its sound is that of its film here.
    assert sad.id == "1040_ITH_SAD_X" and sad.audio == sad.video == str(tmp_path / names[4])
    assert "1 of 3 utterances have no video: 1002_IEO_HAP_HI." in corpus.notes
    assert "88 speakers are missing: 1003, 1004, 1005, 1006, 1007 and 83 more." in corpus.notes


def test_other_files_are_named(tmp_path):
    names = ["1001_DFA_ANG_XX.wav", "1001_DFA_SAD_XX.wav", "1001_DFA_JOY_XX.wav"]
    names += ["1092_DFA_SAD_XX.wav", "1001_ABC_SAD_XX.wav"]
    notes = cremad.read(write(tmp_path, names)).notes
    assert (
        "3 files are not of the corpus: 1001_ABC_SAD_XX.wav, 1001_DFA_JOY_XX.wav, "
        "1092_DFA_SAD_XX.wav." in notes
    )


def test_missing_clips_are_named_by_the_table_of_clips(tmp_path):
    names = list(whole_release())
    table = [f'{number},"{name[9:-4]}"' for number, name in enumerate(names)]
    names.remove("AudioWAV/1001_IEO_ANG_HI.wav")
    write(tmp_path, names)
    (tmp_path / "SentenceFilenames.csv").write_text("\n".join(['"Number","Filename"', *table]))
    notes = cremad.read(tmp_path).notes
    assert notes[1:] == (
        "Different by class: anger 1,270 of 1,271.",
        "1 utterances are missing: 1001_IEO_ANG_HI.",
    )


def test_missing_table_of_actors_is_noted(tmp_path):
    names = ["1001_DFA_ANG_XX.wav", "1001_DFA_SAD_XX.wav"]
    corpus = cremad.read(write(tmp_path, names, table=False))
    assert {spoken.sex for spoken in corpus.recordings} == {""}
    assert "VideoDemographics.csv is missing: the sex of the actors is unknown." in corpus.notes
    (tmp_path / "VideoDemographics.csv").write_text(demographics(range(1001, 1090)))
    assert "VideoDemographics.csv lacks 2 actors: 1090, 1091." in cremad.read(tmp_path).notes


@pytest.mark.parametrize("row", ["1001,51,Both,a,b", "1001,51,,a,b", "1001,51,Male,a"])
def test_bad_row_is_named(tmp_path, row):
    write(tmp_path, ["1001_DFA_ANG_XX.wav", "1001_DFA_SAD_XX.wav"])
    (tmp_path / "VideoDemographics.csv").write_text(f"ActorID,Age,Sex,Race,Ethnicity\n{row}\n")
    with pytest.raises(ValueError, match=r"VideoDemographics\.csv', line 2: the row"):
        cremad.read(tmp_path)


def test_other_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"not hold CREMA-D.*AudioWAV/1001.*--source_dir"):
        cremad.read(tmp_path)
