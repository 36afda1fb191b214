import pytest

from amh_tf.corpora import ravdess
from tests.corpora import trees

# Counted by hand: two sentences, twice each, in two intensities but for neutral ones.
SPEECH = {"neutral": 96} | dict.fromkeys(
    "calm happy sad angry fearful disgust surprised".split(), 192
)


def whole_release(channel="01"):
    """Names of all takes, written down as the release's own page describes them."""
    for actor in range(1, 25):
        for emotion in range(1, 9 if channel == "01" else 7):
            for intensity in ("01",) if emotion == 1 else ("01", "02"):
                for sentence, repetition in (
                    ("01", "01"),
                    ("01", "02"),
                    ("02", "01"),
                    ("02", "02"),
                ):
                    name = f"03-{channel}-{emotion:02d}-{intensity}-{sentence}-{repetition}"
                    if channel == "01" or actor != 18:
                        yield f"Actor_{actor:02d}/{name}-{actor:02d}.wav"


def test_whole_release_has_the_published_counts(tmp_path):
    corpus = ravdess.read(trees.write_names(tmp_path, whole_release()))
    assert corpus.notes == ("1,440 utterances, in every class as many as published.",)
    assert (corpus.name, corpus.synthetic) == ("RAVDESS", False)
    assert corpus.classes == tuple(SPEECH)
    labels = [spoken.label for spoken in corpus.recordings]
    assert {name: labels.count(number) for number, name in enumerate(corpus.classes)} == SPEECH
    ids = [spoken.id for spoken in corpus.recordings]
    assert ids == sorted(ids) and len(set(ids)) == 1440


def test_name_is_read(tmp_path):
    name = "Audio_Speech_Actors_01-24/Actor_12/03-01-06-01-02-01-12.wav"
    other = "Audio_Speech_Actors_01-24/Actor_01/03-01-01-01-01-02-01.WAV"
    trees.write_names(tmp_path, [name, other, "Actor_01/._03-01-01-01-01-02-01.wav"])
    calm, fearful = ravdess.read(tmp_path).recordings
    assert (fearful.id, fearful.label, fearful.group) == ("03-01-06-01-02-01-12", 5, fearful.id)
    assert (fearful.speaker, fearful.sex) == ("Actor_12", "female")
    assert fearful.transcript == "Dogs are sitting by the door"
    assert (fearful.audio, fearful.video) == (str(tmp_path / name), None)
    assert (calm.id, calm.label) == ("03-01-01-01-01-02-01", 0)
    assert (calm.speaker, calm.sex) == ("Actor_01", "male")
    assert calm.transcript == "Kids are talking by the door"


def test_published_folds_test_each_actor_once(tmp_path):
    names = [
        f"03-01-0{emotion}-01-01-01-{actor:02d}.wav" for emotion in (1, 3) for actor in range(1, 25)
    ]
    corpus = ravdess.read(trees.write_names(tmp_path, names))
    assert corpus.fold_names == ("fold 0", "fold 1", "fold 2", "fold 3", "fold 4")
    assert "folds of actors" in corpus.published
    tested = [
        sorted({int(s.speaker[-2:]) for s in corpus.recordings if s.splits[fold] == "test"})
        for fold in range(5)
    ]
    assert tested == [
        [2, 5, 14, 15, 16],
        [3, 6, 7, 13, 18],
        [10, 11, 12, 19, 20],
        [8, 17, 21, 23, 24],
        [1, 4, 9, 22],
    ]
    assert {split for spoken in corpus.recordings for split in spoken.splits} == {"train", "test"}


def test_sound_and_film_of_one_take_are_one_recording(tmp_path):
    take, lone, mute = "01-03-01-01-01-01", "01-04-01-01-01-01", "01-05-01-01-01-01"
    names = {
        "sound": f"Actor_01/03-{take}.wav",
        "film": f"Video_Speech_Actor_01/Actor_01/01-{take}.mp4",
        "mute": f"Video_Speech_Actor_01/Actor_01/02-{take}.mp4",
        "lone": f"Video_Speech_Actor_01/Actor_01/01-{lone}.MP4",
        "lone mute": f"Video_Speech_Actor_01/Actor_01/02-{mute}.mp4",
    }
    trees.write_names(tmp_path, names.values())
    paths = {kind: str(tmp_path / name) for kind, name in names.items()}
    corpus = ravdess.read(tmp_path)
    found = {spoken.id: (spoken.audio, spoken.video) for spoken in corpus.recordings}
    assert found == {
        f"03-{take}": (paths["sound"], paths["film"]),
        f"03-{lone}": (paths["lone"], paths["lone"]),
        f"02-{mute}": (None, paths["lone mute"]),
    }
    assert f"1 of 3 utterances have no audio: 02-{mute}." in corpus.notes


