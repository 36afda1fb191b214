"""Tests of `tools/benchmark.py`: that it measures and reports, not what."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.speed import bench as benches
from tools.speed import data, pythons, report, targets, work

ROOT = Path(__file__).resolve().parents[2]


def _run(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "benchmark.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_forward_operations_are_those_of_the_matrices():
    # One audio frame: input 120 and state 200 times three gates of 200 columns.
    assert work.forward({"audio": 1, "text": 0, "video": 0}) == 2 * (120 + 200) * 600
    # Two words: 300 and 200 times 600 columns; three video frames: 2048 and 128 times 384.
    steps = {"audio": 0, "text": 2, "video": 3}
    assert work.forward(steps) == 2 * 2 * 500 * 600 + 3 * 2 * 2176 * 384


def test_training_leaves_out_gradients_of_features():
    # Forward, gradient of the weights, gradient of the state alone: 192,000 multiplications
    # twice, and 120,000; for a word also the gradient of its vector.
    audio = {"audio": 1, "text": 0, "video": 0}
    assert work.training(audio) == 2 * (2 * 192_000 + 120_000)
    text = {"audio": 0, "text": 1, "video": 0}
    assert work.training(text) == 2 * 3 * 300_000


def test_lengths_are_like_iemocap():
    drawn = data.lengths(2000)
    assert drawn.audio.min() >= 60 and drawn.audio.max() <= 750
    assert 350 < sorted(drawn.audio)[1000] < 410  # median about 380
    assert drawn.text.min() >= 1 and drawn.text.max() <= 128
    assert drawn.video.min() >= 1 and drawn.video.max() <= 25


def _training(ours, other):
    def row(seconds):
        return {"seconds_per_utterance": {"rounds": seconds}, "share_of_limit": 0.61}

    return {"candidates": {"ours-float32-bucketed": row(ours), "keras-random": row(other)}}


def test_speedup_is_the_median_of_the_rounds_ratios():
    results = {"training": _training([1.0, 2.0, 1.0], [4.0, 9.0, 3.0])}
    speedup = targets.speedup(results, "training", "ours-float32-bucketed", "keras-random")
    assert speedup == 4.0


def test_verdicts_tell_met_missed_and_not_measured():
    results = {
        "training": _training([1.0], [3.9]),
        "hops": {"share_of_a_step": 0.004},
        "scaling": {"peak_bytes": {"1000": 100, "10000": 111}},
    }
    met = {what: verdict for what, *_, verdict in targets.verdicts(results)}
    assert met["training, float32 in buckets, against stock Keras"] is False
    assert met["training, float32 in buckets, of the matrix-product limit"] is True
    assert met["one hop more, of a step"] is True
    assert met["peak memory, smallest to largest set"] is False
    assert met["training, bfloat16 in buckets, against stock Keras"] is None


def test_quick_run_gives_results_table_and_picture(tmp_path):
    done = _run(
        f"--output_dir={tmp_path}",
        "--quick",
        "--measures=training",
        "--candidates=ours-float32-bucketed,keras-random",
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "speed.json").read_text())
    rows = results["training"]["candidates"]
    assert set(rows) == {"ours-float32-bucketed", "keras-random"}
    assert all(row["seconds_per_utterance"]["median"] > 0 for row in rows.values())
    assert "| stock Keras 3 under `fit` | random |" in (tmp_path / "speed.md").read_text()
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


class _Engine:
    """Answers as an engine in a process of its own; notes in which order it was asked."""

    def __init__(self, name, asked):
        self._name, self._asked = name, asked

    def ask(self, request, **_):
        self._asked.append((self._name, request))
        return {"seconds": {"this": 2.0, "other": 3.0}[self._name]}


def test_two_interpreters_take_turns(monkeypatch):
    bench, asked, engines = benches.Bench(Path("unused"), utterances=10, rounds=3), [], {}
    monkeypatch.setattr(bench, "folder", lambda: "data")
    monkeypatch.setattr(bench, "watched", lambda result: contextlib.nullcontext())
    monkeypatch.setattr(pythons, "_versions", lambda python: f"Python of {python}")

    @contextlib.contextmanager
    def opened(wanted):
        engines.update(wanted)
        yield {name: _Engine(name, asked) for name in wanted}

    monkeypatch.setattr(bench, "opened", opened)
    result = pythons.measure(bench, "/other/python")
    order = {"this": sys.executable, "other": "/other/python"}
    assert {name: options["python"] for name, (_, options) in engines.items()} == order
    counted = [entry for entry in asked if entry[1] != "warm_up"]
    turn = [(name, request) for name in ("this", "other") for request in ("train", "infer")]
    assert counted == turn * 4  # the first round does not count
    assert result["ratio"] == pytest.approx({"training": 1.5, "inference": 1.5})
    shown = "\n".join(report._pythons(result))
    assert (
        "| Python of /other/python | 75.00 (75.00 to 75.00) | 300.00 (300.00 to 300.00) |" in shown
    )


def test_interpreter_that_cannot_be_measured_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no_python.*No such file.*--python"):
        pythons._versions(str(tmp_path / "no_python"))
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no module named keras >&2\nexit 1\n")
    broken.chmod(0o700)
    with pytest.raises(ValueError, match=r"no module named keras.*--python"):
        pythons._versions(str(broken))


def test_unknown_names_are_refused(tmp_path):
    done = _run(f"--output_dir={tmp_path}", "--measures=training,speed")
    assert done.returncode == 1
    assert "Expected some of" in done.stderr
