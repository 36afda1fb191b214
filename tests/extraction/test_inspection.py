"""Corpora are checked before hours of work, and clips of another length are refused by name."""

import csv
import dataclasses
import shutil

import numpy as np
import pytest

from amh_tf.corpora import emodb, iemocap, meld, ravdess
from amh_tf.extraction import from_recordings, inspection, reading, settings
from tests import commands
from tests.commands import assert_refused
from tests.corpora import trees
from tests.extraction import demo, test_problems
from tests.features import media_files

COLUMNS = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID,StartTime,EndTime".split(",")


def write_table(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def row(number, seconds, emotion="joy"):
    return [
        "Oh",
        "Joey",
        emotion,
        0,
        number,
        "00:14:38,127",
        f"00:{14 + (38 + seconds) // 60}:{(38 + seconds) % 60:02d},127",
    ]


@pytest.fixture
def release(tmp_path):
    """MELD with a clip of each kind: sound alone, as one of its films would be read for it."""
    told = {"train": [2, 2, 2, 2, 1], "dev": [3, 3], "test": [2, 305, 20]}
    held = {"train": [2.1, 40, None, 1.5, 1], "dev": [3, 2.5], "test": [2, 305, 0.4]}
    for split, folder in meld.CLIPS.items():
        emotions = ["joy", "anger"] * 3
        write_table(
            tmp_path / f"{split}_sent_emo.csv",
            [row(n, s, emotions[n]) for n, s in enumerate(told[split])],
        )
        for number, seconds in enumerate(held[split]):
            if seconds is not None:
                path = tmp_path / folder / f"dia0_utt{number}.mp4"
                path.parent.mkdir(exist_ok=True)
                media_files.write_sound(path, "aac", 16000, seconds, channels=1)
    damaged = tmp_path / meld.CLIPS["train"] / "dia0_utt3.mp4"
    damaged.write_bytes(damaged.read_bytes()[:2000])
    shutil.copy(damaged, tmp_path / meld.CLIPS["test"] / "final_videos_testdia0_utt0.mp4")
    (tmp_path / meld.CLIPS["test"] / "._dia0_utt0.mp4").write_bytes(b"of macOS")
    return tmp_path


BAD = {
    "train_dia0_utt1": (inspection.WRONG_LENGTH, "too long", "about 2.0 s", "40.0 s"),
    "train_dia0_utt2": (inspection.MISSING, "is missing"),
    "train_dia0_utt3": (inspection.UNREADABLE, "dia0_utt3.mp4"),
    "test_dia0_utt1": (inspection.WRONG_LENGTH, "too long", "say 305.0 s", "305.0 s"),
    "test_dia0_utt2": (inspection.WRONG_LENGTH, "too short", "about 20.0 s"),
}


def test_every_bad_clip_of_meld_is_named(release):
    corpus = meld.read(release)
    found = {problem.id: problem for problem in inspection.inspect(corpus, ("audio",))}
    assert found.keys() == BAD.keys()
    for name, (kind, *texts) in BAD.items():
        assert found[name].kind == kind
        assert all(text in found[name].text for text in texts), found[name]
    notes = "\n".join(corpus.notes)
    assert "1 clips are missing" in notes and "1 clips are in no table" in notes
    assert "last more than 60 s by the tables' times: test_dia0_utt1 (305 s)" in notes
    assert [path.rpartition("/")[2] for path in corpus.extra] == ["final_videos_testdia0_utt0.mp4"]


@pytest.mark.slow
def test_prepare_leaves_the_same_clips_out(release, tmp_path):
    write = {"on_error": "skip", "protocols": ["all"]}
    chosen = settings.Settings(modalities=("audio",))
    from_recordings.write(meld.read(release), chosen, tmp_path / "data", **write)
    with open(tmp_path / "data" / "problems.csv", newline="") as file:
        assert {each["id"] for each in csv.DictReader(file)} == BAD.keys()
    # Words need no clip.
    words = settings.Settings(modalities=("text",))
    written = from_recordings.write(meld.read(release), words, tmp_path / "words", **write)
    assert sum(shard.records for shard in written.shards) == 10


@pytest.mark.slow
def test_command_lists_what_is_wrong_with_meld(release):
    done = commands.run(
        "-m", "amh_tf.verify", "--source=meld", f"--source_dir={release}", "--modalities=a"
    )
    assert_refused(
        done, "is not MELD as published", "1 not of the corpus", "1 missing",
        "1 damaged or unreadable", "3 too long or too short", "--on_error=skip",
    )  # fmt: skip
    assert "train 5 of 9,989" in done.stdout
    for name in BAD:
        assert f": {name}: " in done.stdout
    assert "not of the corpus: " in done.stdout and "final_videos_testdia0_utt0" in done.stdout


@pytest.mark.parametrize(
    ("told", "held", "problem"),
    [
        (None, 900.0, None),
        (2.0, 9.0, None),
        (2.0, 9.1, "too long"),
        (0.006, 4.9, None),
        (30.0, 59.0, None),
        (31.0, 61.0, "too long"),
        (305.0, 305.0, "too long"),
        (305.0, 3.0, None),  # of a table whose times are wrong
        (20.0, 4.9, "too short"),
        (20.0, 5.1, None),
        (2.0, 0.1, None),
    ],
)
def test_length_is_that_of_the_corpus(told, held, problem):
    (spoken,) = demo.read().recordings[:1]
    spoken = dataclasses.replace(spoken, seconds=told)
    if problem is None:
        reading.check_length(spoken, "x.mp4", held)
        return
    with pytest.raises(reading.WrongLength, match=rf"'x.mp4' is {problem}.*Expected.*Received"):
        reading.check_length(spoken, "x.mp4", held)


def test_pictures_of_another_length_are_refused(tmp_path):
    media_files.write_picture(tmp_path / "film.mp4", frames=300, rate=10)
    spoken = dataclasses.replace(
        demo.read().recordings[0], video=str(tmp_path / "film.mp4"), video_start=None,
        video_end=None, side="whole",
    )  # fmt: skip
    for seconds, is_good in ((29.0, True), (5.0, False), (None, True)):
        several = [dataclasses.replace(spoken, seconds=seconds)]
        ((place, frames, problem),) = reading.films(spoken.video, several, 64)
        assert place == 0 and (problem is None) == is_good
        assert (frames is not None) == is_good


def test_damaged_iemocap_is_listed(tmp_path):
    tree = shutil.copytree(demo.KEPT, tmp_path / "tree")
    assert not list(inspection.inspect(demo.read(tree), ("audio", "video")))
    costs = test_problems.damage(tree)
    found = list(inspection.inspect(demo.read(tree), ("audio", "video")))
    assert {problem.id for problem in found} == costs.keys()
    for problem in found:
        assert costs[problem.id] in problem.text
    missing = [problem.id for problem in found if problem.kind == inspection.MISSING]
    assert sorted(missing) == ["Ses05F_impro01_M000", "Ses05M_impro01_F000"]


def test_iemocap_that_is_not_whole_is_told(tmp_path):
    tree = shutil.copytree(demo.KEPT, tmp_path / "tree")
    (tree / iemocap.SYNTHETIC_MARK).unlink()
    shutil.rmtree(tree / "Session2")
    trees.write_sound(tree / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F077.wav")
    corpus = iemocap.read(tree, labels=demo.LABELS)
    assert corpus.differences[-1] == "Sessions are missing: 2."
    assert "not the published" in corpus.differences[0]
    assert all(difference in corpus.notes for difference in corpus.differences)
    assert [path.rpartition("/")[2] for path in corpus.extra] == ["Ses01F_impro01_F077.wav"]


def test_whole_counted_corpora_have_no_difference(tmp_path):
    trees.write_names(tmp_path, [f"Actor_{t[-2:]}/03-{t}.wav" for t in ravdess.TAKES["speech"]])
    corpus = ravdess.read(tmp_path)
    assert (corpus.differences, corpus.missing, corpus.extra) == ((), (), ())
    (tmp_path / "Actor_01/03-01-05-02-01-01-01.wav").unlink()
    trees.write_names(tmp_path, ["Actor_01/copy of 03-01-01-01-01-01-01.wav"])
    corpus = ravdess.read(tmp_path)
    assert corpus.missing == ("03-01-05-02-01-01-01",)
    assert corpus.extra == ("copy of 03-01-01-01-01-01-01.wav",)
    assert any("1 utterances are missing" in each for each in corpus.differences)
    assert all(each in corpus.notes for each in corpus.differences)


@pytest.mark.parametrize("seconds", [0.5, 0.01])
def test_command_verifies_a_corpus_of_clips(tmp_path, seconds):
    names = ["03a01Fa", "03a01Wa", "08a02Na"]
    for name in names:
        trees.write_sound(tmp_path / "wav" / f"{name}.wav", seconds)
    (tmp_path / "wav" / "08a02Na.wav").write_bytes(b"RIFF of nothing")
    assert not emodb.read(tmp_path).missing
    done = commands.run("-m", "amh_tf.verify", "--source=emodb", f"--source_dir={tmp_path}")
    bad = "1 damaged or unreadable" + ", 2 too long or too short" * (seconds == 0.01)
    assert_refused(done, "is not EmoDB as published", bad.split(", ")[0], bad.split(", ")[-1])
    assert "3 utterances, not the published 535" in done.stdout


def test_command_says_that_a_table_is_whole(tmp_path):
    for number in range(3):
        trees.write_sound(tmp_path / f"{number}.wav", 0.5)
    lines = [f"u{number},{number}.wav,{'ab'[number % 2]}" for number in range(3)]
    (tmp_path / "mine.csv").write_text("\n".join(["id,audio,label", *lines]) + "\n")
    verify = ["-m", "amh_tf.verify", "--source=table", f"--source_dir={tmp_path / 'mine.csv'}"]
    done = commands.run(*verify)
    assert done.returncode == 0, done.stderr
    assert "is whole. mine.csv: 3 utterances can be used." in done.stdout
    (tmp_path / "1.wav").unlink()
    assert_refused(commands.run(*verify), "1 missing")


@pytest.mark.parametrize(
    "arguments", [[], ["--data_dir=x", "--source=meld", "--source_dir=y"], ["--source=meld"]]
)
def test_command_must_be_told_what_to_verify(arguments):
    done = commands.run("-m", "amh_tf.verify", *arguments)
    assert_refused(done, "--source_dir")


@pytest.mark.parametrize("sessions", [1, 2])
def test_fewer_than_three_sessions_are_prepared(tmp_path, monkeypatch, capsys, sessions):
    """Protocols that nobody asked for are left out, which is said before the extraction."""
    said = []

    def extract(*arguments):
        said.append(capsys.readouterr().out)
        raise KeyboardInterrupt

    monkeypatch.setattr(from_recordings, "_extract", extract)
    spoken = demo.read().recordings[0]
    many = tuple(
        dataclasses.replace(
            spoken, id=f"u{n}", group=f"g{n}", label=n % 2, session=f"{n // 2 % sessions}",
            speaker=f"{n // 2 % sessions}{'FM'[n // 4 % 2]}",
        )
        for n in range(24)
    )  # fmt: skip
    corpus = dataclasses.replace(demo.read(), recordings=many)
    chosen = settings.Settings(modalities=("audio",))
    with pytest.raises(KeyboardInterrupt):
        from_recordings.write(corpus, chosen, tmp_path / "data")
    assert "Protocol session is left out: There are too few sessions" in said[0]
    assert "random is left out" not in said[0] and "--protocols" not in said[0]
    assert ("Protocol speaker is left out" in said[0]) == (sessions == 1)
    with pytest.raises(ValueError, match="too few sessions"):
        from_recordings.write(corpus, chosen, tmp_path / "data", protocols=["session"])
    few = dataclasses.replace(corpus, recordings=many[:10] if sessions == 1 else many[:2])
    with pytest.raises(KeyboardInterrupt):
        from_recordings.write(few, chosen, tmp_path / "data")
    instead = "random has 5 folds instead" if sessions == 1 else "Protocol all is used instead"
    assert instead in said[1]
    assert np.array_equal([each.label for each in few.recordings[:2]], [0, 1])
