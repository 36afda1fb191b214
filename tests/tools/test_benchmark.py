"""Tests of `tools/benchmark.py`: that it measures and reports, not what."""

import json
import sys
from pathlib import Path

import pytest

from amh_tf import config, errors, models
from tests import commands
from tools.speed import bench as benches
from tools.speed import data, measures, network, report, stock_keras, tables


def _run(*arguments):
    return commands.run("-m", "tools.benchmark", *arguments)


def test_forward_operations_are_those_of_the_matrices():
    # One audio frame: input 120 and state 200 times three gates of 200 columns.
    assert data.operations({"audio": 1, "text": 0, "video": 0}) == 2 * (120 + 200) * 600
    # Two words: 300 and 200 times 600 columns; three video frames: 2048 and 128 times 384.
    steps = {"audio": 0, "text": 2, "video": 3}
    assert data.operations(steps) == 2 * 2 * 500 * 600 + 3 * 2 * 2176 * 384


def test_training_leaves_out_gradients_of_features():
    # Forward, gradient of the weights, gradient of the state alone: 192,000 multiplications
    # twice, and 120,000; for a word also the gradient of its vector.
    audio = {"audio": 1, "text": 0, "video": 0}
    assert data.operations(audio, training=True) == 2 * (2 * 192_000 + 120_000)
    text = {"audio": 0, "text": 1, "video": 0}
    assert data.operations(text, training=True) == 2 * 3 * 300_000


def test_lengths_are_like_iemocap():
    steps = data.lengths(2000)
    assert steps["audio"].min() >= 60 and steps["audio"].max() <= 750
    assert 350 < sorted(steps["audio"])[1000] < 410  # median about 380
    assert steps["text"].min() >= 1 and steps["text"].max() <= 128
    assert steps["video"].min() >= 1 and steps["video"].max() <= 25


def test_ratio_is_the_median_of_the_rounds_ratios():
    assert benches.ratio([4.0, 9.0, 3.0], [1.0, 2.0, 1.0]) == 4.0


@pytest.mark.slow
def test_quick_run_gives_results_table_and_picture(tmp_path):
    output = f"--output_dir={tmp_path}"
    finished = _run(output, "--quick", "--measures=training",
                    "--candidates=ours-float32-bucketed,keras-random")  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    results = json.loads((tmp_path / "speed.json").read_text())
    seconds = results["training"]["seconds"]
    assert set(seconds) == {"ours-float32-bucketed", "keras-random"}
    assert all(row["median"] > 0 for row in seconds.values())
    assert "| stock Keras 3 under `fit` | random |" in (tmp_path / "speed.md").read_text()
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "speed.json").write_text("{}")
    commands.assert_refused(_run(output), "of another version", "--output_dir")


_asked = []


class _Process:
    """Answers as an engine in a process of its own; notes in which order it was asked."""

    def __init__(self, engine, options, log, python):
        self._python = python

    def ask(self, request, **_):
        if request == "notes":
            return {}
        _asked.append((self._python, request))
        return {sys.executable: 2.0, "/other/python": 3.0}[self._python]

    def close(self):
        pass


def test_two_interpreters_take_turns(tmp_path, monkeypatch):
    bench = benches.Bench(tmp_path, utterances=10, rounds=2, quick=True, python="/other/python")
    monkeypatch.setattr(benches.Bench, "folder", lambda self: "data")
    monkeypatch.setattr(benches.processes, "Process", _Process)
    monkeypatch.setattr(measures, "python_versions", lambda python: f"Python of {python}")
    result = measures.pythons(bench)
    turn = [
        (p, request) for p in (sys.executable, "/other/python") for request in ("train", "infer")
    ]
    assert _asked == [*turn, *turn[::-1], *turn]  # the first round does not count
    assert result["seconds"]["other"]["inference"]["rounds"] == [0.3, 0.3]
    assert result["ratio"] == pytest.approx({"training": 1.5, "inference": 1.5})
    shown = report._pythons(result)
    assert (
        "| Python of /other/python | 75.00 (75.00 to 75.00) | 300.00 (300.00 to 300.00) |" in shown
    )


class _Failing(_Process):
    """Fails where its options say so."""

    def __init__(self, engine, options, log, python):
        self._fails = options["fails"]

    def ask(self, request, **_):
        if self._fails:
            raise errors.InputError("The process has failed: no kernel")
        return {} if request == "notes" else 2.0


def test_engine_that_may_fail_is_left_out_with_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr(benches.processes, "Process", _Failing)
    engines = {"works": ("ours", {"fails": False}), "fails": ("ours", {"fails": True})}
    tasks = {f"{name} {n}": (name, "train", {}) for name in engines for n in (1, 2)}
    bench = benches.Bench(tmp_path, rounds=2, quick=True)
    with pytest.raises(errors.InputError, match="no kernel"):
        bench.in_turn(engines, tasks)
    answers, notes = bench.in_turn(engines, tasks, optional={"fails": "JAX"})
    assert answers == {"works 1": [2.0, 2.0], "works 2": [2.0, 2.0]} and notes == {"works": {}}
    assert "JAX was left out. The process has failed: no kernel" in bench.notes


def test_peer_that_is_not_installed_is_skipped_with_a_note(tmp_path, monkeypatch):
    bench = benches.Bench(tmp_path)
    monkeypatch.setattr(benches, "versions", lambda _, library: {"jax": None, "torch": "2"})
    assert bench.can_run("pytorch") and bench.can_run("ours-float32", "mha")
    assert not bench.can_run("pytorch", "mha") and not bench.notes
    assert not bench.can_run("jax")
    (note,) = bench.notes
    assert "skipped" in note and "--peers_python" in note


