"""The spoken demo corpus (synthetic): the kept tree, and one that the tool makes."""

import collections
import hashlib
import os
import shutil
import subprocess
import sys
from concurrent import futures
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from amh_tf import schema
from amh_tf.corpora import iemocap
from tools.demo_corpus import script, voice

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "tests/demo_corpus"
FLAGS = ("--utterances=10", "--seed=3", "--quality=31")


def make(folder, *flags):
    command = [sys.executable, "-m", "tools.make_demo_corpus", f"--output_dir={folder}", *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def check_media(corpus):
    """Every utterance's sound lasts as long as its span, and lies within its picture."""
    av = pytest.importorskip("av")
    ends = collections.defaultdict(float)
    for recording in corpus.recordings:
        rate, samples = wavfile.read(recording.audio)
        assert (rate, samples.dtype, samples.ndim) == (16000, np.int16, 1)
        span = recording.video_end - recording.video_start
        assert len(samples) / rate == pytest.approx(span, abs=2e-4)
        assert np.sqrt(np.mean(np.square(samples / 32768.0))) > 0.01
        ends[recording.video] = max(ends[recording.video], recording.video_end)
    for path, end in ends.items():
        with av.open(path) as container:
            video, sound = container.streams.video[0], container.streams.audio[0]
            assert (video.width, video.height, video.average_rate) == (720, 480, 30)
            frames = sum(1 for _ in container.decode(video))
            assert frames / 30 >= end and sound.rate == 8000


def test_kept_tree_is_intact():
    corpus = iemocap.read(KEPT)
    assert corpus.synthetic and corpus.name == "spoken demo corpus (synthetic)"
    counts = collections.Counter(corpus.classes[r.label] for r in corpus.recordings)
    assert counts == {"ang": 2, "exc": 1, "hap": 1, "sad": 1, "fru": 2, "sur": 1, "neu": 2}
    assert corpus.notes == (
        "12 labelled utterances in 10 dialogs.",
        "Left out, without a class: 2 (oth 1, xxx 1).",
    )
    assert {r.session for r in corpus.recordings} == set("12345")
    assert "Ses03M_impro05a" in {r.group for r in corpus.recordings}
    assert all(r.transcript for r in corpus.recordings)
    check_media(corpus)


def test_kept_tree_is_small_and_marked():
    files = [path for path in KEPT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3e6
    assert "synthetic" in (KEPT / "SYNTHETIC.txt").read_text()


def test_speaker_is_the_one_whose_mouth_moves():
    av = pytest.importorskip("av")
    for recording in iemocap.read(KEPT).recordings:
        with av.open(recording.video) as container:
            frames = [
                frame.to_ndarray(format="rgb24")[200:, :, :2].astype(np.int16)
                for frame in container.decode(video=0)
                if recording.video_start <= frame.time < recording.video_end
            ]
        colors = np.stack(frames[::2])
        red, green = colors[..., 0], colors[..., 1]
        mouths = (red - green > 55) & (green < 60)  # nothing else is so
        opening = {
            "left": mouths[:, :, :360].sum(axis=(1, 2)).std(),
            "right": mouths[:, :, 360:].sum(axis=(1, 2)).std(),
        }
        assert max(opening, key=opening.get) == recording.side, recording.id


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    if not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed")
    pytest.importorskip("av")
    parent = tmp_path_factory.mktemp("made")
    folders = [parent / "first", parent / "again"]
    with futures.ThreadPoolExecutor() as pool:
        for result in pool.map(lambda folder: make(folder, *FLAGS), folders):
            assert result.returncode == 0, result.stderr
            assert "12 utterances, of which 10 belong" in result.stdout
    return folders


def test_made_tree_is_read_back(made):
    corpus = iemocap.read(made[0])
    assert corpus.synthetic and len(corpus.recordings) == 10
    assert {corpus.classes[r.label] for r in corpus.recordings} == set(schema.PAPER_CLASSES)
    assert {r.side for r in corpus.recordings} == {"left", "right"}
    check_media(corpus)


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_same_seed_makes_the_same_files(made):
    first, again = map(digests, made)
    assert first == again != digests(KEPT)


@pytest.mark.parametrize(("sounds", "kept"), [("aa", b"a"), ("baa", b"a"), ("abcb", b"b")])
def test_sound_that_espeak_gives_twice_is_kept(monkeypatch, sounds, kept):
    given = iter(sounds)
    monkeypatch.setattr(
        voice.subprocess,
        "run",
        lambda command, **_: subprocess.CompletedProcess(command, 0, next(given).encode()),
    )
    assert voice._spoken(["espeak-ng"]) == kept
    given = iter("abcde")
    with pytest.raises(ValueError, match="5 different ones from 'espeak-ng'"):
        voice._spoken(["espeak-ng"])


@pytest.mark.parametrize(
    ("utterances", "counts"),
    [
        (10, {"ang": 1, "sad": 1, "fru": 2, "exc": 1, "hap": 1, "sur": 1, "neu": 2}),
        (300, {"ang": 44, "sad": 43, "fru": 67, "exc": 42, "hap": 28, "sur": 14, "neu": 62}),
    ],
)
def test_plan_has_every_class_in_skewed_shares(utterances, counts):
    found = script.class_counts(utterances)
    assert sum(found.values()) == utterances
    assert all(abs(found[label] - count) <= 1 for label, count in counts.items())
    planned = script.dialogs(utterances, np.random.default_rng(1))
    turns = [turn for dialog in planned.values() for turn in dialog]
    assert len({turn.id for turn in turns}) == len(turns)
    assert {turn.speaker for turn in turns} == {f"Ses0{s}{g}" for s in range(1, 6) for g in "FM"}
    for label in script.ORDER:
        sessions = {turn.dialog[4] for turn in turns if turn.label == label}
        assert len(sessions) >= min(5, found[label])


def test_missing_synthesizer_is_told(tmp_path, monkeypatch):
    pytest.importorskip("av")
    monkeypatch.setenv("PATH", str(tmp_path))
    made = make(tmp_path / "made")
    assert made.returncode == 1 and "Expected the program espeak-ng" in made.stderr
    assert not (tmp_path / "made").exists()
