"""The command: a page, a kill, three hours."""

import json
import os
import shutil
import subprocess
import sys
import time
import wave

import numpy as np
import pytest
from scipy.io import wavfile

from tests import commands
from tests.prediction import talks

pytestmark = pytest.mark.slow


def test_command_writes_a_page(run, tmp_path):
    shutil.copy(talks.TRANSCRIPT, tmp_path / "words.txt")
    done = commands.run(
        "-m", "amh_tf.timeline", talks.FILM, "--run_dir=export/models/ravdess",
        f"--segments={tmp_path / 'words.txt'}", f"--output={tmp_path / 'talk.html'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "segments of Ses01F_impro01.avi are in" in done.stdout
    assert "\n<title>Ses01F_impro01.avi: emotion over time</title>" in (
        tmp_path / "talk.html"
    ).read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk.html", "words.txt"]


def test_killed_command_continues(tmp_path):
    path = talks.wav(tmp_path / "talk.wav")
    seconds = len(wavfile.read(path)[1]) / 16000
    rows = [f"{start:.2f},{start + 0.9:.2f}" for start in np.arange(0, seconds - 1, 0.02)]
    (tmp_path / "turns.csv").write_text("start,end\n" + "\n".join(rows) + "\n")
    command = ["-m", "amh_tf.timeline", path, "--run_dir=export/models/ravdess"]
    command += [f"--segments={tmp_path / 'turns.csv'}"]
    whole, stopped = tmp_path / "whole.json", tmp_path / "stopped.json"
    assert commands.run(*command, f"--output={whole}").returncode == 0
    start = [sys.executable, *command, f"--output={stopped}"]
    process = subprocess.Popen(start, cwd=commands.ROOT, stdout=subprocess.DEVNULL)
    work_folder = tmp_path / "stopped.json.work"
    while len(list(work_folder.glob("0*.npz"))) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not stopped.exists() and len(list(work_folder.glob("0*.npz"))) < len(rows) / 16
    again = commands.run(*command, f"--output={stopped}")
    assert again.returncode == 0, again.stderr
    assert stopped.read_bytes() == whole.read_bytes() and not work_folder.exists()


def peak_memory(*arguments):
    """Runs a command; returns the most memory that it took, in megabytes."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=commands.ROOT, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


def test_three_hours_take_hardly_more_memory_than_seconds(tmp_path):
    spoken = wavfile.read(talks.wav(tmp_path / "short.wav"))[1]
    hours, rate = 3, 16000
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setparams((1, 2, rate, hours * 3600 * rate, "NONE", ""))
        for _ in range(hours * 60):  # some seconds of speech a minute
            file.writeframes(spoken.tobytes() + bytes(2 * (60 * rate - len(spoken))))
    memory = {}
    for name, minutes in (("short", 1), ("long", 60 * hours)):
        # Finding speech takes minutes of three hours, and a block at a time whatever the length.
        turns = [60 * minute + second for minute in range(minutes) for second in (0.5, 3, 5.5)]
        lines = [f"SPEAKER {name} 1 {start} 2 <NA> <NA> Ann <NA> <NA>\n" for start in turns]
        (tmp_path / f"{name}.rttm").write_text("".join(lines))
        files = [f"--{kind}={tmp_path / name}.{end}" for kind, end in
                 (("audio", "wav"), ("segments", "rttm"), ("output", "json"))]  # fmt: skip
        memory[name] = peak_memory(
            "-m", "amh_tf.timeline", *files, "--run_dir=export/models/ravdess"
        )
    stored = json.loads((tmp_path / "long.json").read_text())
    assert stored["seconds"] == 3600 * hours and len(stored["segments"]) == 3 * 60 * hours
    assert memory["long"] < memory["short"] + 200