def test_interpreter_that_cannot_be_measured_is_refused(tmp_path):
    with pytest.raises(errors.InputError, match=r"no_python.*No such file.*--python"):
        measures.python_versions(str(tmp_path / "no_python"))
    broken = tmp_path / "python"
    for script, reason in (
        ("echo no such library >&2; exit 1", "no such library"),
        ("""echo '{"python": "3.12", "keras": null}'""", "one without keras"),
    ):
        broken.write_text(f"#!/bin/sh\n{script}\n")
        broken.chmod(0o700)
        benches.versions.cache_clear()
        with pytest.raises(errors.InputError, match=f"{reason}.*--python"):
            measures.python_versions(str(broken))
    assert measures.python_versions(sys.executable).startswith("python 3.")


@pytest.mark.parametrize(("measure", "flag"), [("busy", "--busy=4"), ("pythons", "--python")])
def test_measures_without_what_they_need_are_refused(measure, flag):
    with pytest.raises(errors.InputError, match=flag):
        measures.MEASURES[measure](benches.Bench(Path("unused")))


def test_unknown_names_are_refused(tmp_path):
    commands.assert_refused(
        _run(f"--output_dir={tmp_path}", "--measures=training,speed"), "Expected some of"
    )


def test_every_section_is_written():
    seconds = {"median": 1.0, "least": 0.5, "most": 2.0, "rounds": [1.0]}
    results = {
        "machine": {"cores": 2, "instructions": ["avx2"], "tensorflow": "1", "keras": "3",
                    "torch": None, "jax": None},
        "training": {"utterances": 9, "batch_size": 3, "gflop": 0.5, "limits": {"float32": 2.0},
                     "seconds": {"ours-float32-random": {**seconds, "median": 0.5, "rounds": [0.5]},
                                 "keras-random": seconds},
                     "chosen": {"keras": {"reset_after": True}}},
        "pipeline": {"kilobytes": {"float32": 5.0}, "cost": {"float32": [0.01, -0.02, 0.03]},
                     "utterances_per_second": {"float32 shards, random": {"median": 1234.0}}},
        "hops": {"counts": [7, 10], "share_of_a_step": [0.001, -0.002, 0.003]},
        "busy": {"processes": 4, "seconds": {"ours-keras": seconds}},
        "scaling": {"shuffle_megabytes": 128, "seconds": {"1000": seconds},
                    "peak_bytes": {"1000": 2**20}},
        "gpu": {"batch_size": 3, "device": "a GPU", "seconds": {
            "amh": {"--kernel=keras": seconds,
                    "--kernel=packed": {**seconds, "median": 0.5, "rounds": [0.5]}},
            "mha": {"--kernel=packed": seconds}}},
    }  # fmt: skip
    results = {key: {"notes": ["busy"], **value} for key, value in results.items()}
    page = report.page(results)
    assert (
        "| this package, float32 | random | 500.00 (500.00 to 2000.00) | 2 | 2.00 | 1 | 50% |"
        in page
    )
    assert "| float32 shards, random | 1,234 |" in page
    assert "each costs +0.10% of a step (95 % interval -0.20% to +0.30%)" in page
    assert "| 1,000 | 1000.00 | 1 |" in page
    assert "| AMH-7 | `--kernel=packed` | 500.00 (500.00 to 2000.00) | 2 | 2.00 |" in page
    assert "| MHA-2 (A+T) | `--kernel=packed` | 1000.00 (500.00 to 2000.00) | 1 |  |" in page
    assert page.count("**Note:** busy") == 6


@pytest.mark.parametrize("row", ["rnn_attn_t", "mdre_av", "mha_tv", "amh_2"])
def test_stock_keras_builds_the_rows_of_the_tables(row):
    described = tables.settings(row)
    reset_after = False if network.CELLS[described["model"]] == "gru" else None
    stock = stock_keras.build(reset_after=reset_after, **described)
    described["modalities"] = tuple(described["modalities"])
    ours = models.build(config.ModelConfig(vocabulary_size=network.VOCABULARY_SIZE, **described))
    assert stock.count_params() == ours.count_params()


def test_hours_are_those_of_ten_folds():
    # A fold: 2 epochs of 5,990 utterances, a validation every .3 epoch and two scores.
    seconds = {"ours train": {"median": 1.0}, "ours infer": {"median": 0.1}}
    validated = (2 / 0.3 + 1) * 749 + 748
    assert tables.seconds_of_steps(seconds, "ours", 2.0) == pytest.approx(11980 + validated / 10)


def test_latency_is_reported_beside_onnx_runtime():
    def times(*seconds):
        return {"wall": benches.summary(seconds), "processor": benches.summary(seconds)}

    measured = {"served": times(0.010, 0.012), "onnx": times(0.008, 0.010)}
    page = report.page(
        {
            "machine": benches.machine(sys.executable),
            "latency": {
                "notes": ["int8 was left out."],
                "differences": {"onnx": 3e-7},
                "threads": {"1": measured, "2": measured},
            },
        }
    )
    assert "| served signature | 11.00 (10.00 to 12.00) | 10.00 | 1.23 |  |" in page
    assert "| ONNX Runtime | 9.00 (8.00 to 10.00) | 8.00 | 1.00 | 3.0e-07 |" in page
    assert "2 threads" in page and "**Note:** int8 was left out." in page
