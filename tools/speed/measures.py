"""What is measured: engines, and what they are asked in turn."""

import shutil
import subprocess
import sys

import numpy as np

from amh_tf import errors
from amh_tf.training import batch_stream
from tools import shared
from tools.speed import bench as benches
from tools.speed import data, gpu, tables

# Passes of a training measurement, one after the other as the trainer does. The trainer opens a
# stream for 16 of them; of two, opening it would be 3 % of the time.
EPOCHS = 4
# Reads utterances of about 565 KB in float32, twice what IEMOCAP's mean one takes.
LONGER = 2.06
STORED = ("float32", "float16")
# Small enough that the smallest set fills it: otherwise memory grows until it does.
SHUFFLE_MEGABYTES = 128
SIZES = (1000, 3000, 10000)
# Of the latency of one utterance: threads, and answers in each round.
THREADS, RUNS = (1, 2), 50


def _candidates(bench, task, model="amh"):
    """Measures all candidates, and the machine's limit."""
    inference = task == "inference"
    # Inference reads in the order in which the set was written, as evaluation does.
    chosen = [name for name in bench.candidates if name.endswith("-random") or not inference]
    usable = {name: bench.can_run(name, model) for name in map(benches.engine_of, chosen)}
    chosen = [name for name in chosen if usable[benches.engine_of(name)]]
    options = {} if model == "amh" else {"model": model}
    engines = {name: bench.engine(name, **options) for name in usable if usable[name]}
    peers = {name: benches.TITLES[name] for name in engines if engines[name][0] in benches.PEERS}
    engines["limit"] = ("limit", {"quick": bench.quick})
    dtypes = ("float32", "bfloat16")
    tasks = {dtype: ("limit", "multiply", {"dtype": dtype}) for dtype in dtypes}
    for name in chosen:
        engine, order = name.rsplit("-", 1)
        train = ("train", {"bucketed": data.ORDERS[order], "epochs": EPOCHS})
        tasks[name] = (engine, *(("infer", {}) if inference else train))
    answers, notes = bench.in_turn(engines, tasks, optional=peers)
    steps = {m: n[: bench.utterances].mean() for m, n in _lengths(bench).items()}
    unit = bench.utterances * (1 if inference else EPOCHS)
    return {
        "model": model,
        "utterances": bench.utterances,
        "batch_size": bench.batch_size,
        "gflop": float(data.operations(steps, not inference, model)) / 1e9,
        "limits": {dtype: benches.summary(answers[dtype])["median"] for dtype in dtypes},
        "seconds": {
            name: benches.summary(answers[name], unit) for name in chosen if name in answers
        },
        "chosen": notes,
    }


def _lengths(bench):
    return data.lengths(bench.utterances + 16, bench.longest)


def training(bench):
    """Measures training."""
    return _candidates(bench, "training")


def rnn_attn(bench):
    """Measures training of RNN-attn on audio."""
    return _candidates(bench, "training", "rnn_attn")


def mha(bench):
    """Measures training of MHA on audio and text."""
    return _candidates(bench, "training", "mha")


def inference(bench):
    """Measures inference."""
    return _candidates(bench, "inference")


def pipeline(bench):
    """Measures the pipeline by itself, and what it costs training.

    Training with the pipeline and with batches that are ready are done by one process, because two
    differ by more than the pipeline costs.
    """
    passes = 1 if bench.quick else 3
    engines, tasks = {}, {}
    for dtype in STORED:
        engines[dtype] = bench.engine("ours-float32", folder=bench.folder(None, dtype, LONGER))
        for order, bucketed in data.ORDERS.items():
            arguments = {"bucketed": bucketed, "epochs": passes}
            tasks[f"{dtype} shards, {order}"] = (dtype, "read", arguments)
    read, _ = bench.in_turn(engines, tasks)
    kilobytes = {name: data.mean_bytes(engines[name][1]["folder"]) / 1e3 for name in engines}
    engines, tasks = {}, {}
    for dtype in STORED:
        engines[dtype] = bench.engine("ours-float32", folder=bench.folder(None, dtype))
        tasks[f"{dtype} ready"] = (dtype, "train_memory", {})
        tasks[f"{dtype} read"] = (dtype, "train_pass", {})
    rounds = 2 if bench.quick else batch_stream.EPOCHS_PER_STREAM
    trained, _ = bench.in_turn(engines, tasks, rounds)
    speeds = {n: [bench.utterances * passes / t for t in times] for n, times in read.items()}
    return {
        "kilobytes": kilobytes,
        "utterances_per_second": {name: benches.summary(values) for name, values in speeds.items()},
        "cost": {
            dtype: shared.median_interval(
                np.divide(trained[f"{dtype} read"], trained[f"{dtype} ready"]) - 1
            )
            for dtype in STORED
        },
    }


def hops(bench, counts=(7, 10)):
    """Measures what one hop more costs, on batches in memory.

    Three hops more are one over each modality: a hop over hundreds of audio frames costs many
    times one over words. Both models are in one process, because two processes differ by more.
    """
    tasks = {
        str(count): ("hops", "train_memory", {"count": 3, "num_hops": count}) for count in counts
    }
    rounds = bench.rounds if bench.quick else max(12, 4 * bench.rounds)
    answers, _ = bench.in_turn({"hops": bench.engine("ours-float32")}, tasks, rounds)
    fewer, more = (np.array(answers[str(count)]) for count in counts)
    share = shared.median_interval((more / fewer - 1) / (counts[1] - counts[0]))
    return {"counts": list(counts), "share_of_a_step": share}


