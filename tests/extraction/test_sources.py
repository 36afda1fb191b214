"""Tables and MELD, recognized words, word vectors."""

import csv
import json

import numpy as np
import pytest
from scipy.io import wavfile

from amh_tf import schema
from amh_tf.corpora import meld, table
from amh_tf.data import folds, pipeline
from amh_tf.extraction import from_recordings, settings
from amh_tf.features import audio, transcribe
from tests.extraction import demo
from tests.features import media_files


def read_all(data, split):
    """Lists a split's utterances as (id, inputs without padding)."""
    found = {}
    for inputs, _, names in pipeline.batches(folds.choose(data), split, 1, with_ids=True):
        inputs = {key: value.numpy()[0] for key, value in inputs.items()}
        found[names.numpy()[0].decode()] = {
            name: inputs[name][: inputs[f"{name}_length"]] for name in ("audio", "text", "video")
        }
    return found


@pytest.fixture
def own_table(tmp_path):
    """Six utterances: a film of two, sound with a span, words alone."""
    media_files.write_picture(tmp_path / "film.mp4", frames=90)
    samples = np.round(media_files.tone(16000, 3) * 32000).astype(np.int16)
    wavfile.write(tmp_path / "sound.wav", 16000, samples)
    rows = [
        {"id": "film one", "video": "film.mp4", "start": 0, "end": 1, "split": "train"},
        {"id": "film/two", "video": "film.mp4", "start": 1, "end": 2.9, "split": "train"},
        {"id": "whole", "audio": "sound.wav", "split": "train"},
        {"id": "span", "audio": "sound.wav", "start": 1, "end": 2, "split": "dev"},
        {"id": "words", "transcript": "It's a rare word.", "split": "test"},
        {"id": "more", "transcript": "A word is a word", "split": "train"},
    ]
    for number, row in enumerate(rows):
        row["label"] = ("sad", "glad")[number % 2]
    path = tmp_path / "table.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path, samples


def test_table_becomes_shards(own_table, tmp_path, monkeypatch):
    path, samples = own_table
    data = from_recordings.write(table.read(path), demo.quick(monkeypatch), tmp_path / "data")
    assert data.name == "table.jsonl" and list(data.protocols) == ["given"]
    train, dev, test = (read_all(data, split) for split in ("train", "dev", "test"))
    assert {k: tuple(len(v[m]) for m in v) for k, v in train.items()} == {
        "film one": (0, 0, 3),
        "film/two": (0, 0, 6),
        "whole": (298, 0, 0),
        "more": (0, 5, 0),
    }
    expected = audio.mfcc_with_deltas(samples[16000:32000] / np.float32(32768)).numpy()
    np.testing.assert_allclose(dev["span"]["audio"], expected, atol=1e-3)
    # Words of the test split alone are unknown: it's, rare, and the full stop.
    words = (tmp_path / "data" / "vocabulary.txt").read_text().split()
    assert words == ["_PAD_", "_UNK_", "a", "word", "is"]
    assert test["words"]["text"].tolist() == [1, 1, 2, 1, 3, 1]


def test_word_vectors_are_those_of_the_words(own_table, tmp_path, capsys):
    (tmp_path / "glove.txt").write_text("word 1 2 3\nis 4 5 6\nother 7 8 9\n")
    data = from_recordings.write(
        table.read(own_table[0]),
        settings.Settings(modalities=("audio", "text")),
        tmp_path / "data",
        glove=tmp_path / "glove.txt",
        on_error="skip",
    )
    assert data.embedding_width == 3
    assert data.embedding()[3:].tolist() == [[1, 2, 3], [4, 5, 6]]
    told = capsys.readouterr().out
    assert "2 of 3 words have a vector" in told
    assert "6 utterances in, 4 out, 2 with a problem" in told  # the film's two have no sound


def test_sequences_are_cut(own_table, tmp_path):
    chosen = settings.Settings(
        modalities=("audio", "text"), max_lengths={"audio": 50, "text": 2, "video": 1}
    )
    data = from_recordings.write(
        table.read(own_table[0]), chosen, tmp_path / "data", on_error="skip"
    )
    train = read_all(data, "train")
    assert len(train["whole"]["audio"]) == 50 and len(train["more"]["text"]) == 2


