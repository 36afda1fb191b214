"""Recordings that cannot be used stop the work, or are listed; nothing is lost silently."""

import csv
import dataclasses
import shutil

import pytest
from scipy.io import wavfile

from amh_tf.corpora import recording
from amh_tf.data import folds, pipeline
from amh_tf.extraction import extractor, settings
from tests.extraction import demo
from tests.features import matrix_files

WAV = "Session{0}/sentences/wav/{1}/{1}_{2}.wav"


@pytest.fixture
def tree(tmp_path):
    return shutil.copytree(demo.KEPT, tmp_path / "tree")


def cut(path, share=0.5):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def flip(path):
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 3, len(data) - 2000, 97):
        data[at] ^= 0xFF
    path.write_bytes(data)


def damage(tree):
    """Damages eight files of the tree; returns the utterances that this must cost."""
    films = {
        name: tree / f"Session{name[4]}/dialog/avi/DivX/{name}.avi"
        for name in ("Ses01F_impro01", "Ses03F_impro01", "Ses04F_impro01", "Ses05M_impro01")
    }
    sounds = {
        name: tree / WAV.format(name[4], name.rpartition("_")[0], name[-4:])
        for name in (
            *("Ses02F_impro01_M000", "Ses02F_impro01_F000"),
            *("Ses03M_impro05a_M000", "Ses05F_impro01_M000"),
        )
    }
    films["Ses01F_impro01"].write_bytes(b"")
    cut(films["Ses03F_impro01"])
    flip(films["Ses04F_impro01"])
    films["Ses05M_impro01"].unlink()
    cut(sounds["Ses02F_impro01_M000"])
    cut(sounds["Ses02F_impro01_F000"], 44 / 70_000)
    sounds["Ses03M_impro05a_M000"].write_bytes(b"garbage" * 1000)
    sounds["Ses05F_impro01_M000"].unlink()
    costs = {name: str(path) for name, path in sounds.items()}
    for dialog, path in films.items():
        costs |= {s.id: str(path) for s in demo.read().recordings if s.group == dialog}
    return costs


