"""Which modalities of a corpus are extracted, and `prepare` on a corpus of sound alone."""

import json

import pytest

from amh_tf.corpora import recording
from amh_tf.extraction import settings
from tests import commands
from tests.corpora import trees


def corpus(**fields):
    spoken = recording.Recording(id="u", label=0, group="u", **fields)
    return recording.Corpus("CORPUS", False, ("a", "b"), (spoken,))


@pytest.mark.parametrize(
    ("fields", "transcripts", "modalities", "notes"),
    [
        ({"audio": "a", "transcript": "t", "video": "v"}, "reference", "audio text video", 0),
        ({"audio": "a", "transcript": "t"}, "reference", "audio text", 1),
        ({"audio": "a"}, "reference", "audio", 2),
        ({"audio": "a"}, "asr", "audio text", 1),
        ({"video": "v"}, "asr", "video", 2),
        ({"transcript": "t"}, "reference", "text", 2),
    ],
)
def test_all_that_the_corpus_has_is_extracted(fields, transcripts, modalities, notes):
    chosen, told = settings.choose_modalities(corpus(**fields), None, transcripts)
    assert chosen == tuple(modalities.split()) and len(told) == notes


def test_what_is_left_out_is_told():
    _, notes = settings.choose_modalities(corpus(audio="a"))
    assert notes == [
        "Left out: text, which CORPUS does not have. Words can be recognized: --transcripts=asr.",
        "Left out: video, which CORPUS does not have.",
    ]


def test_choice_is_kept_and_what_is_not_there_is_refused():
    spoken = corpus(audio="a", transcript="t")
    assert settings.choose_modalities(spoken, "ta") == (("audio", "text"), [])
    with pytest.raises(ValueError, match=r"CORPUS does not have.*audio, text\..*'atv'"):
        settings.choose_modalities(spoken, "atv")
    with pytest.raises(ValueError, match=r"`modalities` is not a selection"):
        settings.choose_modalities(spoken, "x")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """RAVDESS of three actors and two emotions: noise."""
    folder = tmp_path_factory.mktemp("ravdess")
    for actor in ("01", "02", "03"):
        for emotion in ("03", "05"):
            name = f"03-01-{emotion}-01-01-01-{actor}.wav"
            trees.write_sound(folder / f"Actor_{actor}" / name, seconds=0.3)
    return folder


def prepare(source, folder, output_dir, *more):
    return commands.run(
        *("-m", "amh_tf.prepare", f"--source={source}", f"--source_dir={folder}"),
        *(f"--output_dir={output_dir}", "--labels=happy,angry", "--protocols=speaker", *more),
    )


@pytest.mark.slow
def test_sound_is_prepared_without_weights(release, tmp_path):
    finished = prepare("ravdess", release, tmp_path / "data")
    assert finished.returncode == 0, finished.stderr
    told = " ".join(finished.stdout.split())
    assert "6 utterances, not the published 1,440." in told
    assert "21 speakers are missing: Actor_04, Actor_05," in told
    assert "Left out: video, which RAVDESS does not have." in told
    assert "6 utterances in, 6 out" in told
    assert "amh_tf.train --hops=7 --data_dir" in told
    written = json.loads((tmp_path / "data/dataset.json").read_text())
    assert written["classes"] == ["happy", "angry"]
    assert written["features"]["modalities"] == ["audio", "text"]
    words = (tmp_path / "data/vocabulary.txt").read_text().split()
    assert sorted(words[2:]) == ["are", "by", "door", "kids", "talking", "the"]
    train = ["-m", "amh_tf.train", "--hops=1", "--max_steps=1", "--batch_size=2"]
    train += ["--audio_units=3", "--text_units=3", f"--data_dir={tmp_path / 'data'}"]
    finished = commands.run(*train, f"--run_dir={tmp_path / 'run'}")
    assert finished.returncode == 0, finished.stderr
    assert "AMH-1 (A+T)" in finished.stdout and "has no" not in finished.stdout
    finished = commands.run(*train, f"--run_dir={tmp_path / 'all'}", "--modalities=atv")
    assert finished.returncode == 0, finished.stderr
    assert "Note: the data set has no video, which the model is to read." in finished.stdout


def test_modality_that_is_not_there_is_refused(release, tmp_path):
    finished = prepare("ravdess", release, tmp_path / "data", "--modalities=atv")
    commands.assert_refused(finished, "RAVDESS does not have", "audio, text", "--modalities")
    finished = prepare("urdu", release, tmp_path / "data")
    commands.assert_refused(finished, "does not hold URDU", "Angry/SM1_F1_A01.wav")


def test_sound_without_words_is_prepared_with_the_folds_of_emobox(tmp_path):
    lines = {}
    for number in range(6):
        trees.write_sound(tmp_path / f"own/{number}.wav", seconds=0.3)
        wav = f"downloads/mine/{number}.wav"
        fields = {"key": f"mine-{number}", "wav": wav, "emo": ("happy", "angry")[number % 2]}
        lines[number] = json.dumps(fields) + "\n"
    folder = tmp_path / "data/mine"
    for fold, tested in ((1, (0, 1)), (2, (2, 3))):
        (folder / f"fold_{fold}").mkdir(parents=True)
        for split in ("train", "test"):
            chosen = (
                text for number, text in lines.items() if (number in tested) == (split == "test")
            )
            path = folder / f"fold_{fold}/mine_{split}_fold_{fold}.jsonl"
            path.write_text("".join(chosen))
    more = [f"--audio_dir={tmp_path / 'own'}", "--protocols=random", "--num_folds=3"]
    finished = prepare("emobox", folder, tmp_path / "out", *more)
    assert finished.returncode == 0, finished.stderr
    told = " ".join(finished.stdout.split())
    assert "6 of 6 utterances listed are there." in told
    assert "Words can be recognized: --transcripts=asr." in told
    assert "amh_tf.train --model=rnn_attn --data_dir" in told


def test_channel_of_ravdess_is_a_flag(release, tmp_path):
    finished = prepare("ravdess", release, tmp_path / "data", "--ravdess_channel=song")
    commands.assert_refused(finished, "holds no song", "--ravdess_channel")