def test_film_without_sound_is_the_picture_of_a_take(tmp_path):
    take = "01-03-01-01-01-01"
    trees.write_names(tmp_path, [f"02-{take}.mp4", f"03-{take}.flac", "03-01-01-01-01-01-02.wav"])
    spoken = trees.by_id(ravdess.read(tmp_path))[f"03-{take}"]
    assert spoken.audio.endswith(".flac") and spoken.video.endswith("02-01-03-01-01-01-01.mp4")


def test_missing_takes_and_actors_and_other_files_are_named(tmp_path):
    names = [name for name in whole_release() if "Actor_07" not in name]
    names.remove("Actor_01/03-01-08-02-02-02-01.wav")
    names += ["Actor_01/03-01-01-02-01-01-01.wav", "Actor_25/03-01-01-01-01-01-25.wav", "x.wav"]
    notes = ravdess.read(trees.write_names(tmp_path, names)).notes
    assert notes[0] == "1,379 utterances, not the published 1,440. Is the release complete?"
    assert notes[1].startswith("Different by class: neutral 92 of 96, calm 184 of 192, ")
    assert notes[1].endswith("surprised 183 of 192.")
    assert notes[2] == "Different by speaker: Actor_01 59 of 60."
    assert notes[3] == "1 speakers are missing: Actor_07."
    assert notes[4].startswith("61 utterances are missing: 03-01-01-01-01-01-07, ")
    assert notes[4].endswith(" and 56 more.")
    # Neutral is not played strongly, and there are 24 actors.
    assert notes[5] == (
        "3 files are not of the corpus: 03-01-01-01-01-01-25.wav, 03-01-01-02-01-01-01.wav, x.wav."
    )
    assert len(notes) == 6


def test_song_is_left_out_unless_asked_for(tmp_path):
    trees.write_names(tmp_path / "speech", whole_release())
    trees.write_names(tmp_path / "song", whole_release(channel="02"))
    corpus = ravdess.read(tmp_path)
    assert corpus.notes == (
        "1,440 utterances, in every class as many as published.",
        "1,012 files of song are left out (--ravdess_channel).",
    )
    song = ravdess.read(tmp_path, channel="song")
    assert len(song.recordings) == 1012 and all("-02-" in s.id[:6] for s in song.recordings)
    assert song.notes[0] == "1,012 utterances, in every class as many as published."
    both = ravdess.read(tmp_path, channel="both")
    assert both.notes == ("2,452 utterances, in every class as many as published.",)


def test_channel_that_is_not_there_or_not_known_is_refused(tmp_path):
    trees.write_names(tmp_path, ["03-01-01-01-01-01-01.wav"])
    with pytest.raises(ValueError, match=r"holds no song.*--ravdess_channel"):
        ravdess.read(tmp_path, channel="song")
    with pytest.raises(ValueError, match=r"`channel` is not known.*'talk'.*--ravdess_channel"):
        ravdess.read(tmp_path, channel="talk")


def test_labels_are_joined(tmp_path):
    corpus = ravdess.read(
        trees.write_names(tmp_path, whole_release()),
        labels="low=neutral+calm+sad,high=angry",
    )
    assert corpus.classes == ("low", "high") and len(corpus.recordings) == 96 + 192 * 3
    assert corpus.notes[0] == "1,440 utterances, in every class as many as published."
    assert any(note.startswith("Left out, without a class: 768 ") for note in corpus.notes)


def test_nested_copy_counts_once(tmp_path):
    name = "Actor_01/03-01-01-01-01-01-01.wav"
    for parent in ("", "audio_speech_actors_01-24/"):
        trees.write_sound(tmp_path / (parent + name))
    trees.write_names(tmp_path, ["Actor_02/03-01-05-01-01-01-02.wav"])
    corpus = ravdess.read(tmp_path)
    assert corpus.recordings[0].audio == str(tmp_path / name) and len(corpus.recordings) == 2
    assert "1 files are copies of others, and count once." in corpus.notes


def test_one_take_in_two_formats_is_refused(tmp_path):
    trees.write_names(tmp_path, ["03-01-01-01-01-01-01.wav", "03-01-01-01-01-01-01.flac"])
    with pytest.raises(ValueError, match=r"Two files of RAVDESS.*01\.flac.*01\.wav"):
        ravdess.read(tmp_path)


def test_other_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"not hold RAVDESS.*Actor_01/03-01.*--source_dir"):
        ravdess.read(tmp_path)
