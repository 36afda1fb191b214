"""All rows of the paper's two tables at IEMOCAP's size: hours here, and with stock Keras."""

import json
import re
import shutil
import time

from amh_tf import errors, files, schema
from tools import run_tables, shared
from tools.speed import bench as benches

# Utterances of a fold of IEMOCAP's seven classes, and folds of a row.
SIZES = {"train": 5990, "dev": 749, "test": 748}
FOLDS = 10
# AMH-7 stands in both tables, and is trained once.
ROWS = list(dict.fromkeys(row for rows in run_tables.TABLES.values() for row in rows))
ENGINES = {"ours": "ours-float32", "half": "ours-bfloat16", "stock": "keras"}
# By which early stopping is seen: the size of the synthetic set with planted cues.
PLANTED = "--planted_sizes=3000,400,400"
_EPOCH = re.compile(r"^epoch +([\d.]+) ", re.MULTILINE)


def settings(row):
    """Reads a row's model from its flag file: options of both engines."""
    lines = (run_tables.FLAG_FILES / f"{row}.flags").read_text(encoding="utf-8").splitlines()
    flags = dict(line[2:].split("=", 1) for line in lines if line.startswith("--"))
    modalities = [name for name in schema.MODALITIES if name[0] in flags["modalities"]]
    hops = {"num_hops": int(flags["hops"])} if "hops" in flags else {}
    return {"model": flags["model"], "modalities": modalities, **hops}


def tables(bench):
    """Measures what a row takes in each library, and adds up all folds of all rows.

    Rows that were measured before, by the same folder, are not measured again. Epochs are those
    after which early stopping ended each row's training, in float32, on the planted-cue set.
    A fold's time beside its steps (processes, graphs, files, scores) is measured by a
    cross-validation of two steps a fold; with stock Keras it is left out.
    """
    rows = ROWS[:2] if bench.quick else ROWS
    epochs = _epochs(bench, rows)
    seconds = {row: _seconds_of_a_row(bench, row) for row in bench.counted(rows, "rows")}
    fold = _seconds_of_a_fold(bench)
    hours = {
        name: {
            row: FOLDS
            * (seconds_of_steps(seconds[row], name, epochs[row]) + fold * (name != "stock"))
            / 3600
            for row in rows
        }
        for name in ENGINES
    }
    return {"epochs": epochs, "seconds": seconds, "seconds_of_a_fold": fold, "hours": hours}


def _seconds_of_a_row(bench, row):
    """Measures an utterance of a row by each engine; what was measured before is kept."""
    path = bench.output / "rows" / f"{bench.utterances}-{bench.rounds}" / f"{row}.json"
    if path.exists():
        return files.read_json(path, "a benchmark's row")
    engines = {name: bench.engine(engine, **settings(row)) for name, engine in ENGINES.items()}
    tasks = {}
    for name in engines:
        # In batches as each makes them where nobody asks for others.
        tasks[f"{name} train"] = (name, "train", {"bucketed": name != "stock"})
        tasks[f"{name} infer"] = (name, "infer", {})
    answers, _ = bench.in_turn(engines, tasks)
    seconds = {task: benches.summary(values, bench.utterances) for task, values in answers.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, json.dumps(seconds, indent=1) + "\n")
    return seconds


def seconds_of_steps(seconds, name, epochs):
    """Returns what the steps, validations and scores of one fold take."""
    train, infer = (seconds[f"{name} {task}"]["median"] for task in ("train", "infer"))
    validations = epochs / 0.3  # the authors' interval
    return (
        epochs * SIZES["train"] * train + ((validations + 1) * SIZES["dev"] + SIZES["test"]) * infer
    )


def _planted(bench, name, *options):
    """Writes a planted-cue set once; returns its folder."""
    folder = bench.output / "data" / name
    shared.run(
        "-m", "amh_tf.prepare", "--source=planted", *options, f"--output_dir={folder}",
        log=bench.output / "logs" / "planted.log",
    )  # fmt: skip
    return folder


def _epochs(bench, rows):
    """Trains each row on the planted-cue set until it stops by itself; finished runs are kept."""
    (bench.output / "logs").mkdir(parents=True, exist_ok=True)
    data = _planted(bench, "planted", PLANTED)
    few = ["--max_epochs=1"] if bench.quick else []
    epochs = {}
    for row in bench.counted(rows, "planted rows"):
        kind = "planted_quick" if bench.quick else "planted"
        log = bench.output / "logs" / f"{kind}_{row}.log"
        run = bench.output / kind / row
        if not (run / "metrics.json").exists():
            log.unlink(missing_ok=True)
            shared.run(
                "-m", "amh_tf.train", f"--flagfile={run_tables.FLAG_FILES / row}.flags", *few,
                f"--data_dir={data}", f"--run_dir={run}", log=log,
            )  # fmt: skip
        found = _EPOCH.findall(log.read_text(encoding="utf-8"))
        if not found:
            raise errors.refusal(
                "The log of a training is incomplete",
                "lines of its validations",
                f"none in {str(log)!r}",
                f"Delete {str(run)!r} and start again.",
            )
        epochs[row] = float(found[-1])
    return epochs


def _seconds_of_a_fold(bench):
    """Measures what a fold takes beside its steps: a cross-validation of two steps a fold."""
    data = _planted(bench, "planted_folds", "--planted_sizes=800,100,100", "--protocols=random")
    run = bench.output / "folds"
    log = bench.output / "logs" / "folds.log"
    folds = 1 if bench.quick else 5
    shutil.rmtree(run, ignore_errors=True)  # finished folds would take no time
    start = time.perf_counter()
    shared.run(
        "-m", "amh_tf.crossval", f"--flagfile={run_tables.FLAG_FILES / 'amh_7'}.flags",
        f"--data_dir={data}", f"--output_dir={run}", "--max_steps=2",
        f"--folds={','.join(map(str, range(folds)))}", log=log,
    )  # fmt: skip
    return (time.perf_counter() - start) / folds