def busy(bench):
    """Measures training on a machine on which others compute too."""
    if not bench.busy:
        raise errors.refusal(
            "The number of busy processes is missing",
            "at least 1",
            "--busy=0",
            "Set it with --busy, for example --busy=4.",
        )
    engines = {name: bench.engine(name) for name in ("ours-float32", "ours-keras")}
    tasks = {name: (name, "train_memory", {"count": 2}) for name in engines}
    spin = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(spin) for _ in range(bench.busy)]
    try:
        answers, _ = bench.in_turn(engines, tasks)
    finally:
        for process in others:
            process.kill()
            process.wait()
    seconds = {name: benches.summary(values) for name, values in answers.items()}
    return {"processes": bench.busy, "seconds": seconds}


def scaling(bench):
    """Measures epochs of growing sets, float16 shards, each set in its own process."""
    sizes = (16, 32) if bench.quick else SIZES
    folders = {str(size): bench.folder(size, "float16") for size in sizes}
    engines, tasks = {}, {}
    for size, folder in folders.items():
        options = {"folder": folder, "shuffle_megabytes": SHUFFLE_MEGABYTES}
        engines[size] = bench.engine("ours-float32", **options)
        # A small set's passes are short: several make up for it.
        passes = {"bucketed": True, "epochs": 3 if size == str(sizes[0]) else 1}
        tasks[size] = (size, "train", passes)
        tasks[f"memory {size}"] = (size, "peak_memory", {})
    answers, _ = bench.in_turn(engines, tasks, min(bench.rounds, 2))
    for folder in folders.values():
        shutil.rmtree(folder)  # gigabytes
    seconds = {
        size: benches.summary(answers[size], int(size) * tasks[size][2]["epochs"])
        for size in folders
    }
    peaks = {size: max(answers[f"memory {size}"]) for size in folders}
    return {"shuffle_megabytes": SHUFFLE_MEGABYTES, "seconds": seconds, "peak_bytes": peaks}


def pythons(bench):
    """Measures training and inference in float32 by this interpreter and another, in turn."""
    if not bench.python:
        raise errors.refusal(
            "There is nothing to compare with",
            "another interpreter in whose environment this package is installed",
            "none",
            "Set it with --python.",
        )
    paths = {"this": sys.executable, "other": bench.python}
    versions = {name: python_versions(path) for name, path in paths.items()}
    engines = {name: bench.engine("ours-float32", python=path) for name, path in paths.items()}
    tasks = {}
    for name in engines:
        train = {"bucketed": True, "epochs": EPOCHS}
        tasks |= {
            f"{name} training": (name, "train", train),
            f"{name} inference": (name, "infer", {}),
        }
    answers, _ = bench.in_turn(engines, tasks)
    units = {"training": bench.utterances * EPOCHS, "inference": bench.utterances}
    return {
        "versions": versions,
        "seconds": {
            name: {task: benches.summary(answers[f"{name} {task}"], units[task]) for task in units}
            for name in paths
        },
        "ratio": {
            task: benches.ratio(answers[f"other {task}"], answers[f"this {task}"]) for task in units
        },
    }


def latency(bench):
    """Measures one utterance, served and on devices, on one thread and on two."""
    run, exported = bench.output / "run", bench.output / "export"
    if not exported.is_dir():
        log, data_dir = bench.output / "export.log", f"--data_dir={bench.folder()}"
        train = ["--hops=7", "--recipe=authors", "--max_steps=2", data_dir, f"--run_dir={run}"]
        shared.run("-m", "amh_tf.train", *train, log=log)
        shared.run("-m", "amh_tf.export", f"--run_dir={run}", f"--output_dir={exported}", log=log)
    engines, tasks = {}, {}
    for threads in THREADS:
        engines[str(threads)] = (
            "latency",
            {"run": str(run), "folder": str(exported), "threads": threads},
        )
        runs = {"runs": 2 if bench.quick else RUNS}
        tasks[str(threads)] = (str(threads), "measure", runs)
        tasks[f"differences {threads}"] = (str(threads), "differences", {})
    answers, notes = bench.in_turn(engines, tasks)
    bench.notes += [f"{name} was left out. {note}" for name, note in notes["1"].items()]
    return {
        "differences": answers["differences 1"][0],
        "threads": {
            str(threads): {
                name: {
                    "wall": benches.summary(
                        [value for answer in answers[str(threads)] for value in answer[name][0]]
                    ),
                    "processor": benches.summary(
                        [value for answer in answers[str(threads)] for value in answer[name][1]]
                    ),
                }
                for name in answers[str(threads)][0]
            }
            for threads in THREADS
        },
    }


def python_versions(python):
    """Returns the versions of an interpreter and its libraries in words.

    Raises:
        InputError: If it does not run, or lacks one.
    """
    versions = benches.versions(python, "python", "tensorflow", "keras", "numpy", flag="python")
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        raise errors.refusal(
            f"{python!r} cannot be measured",
            "an interpreter in whose environment this package is installed",
            f"one without {', '.join(missing)}",
            "Set it with --python.",
        )
    return ", ".join(f"{name} {version}" for name, version in versions.items())


MEASURES = (training, rnn_attn, mha, inference, pipeline, hops, busy, scaling, latency, pythons)
MEASURES += (gpu.gpu, tables.tables)
MEASURES = {measure.__name__: measure for measure in MEASURES}