def test_meld_becomes_shards(tmp_path):
    columns = ["Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID"]
    for split, clips in meld.CLIPS.items():
        (tmp_path / clips).mkdir()
        with open(tmp_path / f"{split}_sent_emo.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for number, emotion in enumerate(meld_emotions()):
                writer.writerow([f"Word {number}", "Ross", emotion, 0, number])
                path = tmp_path / clips / f"dia0_utt{number}.mp4"
                media_files.write_sound(path, "aac", seconds=0.5)
    (tmp_path / "dev_splits_complete" / "dia0_utt3.mp4").unlink()  # as in the release
    chosen = settings.Settings(modalities=("audio", "text"))
    data = from_recordings.write(meld.read(tmp_path), chosen, tmp_path / "data", on_error="skip")
    fold = folds.choose(data)
    assert [fold.count(split) for split in ("train", "dev", "test")] == [7, 6, 7]
    problems = (tmp_path / "data" / "problems.csv").read_text()
    assert "dev_dia0_utt3" in problems and "dia0_utt3.mp4" in problems
    assert all(45 <= len(u["audio"]) <= 60 for u in read_all(data, "train").values())


def meld_emotions():
    return ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")


def test_recognized_words_and_their_errors(tmp_path, monkeypatch, capsys):
    class Deaf:
        """Hears the same three words always."""

        name, description = "pocketsphinx", "deaf"

        def __call__(self, waveform):
            assert waveform.dtype == np.float32 and len(waveform) > 16000
            return "we have been"

    monkeypatch.setattr(transcribe, "start_recognizer", lambda *_: Deaf())
    chosen = settings.Settings(modalities=("text",), transcripts="asr")
    data = demo.write(demo.read(), chosen, tmp_path / "data")
    assert data.transcripts == "asr"
    assert data.features["text"] == {
        "kind": "words",
        "transcripts": "asr",
        "recognizer": "deaf",
        "unspaced_scripts": "characters",
    }
    words = (tmp_path / "data" / "vocabulary.txt").read_text().split()
    assert words == ["_PAD_", "_UNK_", "been", "have", "we"]
    # Counted by hand: words of each reference, and those of them that were "heard".
    reference = [8, 9, 8, 8, 9, 9, 8, 7, 7, 8]
    right = [3, 0, 0, 1, 0, 0, 1, 1, 0, 1]
    rate = (sum(reference) - sum(right)) / sum(reference)
    told = capsys.readouterr().out
    assert "Words are recognized by deaf: it takes all speech for clear US English" in told
    assert "over 10 utterances" in told and f"recognizer: {rate:.3f}" in told


CLAUSES = {  # of train, dev and test: no clause stands in two of them, most characters do
    "Chinese": ["我今天很高兴。你也很高兴", "今天你很高兴", "你今天高兴。我也今天很高兴"],
    "Japanese": ["とても嬉しい。嬉しいです", "嬉しい", "とても嬉しいです。嬉しいとても"],
    "Thai": ["ฉันมีความสุข มีความสุขมาก", "ความสุข", "ฉันมีความสุขมาก มีสุข"],
    "English": ["I am happy today", "glad", "so sad was he then"],
    "Korean": ["나는 행복하다", "기쁘다", "오늘은 슬프다"],
}


@pytest.mark.parametrize("language", list(CLAUSES))
@pytest.mark.parametrize("unspaced", schema.UNSPACED_SCRIPTS)
@pytest.mark.parametrize("protocols", [None, ["speaker"]])
def test_test_parts_of_unknown_clauses_are_noted(tmp_path, language, unspaced, protocols):
    lines = ["id,label,transcript,speaker,split"]
    for split, said in zip(schema.SPLITS, CLAUSES[language], strict=True):
        lines += [f"{split}{label},{label},{said},{split},{split}" for label in "ab"]
    (tmp_path / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    chosen = settings.Settings(modalities=("text",), unspaced_scripts=unspaced)
    corpus = table.read(tmp_path / "table.csv")
    data = from_recordings.write(corpus, chosen, tmp_path / "data", protocols=protocols)
    told = [text for text in folds.choose(data).warnings if "are not in train" in text]
    expected = unspaced == "spaces" and language not in ("English", "Korean")
    assert bool(told) == expected
    if expected:
        assert "--unspaced_scripts=characters" in told[0]
