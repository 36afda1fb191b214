"""Sound from a pipe: `amh_tf.predict --stream`."""

import io
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from scipy.io import wavfile

import amh_tf
from amh_tf import errors
from amh_tf.prediction import listening
from tests import commands
from tests.prediction import small_runs

SOUND = small_runs.sound(2.3)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_runs.write(
        tmp_path_factory.mktemp("listening") / "run", modalities=("audio", "text"), num_hops=3
    )


@pytest.fixture(scope="module")
def loaded(run):
    return amh_tf.load(run)


@pytest.fixture(scope="module")
def stream(loaded):
    return loaded.stream()


@pytest.fixture(autouse=True)
def begin(stream):
    stream.reset()


class Pipe:
    """A file that gives what is in it in pieces of given sizes."""

    def __init__(self, content, sizes):
        self._file, self._sizes = io.BytesIO(content), iter(sizes)

    def read1(self, most):
        return self._file.read(min(most, next(self._sizes)))


def values(predicted):
    return [*predicted.probabilities.values()]


def shown(loaded, sound, start, end, text=""):
    """Predicts a span by itself."""
    return values(loaded.predict(sound, rate=16000, start=start, end=end, text=text))


def test_samples_are_those_written_wherever_they_are_cut():
    sizes = np.random.default_rng(1).integers(1, 900, 10**5)
    notes = []
    found = np.concatenate([*listening.pieces(Pipe(SOUND.tobytes(), sizes), notes.append)])
    assert found.dtype == np.int16 and not notes
    np.testing.assert_array_equal(found, SOUND)
    one_by_one = [*listening.pieces(Pipe(SOUND[:50].tobytes(), [1] * 200), notes.append)]
    np.testing.assert_array_equal(np.concatenate(one_by_one), SOUND[:50])


def test_odd_byte_at_the_end_is_noted():
    notes = []
    content = SOUND[:7].tobytes() + b"\1"
    found = [*listening.pieces(Pipe(content, [3] * 9), notes.append)]
    np.testing.assert_array_equal(np.concatenate(found), SOUND[:7])
    assert len(notes) == 1 and "last byte" in notes[0]


def test_wav_file_is_refused(tmp_path):
    wavfile.write(tmp_path / "a.wav", 16000, SOUND)
    with (
        open(tmp_path / "a.wav", "rb", buffering=100) as file,
        pytest.raises(errors.InputError, match=r"WAV file.*--audio=FILE.*ffmpeg"),
    ):
        next(listening.pieces(file, print))


@pytest.mark.parametrize("size", [37, 8000, 30000])
def test_line_comes_each_half_second_and_equals_the_prefix(loaded, stream, size):
    sound = np.split(SOUND, range(size, len(SOUND), size))
    found = [*listening.lines(stream, sound, text="i am fine")]
    assert [line.end for line in found] == [0.5, 1.0, 1.5, 2.0, len(SOUND) / 16000]
    assert [line.is_first for line in found] == [True] + [False] * 4
    for line in found:
        assert line.start == 0
        expected = shown(loaded, SOUND, 0, line.end, "i am fine")
        np.testing.assert_allclose(values(line.prediction), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("window", [0.75, 1.0])
def test_new_span_begins_after_the_window(loaded, stream, window):
    found = [*listening.lines(stream, [SOUND], window, text="fine")]
    stops = {0.75: [0.5, 0.75, 1.25, 1.5, 2.0, 2.25], 1.0: [0.5, 1.0, 1.5, 2.0]}[window]
    assert [line.end for line in found] == [*stops, len(SOUND) / 16000]
    for line in found:
        assert line.start == (line.end - 1e-9) // window * window
        assert line.is_first == (line.end - line.start <= 0.5)
        said = "fine" if line.start == 0 else ""
        expected = shown(loaded, SOUND, line.start, line.end, said)
        np.testing.assert_allclose(values(line.prediction), expected, rtol=0, atol=1e-6)


def test_other_rate_is_that_of_its_file(loaded, stream):
    """Each line equals the span of a file at 44.1 kHz."""
    sound = small_runs.sound(1.9)
    pieces = np.split(sound, range(441, len(sound), 441))
    found = [*listening.lines(stream, listening.converted(pieces, 44100))]
    seconds = len(sound) / 44100
    assert [line.end for line in found] == pytest.approx([0.5, seconds], abs=1e-4)
    for line, end in zip(found, (0.5, None)):
        expected = values(loaded.predict(sound, rate=44100, end=end, text=""))
        np.testing.assert_allclose(values(line.prediction), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 399])