def test_damaged_recordings_are_listed_and_skipped(tree, tmp_path, monkeypatch, capsys):
    costs = damage(tree)
    corpus = demo.read(tree)
    assert len(costs) == 9
    # A single utterance is left: too few for a fold, so the split is the table's own.
    corpus = with_splits(corpus)
    data = demo.from_recordings.write(
        corpus, demo.quick(monkeypatch), tmp_path / "data", on_error="skip"
    )
    with open(tmp_path / "data" / "problems.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["id"]: row["file"] for row in rows} == costs
    assert all(row["file"] in row["problem"] and "Expected" in row["problem"] for row in rows)
    assert sum(shard.records for shard in data.shards) + len(rows) == len(corpus.recordings)
    assert "10 utterances in, 1 out, 9 with a problem" in capsys.readouterr().out


def with_splits(corpus):
    spoken = tuple(dataclasses.replace(each, splits=("train",)) for each in corpus.recordings)
    return dataclasses.replace(corpus, recordings=spoken)


@pytest.mark.parametrize("kind", ["sound", "film"])
def test_first_bad_recording_stops_the_work_and_mending_goes_on(tree, tmp_path, monkeypatch, kind):
    names = {
        "sound": WAV.format(3, "Ses03F_impro01", "F000"),
        "film": "Session3/dialog/avi/DivX/Ses03F_impro01.avi",
    }
    chosen, path = demo.quick(monkeypatch), tree / names[kind]
    data = path.read_bytes()
    cut(path)
    with pytest.raises(recording.BadRecording, match=r"Ses03F_impro01_F000.*--on_error=skip") as e:
        demo.write(demo.read(tree), chosen, tmp_path / "data")
    assert str(path) in str(e.value)
    assert not (tmp_path / "data").exists()
    kept = {file.name for file in (tmp_path / "data.work").glob("*.tfrecord")}
    assert len(kept) == 2  # two dialogs come before
    path.write_bytes(data)
    demo.write(demo.read(tree), chosen, tmp_path / "data")
    demo.write(demo.read(), chosen, tmp_path / "again")
    assert demo.contents(tmp_path / "data") == demo.contents(tmp_path / "again")
    assert demo.contents(tmp_path / "data")["problems.csv"] == b"id,file,problem\n"


def test_stop_tries_again_what_was_skipped(tree, tmp_path, monkeypatch):
    wav = tree / WAV.format(4, "Ses04F_impro01", "M000")
    wav.unlink()
    chosen = settings.Settings(modalities=("audio", "text"))
    demo.write(demo.read(tree), chosen, tmp_path / "data", on_error="skip", keep_work=True)
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(recording.BadRecording, match="Ses04F_impro01_M000"):
        demo.write(demo.read(tree), chosen, tmp_path / "data")


def test_sound_too_short_for_a_step_is_a_problem(tree, tmp_path):
    wav = tree / WAV.format(4, "Ses04F_impro01", "M000")
    rate, samples = wavfile.read(wav)
    wavfile.write(wav, rate, samples[:399])
    with pytest.raises(recording.BadRecording, match=r"too short.*400 samples.*399"):
        demo.write(
            demo.read(tree), settings.Settings(modalities=("audio", "text")), tmp_path / "data"
        )


def test_what_is_worth_saying_of_files_is_said_once(tmp_path, monkeypatch, capsys):
    films = []
    for number, offset in enumerate((1.0, -0.75, 0.0)):
        film = matrix_files.Film("mkv", "libx264", "aac", offset=offset)
        films.append(tmp_path / f"{number}.mkv")
        matrix_files.write_film(film, films[-1])
    adts = tmp_path / "3.aac"
    matrix_files.write_sound(adts, "aac", container="adts")
    spoken = [
        recording.Recording(
            id=f"{path.stem}_{start}",
            label=start % 2,
            group=path.stem,
            splits=(("train", "dev", "test")[start % 3],),
            audio=str(path),
            audio_start=float(start),
            audio_end=start + 0.5,
            video=None if path == adts else str(path),
            video_start=float(start),
            video_end=start + 0.5,
        )
        for path in (*films, adts)
        for start in range(3)
    ]
    corpus = recording.Corpus("films", True, ("a", "b"), tuple(spoken))
    chosen = dataclasses.replace(demo.quick(monkeypatch), modalities=("audio", "video"))
    for folder in ("data", "again"):  # what is kept in the work folder says it, too
        demo.from_recordings.write(corpus, chosen, tmp_path / folder, keep_work=True)
        said = capsys.readouterr().out.replace("\n", " ")
        assert "In 2 files sound and picture do not begin together" in said
        assert "One file does not say how long the recording is" in said
        if folder == "data":
            (tmp_path / "data.work").rename(tmp_path / "again.work")
            monkeypatch.setattr(extractor.Extractor, "group", None)  # is not made again


def test_nothing_left_is_refused(tmp_path):
    corpus = recording.Corpus(
        name="empty handed",
        synthetic=True,
        classes=("a", "b"),
        recordings=tuple(
            recording.Recording(
                id=f"u{i}", label=i % 2, group=f"u{i}", splits=(split,), transcript=" "
            )
            for i, split in enumerate(("train", "train", "dev", "test"))
        ),
    )
    chosen = settings.Settings(modalities=("text",))
    with pytest.raises(ValueError, match=r"Nothing is left of the empty handed.*4 with one"):
        demo.from_recordings.write(corpus, chosen, tmp_path / "data", on_error="skip")


def test_missing_weights_say_how_to_get_them():
    with pytest.raises(ValueError, match=r"(?s)`resnet_weights` is missing.*=at.*torchvision"):
        settings.Settings()


def test_absent_modalities_have_no_steps(tmp_path):
    chosen = settings.Settings(modalities=("text",))
    data = demo.write(demo.read(), chosen, tmp_path / "data")
    batches = pipeline.batches(folds.choose(data), "train", 8)
    inputs, _ = next(iter(batches))
    assert not inputs["audio_length"].numpy().any() and not inputs["video_length"].numpy().any()
    assert (inputs["text_length"].numpy() > 5).all()
