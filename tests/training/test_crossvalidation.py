import csv
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from amh_tf import errors
from amh_tf.data import writer
from amh_tf.training import crossvalidation
from tests import commands, conftest
from tests.commands import ROOT, assert_refused
from tools import run_tables

SMALL = ["--audio_units=4", "--text_units=3", "--video_units=2", "--batch_size=8", "--max_steps=3"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crossval") / "data"
    writer.write(conftest.compact_source(), folder, protocols=["random", "session"], num_folds=3)
    return folder


def crossval(data_dir, output_dir, *extra, flag_file="flags/mdre_tv.flags"):
    return commands.run(
        "-m", "amh_tf.crossval", f"--flagfile={flag_file}", f"--data_dir={data_dir}",
        f"--output_dir={output_dir}", *SMALL, *extra,
    )  # fmt: skip


def summary_of(output_dir):
    return json.loads((output_dir / "crossval.json").read_text())


@pytest.fixture(scope="module")
def one_fold(data_dir, tmp_path_factory):
    """The folder of a cross-validation that has done one of its folds. Tests must not change it."""
    output_dir = tmp_path_factory.mktemp("one_fold") / "mdre_tv"
    finished = crossval(data_dir, output_dir, "--folds=1")
    assert finished.returncode == 0, finished.stderr
    assert "mean ± sd of 1 of 3 folds" in finished.stdout
    assert "Note: " in finished.stdout and "speakers also speak in train" in finished.stdout
    return output_dir


@pytest.fixture(scope="module")
def all_folds(data_dir, one_fold, tmp_path_factory):
    """The folder with all folds, and how that ended. Tests must not change it."""
    output_dir = shutil.copytree(one_fold, tmp_path_factory.mktemp("all_folds") / "mdre_tv")
    return output_dir, crossval(data_dir, output_dir, "--jobs=2")


def test_folds_are_trained_continued_and_summed_up(data_dir, one_fold, all_folds):
    summary = summary_of(one_fold)
    assert [fold["fold"] for fold in summary["folds"]] == [1]
    assert summary["standard_deviation"]["weighted_accuracy"] is None

    output_dir, finished = all_folds
    assert finished.returncode == 0, finished.stderr
    times = {
        (folder / "fold_01" / "metrics.json").stat().st_mtime_ns
        for folder in (one_fold, output_dir)
    }
    assert len(times) == 1  # a copy has the time of what it is of
    assert "fold 0 of 3: WA" in finished.stdout and "fold 1 of 3: WA" not in finished.stdout
    summary = summary_of(output_dir)
    assert (summary["title"], summary["protocol"]) == ("MDRE (T+V)", "random")
    assert summary["synthetic"] and "synthetic" in summary["data"]
    assert "speakers also speak in train" in " ".join(summary["warnings"])

    # Every score against NumPy, from the folds' own files.
    for name in ("weighted_accuracy", "macro_precision"):
        values = []
        for number in range(3):
            path = output_dir / f"fold_{number:02d}" / "metrics.json"
            values.append(json.loads(path.read_text())["test"][name]["value"])
        assert summary["mean"][name] == pytest.approx(np.mean(values))
        assert summary["standard_deviation"][name] == pytest.approx(np.std(values, ddof=1))
    with open(output_dir / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    index = conftest.compact_source().index
    assert sorted(row["id"] for row in rows) == [entry.id for entry in index]
    labels = {entry.id: summary["classes"][entry.label] for entry in index}
    assert all(row["label"] == labels[row["id"]] for row in rows)
    speakers = {entry.id: entry.speaker for entry in index}
    assert all(row["speaker"] == speakers[row["id"]] for row in rows)
    pooled = summary["pooled"]
    assert pooled["interval"] == "speakers resampled"
    assert [row["speaker"] for row in pooled["per_speaker"]] == sorted(set(speakers.values()))
    assert sum(row["utterances"] for row in pooled["per_speaker"]) == len(index)
    assert "labels shuffled: WA (WAR)" in finished.stdout and "seeds" not in summary
    right = np.mean([row["label"] == row["prediction"] for row in rows])
    assert summary["pooled"]["weighted_accuracy"]["value"] == pytest.approx(right)
    assert (output_dir / "confusion_matrix.png").exists()
    assert not (output_dir / "fold_00" / "log.txt").read_text().count("Traceback")

    assert_refused(
        crossval(data_dir, output_dir, "--seed=7"), "fold_00", "seed was 1, now 7", "--run_dir"
    )
    assert_refused(
        crossval(data_dir, output_dir, "--protocol=session"), "protocol was 'random', now 'session'"
    )


def end_at_once(*_):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_fold_that_the_system_ends_is_no_fault(monkeypatch, tmp_path):
    monkeypatch.setattr(crossvalidation, "_train_one", end_at_once)
    folds = [
        (SimpleNamespace(model=SimpleNamespace(title="x"), data=SimpleNamespace(fold=n)), None, n)
        for n in range(2)
    ]
    with pytest.raises(errors.InputError, match=r"ended from outside.*fold 0.*memory.*--jobs"):
        crossvalidation._train(folds, 2, 2, jobs=1)


def test_seeds_of_ensembles_are_summed_up(data_dir, one_fold, tmp_path):
    output_dir = shutil.copytree(one_fold, tmp_path / "mdre_tv")
    for seed in (1, 2):
        shutil.copytree(one_fold / "fold_01", output_dir / "fold_01" / f"seed_{seed}")
    finished = crossval(data_dir, output_dir, "--folds=1")
    assert finished.returncode == 0, finished.stderr
    seeds = summary_of(output_dir)["seeds"]
    stored = json.loads((one_fold / "fold_01" / "metrics.json").read_text())["test"]
    assert [member["seed"] for member in seeds["members"]] == [1, 2]
    for row in (*seeds["members"], seeds["ensemble"], seeds):  # three times the same run
        assert row["mean"]["macro_f1"] == pytest.approx(stored["macro_f1"]["value"])
    assert seeds["standard_deviation"]["macro_f1"] == pytest.approx(0)
    assert "seed 2" in finished.stdout and "ensemble" in finished.stdout


@pytest.mark.parametrize(
    ("extra", "texts"),
    [
        (["--folds=3"], ["`fold` is out of range", "0 to 2", "--fold"]),
        (["--folds=one"], ["`folds` is not a list", "--folds"]),
        (["--protocol=speaker"], ["was not prepared", "random, session", "--protocols"]),
        (["--model=mha", "--modalities=atv"], ["exactly two modalities", "--modalities"]),
    ],
)
def test_bad_cross_validation_is_refused(data_dir, tmp_path, extra, texts):
    output_dir = tmp_path / "out"
    assert_refused(crossval(data_dir, output_dir, *extra), *texts)
    assert not output_dir.exists()


@pytest.mark.slow
def test_failing_fold_is_named_and_the_others_go_on(data_dir, all_folds, tmp_path):
    output_dir = shutil.copytree(all_folds[0], tmp_path / "out")
    for number in (0, 2):
        (output_dir / f"fold_{number:02d}" / "metrics.json").unlink()
    for index in (output_dir / "fold_00" / "checkpoints").glob("*.index"):
        index.write_text("garbage")
    finished = crossval(data_dir, output_dir)
    assert_refused(finished, "errors in [0]")
    assert "fold 0 of 3: failed: " in finished.stdout and "log.txt" in finished.stdout
    assert "fold 2 of 3: WA" in finished.stdout
    assert (output_dir / "fold_02" / "metrics.json").exists()


@pytest.mark.slow
def test_rows_become_a_report_in_one_command(data_dir, one_fold, tmp_path, monkeypatch):
    shutil.copytree(one_fold, tmp_path / "mdre_tv")  # is done, and so not repeated
    flags = {"data_dir": data_dir, "output_dir": tmp_path, "rows": ["amh_1", "mdre_tv"]}
    flags |= {"table": "1", "jobs": 1, "extra": [*SMALL, "--folds=1"]}
    monkeypatch.setattr(run_tables, "FLAGS", SimpleNamespace(**flags))
    ends = []
    monkeypatch.setattr(
        run_tables.shared, "run", lambda *command: ends.append(commands.run(*command))
    )
    run_tables.main()
    assert [end.returncode for end in ends] == [0, 0, 0], ends
    page = (tmp_path / "report" / "report.html").read_text()
    for text in ("AMH-1", "MDRE", "1 of 3 folds", "compact set (synthetic)", "McNemar"):
        assert text in page


def test_unknown_row_is_refused(data_dir, tmp_path):
    finished = commands.run(
        "-m",
        "tools.run_tables",
        f"--data_dir={data_dir}",
        f"--output_dir={tmp_path}",
        "--rows=amh_0",
    )
    assert_refused(finished, "no such row", "amh_1", "--rows")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "jobs"), [(signal.SIGINT, 130, 2), (signal.SIGTERM, 143, 1)]
)
def test_stopped_cross_validation_saves_its_folds_and_ends(data_dir, tmp_path, number, code, jobs):
    output_dir = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "amh_tf.crossval", "--flagfile=flags/rnn_attn_a.flags",
         f"--data_dir={data_dir}", f"--output_dir={output_dir}", f"--jobs={jobs}",
         "--audio_units=4", "--batch_size=8", "--patience=1000000", "--max_epochs=1000000"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        # As from a terminal: a group of its own, whose Ctrl-C is not ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    logs = [output_dir / f"fold_{fold:02d}" / "log.txt" for fold in range(jobs)]
    try:
        deadline = time.monotonic() + 120
        while not all(log.exists() and "step " in log.read_text() for log in logs):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.2)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        output = process.communicate(timeout=60)[0].decode()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == code, output
    assert all("Saved at step" in log.read_text() for log in logs)
    assert not (output_dir / f"fold_{jobs:02d}").exists()


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_processes_are_started_as_the_system_can(method, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn", method])
    assert crossvalidation._processes().get_start_method() == method