def test_too_little_sound_is_refused(stream, count):
    with pytest.raises(errors.InputError, match=r"too short.*25 ms"):
        [*listening.lines(stream, [SOUND[:count]], text="fine")]


def test_rest_that_is_too_short_has_no_line(stream):
    assert [line.end for line in listening.lines(stream, [SOUND[:16100]], 1.0)] == [0.5, 1.0]


@pytest.mark.parametrize("window", [0.4, 7.6, 0, -1])
def test_window_that_the_model_cannot_hear_is_refused(stream, window):
    with pytest.raises(errors.InputError, match=r"`stream_window`.*0\.5 to 7\.5 s"):
        [*listening.lines(stream, [SOUND], window)]


def start(run, *flags):
    """Starts the command, with a pipe on either side."""
    return subprocess.Popen(
        [sys.executable, "-m", "amh_tf.predict", "--stream", f"--run_dir={run}", *flags],
        cwd=commands.ROOT,
        env={**os.environ, "PYTHONPATH": str(commands.ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_command_answers_while_sound_comes(loaded, run):
    content = SOUND.tobytes()
    with start(run, "--format=json", "--text=fine") as process:
        process.stdin.write(content[:16001])  # half a sample more than the line needs
        process.stdin.flush()
        first = json.loads(process.stdout.readline())  # before more has come
        rest, notes = process.communicate(content[16001:] + b"\1")
    assert process.returncode == 0, notes.decode()
    found = [first, *map(json.loads, rest.splitlines())]
    assert [line["end"] for line in found] == [0.5, 1.0, 1.5, 2.0, len(SOUND) / 16000]
    for line in found:
        expected = shown(loaded, SOUND, 0, line["end"], "fine")
        assert [*line["probabilities"].values()] == pytest.approx(expected, abs=1e-6)
        assert line["prediction"] == max(line["probabilities"], key=line["probabilities"].get)
        assert line["text"] == "fine" and "synthetic" in line["trained_on"]
    assert "last byte" in notes.decode()


@pytest.mark.slow
def test_command_ends_well_on_ctrl_c(run):
    with start(run, "--stream_window=1") as process:
        process.stdin.write(SOUND[:24100].tobytes())
        process.stdin.flush()
        lines = [process.stdout.readline().decode() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        rest, notes = process.communicate()
    assert process.returncode == 0 and not rest and "Traceback" not in notes.decode()
    assert [line.split()[:2] for line in lines] == [["0.50", "s"], ["1.00", "s"], ["1.50", "s"]]
    assert "(a new span, from 1 s)" in lines[2] and "new span" not in lines[0] + lines[1]
    assert notes.decode().count("no text") == 1


@pytest.mark.slow
def test_command_ends_well_when_nobody_reads(run):
    with start(run) as process:
        process.stdin.write(SOUND[:8000].tobytes())
        process.stdin.flush()
        assert process.stdout.readline().split()[0] == b"0.50"
        process.stdout.close()
        process.stdin.write(SOUND[8000:].tobytes())
        process.stdin.close()
        notes = process.stderr.read().decode()
        assert process.wait() == 0
    assert "Error" not in notes and "BrokenPipe" not in notes


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--stream", "--audio=a.wav"], "--audio cannot be used with --stream"),
        (["--stream", "--start=1", "--end=2"], "--start, --end cannot be used with --stream"),
        (["--stream", "--sample_rate=22051"], "`sample_rate` cannot be streamed"),
        (["--stream", "--sample_rate=4000"], "8000 to 192000 Hz"),
        (["--stream_window=3"], "--stream_window cannot be used without --stream"),
    ],
)
def test_command_refuses(run, flags, problem):
    finished = commands.run("-m", "amh_tf.predict", f"--run_dir={run}", *flags)
    commands.assert_refused(finished, problem)


def test_command_refuses_an_empty_input(run):
    finished = commands.run("-m", "amh_tf.predict", f"--run_dir={run}", "--stream")
    assert finished.returncode == 1 and not finished.stdout
    assert "error: The sound on standard input is too short" in finished.stderr
