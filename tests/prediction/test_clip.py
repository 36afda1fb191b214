"""The kept demo corpus goes from its tree to an emotion, with a ResNet of random weights."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

import amh_tf
from amh_tf import feature_kinds, schema
from amh_tf.corpora import recording
from amh_tf.data import folds, pipeline
from amh_tf.extraction import extractor, settings
from amh_tf.features import audio, heard, text, transcribe
from amh_tf.prediction import attention_plot, clip
from tests import commands
from tests.conftest import WAV2VEC
from tests.extraction import demo
from tests.features import matrix_files, media_files
from tests.prediction.conftest import a_tested_one, clip_of, train


def test_shards_hold_the_features_of_the_recordings(prepared):
    recordings = {spoken.id: spoken for spoken in demo.read().recordings}
    vocabulary = prepared.path("vocabulary.txt").read_text().split("\n")
    fold = folds.choose(prepared)
    for split in ("train", "dev", "test"):
        for inputs, label, names in pipeline.batches(fold, split, 1, with_ids=True):
            spoken = recordings[names.numpy()[0].decode()]
            assert int(label[0]) == spoken.label
            rate, samples = wavfile.read(spoken.audio)
            assert rate == 16000
            expected = audio.mfcc_with_deltas(samples / np.float32(32768)).numpy()
            np.testing.assert_allclose(inputs["audio"][0], expected, atol=1e-3)
            pictures = int(np.ceil((spoken.video_end - spoken.video_start) * 3))
            assert inputs["video"].shape == (1, pictures, 2048)
            said = [vocabulary[number] for number in inputs["text"].numpy()[0]]
            known = set(said)
            assert said == [w if w in known else "_UNK_" for w in text.words(spoken.transcript)]


def test_clip_gets_what_the_run_gave_it(run):
    row, spoken = a_tested_one(run)
    predicted = amh_tf.load(run).predict(clip_of(spoken))
    expected = [float(row[name]) for name in predicted.classes]
    np.testing.assert_allclose([*predicted.probabilities.values()], expected, atol=2e-4)
    assert predicted.best == row["prediction"]
    assert [target for target, _ in predicted.hops] == [
        *("video", "audio", "text") * 2,
        "video",
    ]
    samples = len(wavfile.read(spoken.audio)[1])
    lengths = {
        "audio": 1 + (samples - 400) // 160,
        "text": len(text.words(spoken.transcript)),
        "video": len(predicted.frames),
    }
    for target, weights in predicted.hops:
        assert weights.shape == (lengths[target],)
        assert weights.sum() == pytest.approx(1, abs=1e-4) and (weights >= 0).all()


@pytest.fixture
def heard_samples(monkeypatch):
    """Lists how many samples features were made of, each time."""
    traced, seen = heard._traced, []

    def spied(*settings):
        make = traced(*settings)
        return lambda waveform: (seen.append(len(waveform)), make(waveform))[1]

    monkeypatch.setattr(heard, "_traced", spied)
    return seen


def test_long_recording_is_cut_before_its_features_are_made(run, tmp_path, heard_samples):
    """What comes after what the model reads changes nothing."""
    samples = np.random.default_rng(1).integers(-3000, 3000, 16000 * 30).astype(np.int16)
    most = schema.MAX_LENGTHS["audio"]
    read = audio.num_samples(most + audio.REACH)
    probabilities = []
    for name, length in (("long.wav", len(samples)), ("read.wav", read)):
        wavfile.write(tmp_path / name, 16000, samples[:length])
        given = clip.Clip(audio=str(tmp_path / name), text="yes")
        probabilities.append([*amh_tf.load(run).predict(given).probabilities.values()])
    assert heard_samples == [read, read]
    np.testing.assert_allclose(*probabilities, rtol=0, atol=1e-6)


def test_long_recording_of_a_corpus_is_cut_too(tmp_path, heard_samples):
    wavfile.write(tmp_path / "long.wav", 16000, np.ones(16000 * 20, np.int16))
    path = str(tmp_path / "long.wav")
    spoken = recording.Recording(id="long", label=0, group="long", audio=path)
    lengths = {**schema.MAX_LENGTHS, "audio": 100}
    maker = extractor.Extractor(settings.Settings(modalities=("audio",), max_lengths=lengths))
    (made,) = maker.group([spoken])
    assert made.audio.shape == (100, 120) and heard_samples == [audio.num_samples(104)]


def test_run_of_another_recipe_is_refused(run, tmp_path):
    _, spoken = a_tested_one(run)
    for version, said in ((None, "version 1"), (1, "version 1"), (99, "version 99")):
        copy = shutil.copytree(run, tmp_path / f"run_{version}")
        inputs = json.loads((copy / "inputs.json").read_text())
        assert inputs["features"].pop("version") == feature_kinds.VERSION
        if version:
            inputs["features"]["version"] = version
        (copy / "inputs.json").write_text(json.dumps(inputs))
        with pytest.raises(ValueError, match=rf"(?s)another version.*{said}.*amh_tf\.prepare"):
            amh_tf.load(copy).predict(clip_of(spoken))


def test_clip_that_begins_before_its_pictures_is_predicted_and_noted(run, tmp_path):
    path = tmp_path / "late.mkv"
    matrix_files.write_film(matrix_files.Film("mkv", "libx264", "aac", offset=-1.0), path)
    predicted = amh_tf.load(run).predict(clip.Clip(video=str(path), text="yes", start=0.0, end=0.7))
    assert predicted.frames is None and len(predicted.waveform) == 11200
    assert any("do not begin together" in note for note in predicted.notes)
    assert any("no video" in note for note in predicted.notes)


@pytest.mark.slow
def test_attention_is_drawn(run, tmp_path):
    _, spoken = a_tested_one(run)
    predicted = amh_tf.load(run).predict(clip_of(spoken, text="Costs $5 and $6, she said"))
    attention_plot.draw(predicted, tmp_path / "out.png")
    image = np.asarray(Image.open(tmp_path / "out.png").convert("RGB"))
    assert image.shape[0] > 700 and image.shape[1] > 1000
    # The pictures' own colours, such as the skin, are in it.
    skin = np.abs(image.astype(int) - [245, 210, 185]).sum(axis=2) < 60
    assert skin.sum() > 1000
    with pytest.raises(ValueError, match=r"\.png.*--attention"):
        attention_plot.draw(predicted, tmp_path / "out.emotion")


def test_modalities_may_be_absent(run, tmp_path):
    predicted = amh_tf.load(run).predict(clip.Clip(text="We have been here since the morning."))
    assert predicted.waveform is None and predicted.frames is None
    assert predicted.words[-1] == "." and len(predicted.words) == 8
    assert any("no audio" in note for note in predicted.notes)
    attention_plot.draw(predicted, tmp_path / "out.png")
    with pytest.raises(ValueError, match="There is no clip"):
        clip.Clip()
    media_files.write_picture(tmp_path / "silent.mp4", frames=30)
    with pytest.raises(recording.BadRecording, match="has no sound"):
        amh_tf.load(run).predict(clip.Clip(video=str(tmp_path / "silent.mp4")))


def test_words_are_recognized_unless_given(run, monkeypatch):
    heard = []

    def recognizer(waveform):
        heard.append(len(waveform))
        return "we were here"

    recognizer.description = "stand-in"
    monkeypatch.setattr(transcribe, "start_recognizer", lambda *_: recognizer)
    _, spoken = a_tested_one(run)
    predicted = amh_tf.load(run).predict(clip.Clip(audio=spoken.audio))
    assert heard == [len(wavfile.read(spoken.audio)[1])]
    assert predicted.words == ["we", "were", "here"]
    assert any("recognized" in note for note in predicted.notes)
    assert amh_tf.load(run).predict(clip.Clip(audio=spoken.audio, text="")).words == []
    assert len(heard) == 1


def test_span_is_that_of_the_sound_where_there_is_no_film(run):
    _, spoken = a_tested_one(run)
    predicted = amh_tf.load(run).predict(clip.Clip(audio=spoken.audio, text="", start=0.5, end=1.5))
    assert len(predicted.waveform) == 16000


@pytest.mark.slow
def test_command_prints_json(run, tmp_path):
    _, spoken = a_tested_one(run)
    done = commands.run(
        "-m", "amh_tf.predict", f"--run_dir={run}", f"--video={spoken.video}",
        f"--audio={spoken.audio}", f"--side={spoken.side}", "--text=Where are you?",
        "--format=json", f"--attention={tmp_path / 'out.png'}",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert sum(shown["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert shown["prediction"] == max(shown["probabilities"], key=shown["probabilities"].get)
    assert "synthetic" in shown["trained_on"] and (tmp_path / "out.png").exists()


def edited(run_dir, tmp_path, change):
    """Copies a run and changes what it has noted of its data set."""
    copy = shutil.copytree(run_dir, tmp_path / "copy")
    fields = json.loads((copy / "inputs.json").read_text())
    change(fields)
    (copy / "inputs.json").write_text(json.dumps(fields))
    return copy


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda f: f["features"]["video"].update(fingerprint="x"), "not the weights.*--resnet_w"),
        (lambda f: f.update(features=None), "audio features cannot.*it is not known.*=mfcc"),
        (lambda f: f["features"]["audio"].update(kind="synthetic"), "audio features.*synthetic"),
        (lambda f: f["features"].update(audio=WAV2VEC), "audio features.*described as 'my wav2vec"),
        (
            lambda f: f["features"]["video"].update(kind="unknown"),
            "video features.*--video_features",
        ),
        (
            lambda f: f["features"]["text"].update(kind="unknown"),
            "text features cannot.*not known how",
        ),
        (lambda f: f["features"]["video"].pop("fingerprint"), "not the weights.*--resnet_w"),
        (lambda f: f.update(widths={"audio": 40, "video": 2048}), "'mfcc' that are 40 wide"),
        (lambda f: f["features"]["video"].update(weights="r.h5"), "`resnet_weights` is missing"),
        (lambda f: f.update(classes=["one"]), r"inputs.json.*cannot be read.*--data_dir"),
        (lambda f: f.update(unknown_ids=[10**9]), r"unknown_ids.*--data_dir"),
        (lambda f: f.pop("vocabulary_size"), r"inputs.json.*cannot be read"),
        (lambda f: f.update(classes=[{}] * 2), r"inputs.json.*`classes\[0\]`: expected `str`"),
        (lambda f: f.update(widths={"audio": [], "video": 2048}), r"inputs.json.*widths"),
        (lambda f: f["features"].update(max_lengths=5), r"inputs.json.*`features.max_lengths`"),
        (lambda f: f["features"].update(audio=[]), r"inputs.json.*`features.audio`"),
    ],
)
def test_run_that_cannot_serve_is_refused(run, tmp_path, change, problem):
    _, spoken = a_tested_one(run)
    with pytest.raises(ValueError, match=problem):
        amh_tf.load(edited(run, tmp_path, change)).predict(clip_of(spoken))


def test_what_is_not_given_need_not_be_made(run, tmp_path):
    """Features that nobody knows how to make refuse a clip that has them, and no other."""

    def forget(fields):
        fields["features"]["video"] = WAV2VEC

    copy = edited(run, tmp_path, forget)
    _, spoken = a_tested_one(run)
    given = clip_of(spoken, video=None, start=None, end=None, side="whole")
    expected = amh_tf.load(run).predict(given).probabilities
    assert amh_tf.load(copy).predict(given).probabilities == expected


@pytest.mark.slow
def test_data_set_that_is_given_is_asked(run, prepared, tmp_path):
    """What was declared of a data set after the run was begun."""

    def forget(fields):
        fields["features"]["audio"] = {"kind": "unknown"}

    copy = edited(run, tmp_path, forget)
    _, spoken = a_tested_one(run)
    with pytest.raises(ValueError, match="--data_dir"):
        amh_tf.load(copy).predict(clip_of(spoken))
    found = amh_tf.load(copy).predict(clip_of(spoken), data_dir=prepared.folder)
    assert found.probabilities == amh_tf.load(run).predict(clip_of(spoken)).probabilities


def test_run_without_notes_reads_its_data_set(run, prepared, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "inputs.json").unlink()
    (copy / "vocabulary.txt").unlink()
    words = clip.Clip(text="We have been here since the morning.")
    with pytest.raises(ValueError, match="--data_dir"):
        amh_tf.load(copy).predict(words)
    found = amh_tf.load(copy).predict(words, data_dir=prepared.folder)
    assert found.probabilities == amh_tf.load(run).predict(words).probabilities


def test_words_that_the_fold_does_not_know_are_unknown(run, prepared):
    fold = folds.choose(prepared)
    train_words = set()
    for inputs, _ in pipeline.batches(fold, "train", 8):
        train_words.update(np.unique(inputs["text"]).tolist())
    vocabulary = prepared.path("vocabulary.txt").read_text().split("\n")[2:-1]
    unknown = [w for i, w in enumerate(vocabulary, 2) if i not in train_words]
    assert unknown
    predicted = amh_tf.load(run).predict(clip.Clip(text=" ".join(["we", *unknown[:5]])))
    assert predicted.known == [True] + [False] * len(unknown[:5])


def test_model_without_attention_predicts(prepared, tmp_path):
    run_dir = train(prepared, tmp_path / "run", model="mdre", modalities=("audio", "text"))
    _, spoken = a_tested_one(run_dir)
    predicted = amh_tf.load(run_dir).predict(clip_of(spoken))
    assert predicted.hops == [] and any("No video" in note for note in predicted.notes)
    with pytest.raises(ValueError, match=r"no attention.*--attention"):
        attention_plot.draw(predicted, tmp_path / "out.png")
