"""Pipeline, the price of a hop, a busy machine."""

import subprocess
import sys

import numpy as np

from amh_tf.training import trainer
from tools.speed import bench as benches
from tools.speed import data

DTYPES = ("float32", "float16")
# Reads utterances of about 565 KB in float32, twice what IEMOCAP's mean one takes.
LONGER = 2.06
# Passes that are read in a row without training.
PASSES = 3
# Streams of batches that are trained on.
STREAMS = 2
SPIN = "while True: pass"


def pipeline(bench):
    """Measures the pipeline by itself, and what it costs training."""
    passes = 1 if bench.quick else PASSES
    result = {"utterances": bench.utterances, "kilobytes": {}, "utterances_per_second": {}}
    for dtype in DTYPES:
        folder = bench.folder(feature_dtype=dtype, longer=LONGER)
        result["kilobytes"][dtype] = data.mean_bytes(folder) / 1e3
        for kind, found in _read(bench, folder, passes).items():
            result["utterances_per_second"][f"{dtype}-{kind}"] = benches.summary(found)
    seconds = _train(bench, result)
    result["training_seconds"] = {
        dtype: {kind: benches.summary(values) for kind, values in found.items()}
        for dtype, found in seconds.items()
    }
    result["loss"] = {
        dtype: _with_interval(np.divide(found["read"], found["ready"]) - 1)
        for dtype, found in seconds.items()
    }
    return result


def _read(bench, folder, passes):
    """Reads a folder without training; returns utterances a second of all rounds, by order."""
    speeds = {"random": [], "bucketed": []}
    with bench.opened({"read": bench.engine("ours-float32", folder=folder)}) as running:
        # The first round fills the page cache, and takes memory from the system once.
        for number in range(bench.rounds + 1):
            for kind, found in speeds.items():
                answer = running["read"].ask(
                    "read", epoch=passes * number, bucketed=kind == "bucketed", epochs=passes
                )
                found.append(bench.utterances * passes / answer["seconds"])
            bench.advance()
    return {kind: found[1:] for kind, found in speeds.items()}


def _train(bench, result):
    """Trains in turn with the pipeline and with batches that are ready.

    Both are done by one process, because two differ by more than the pipeline costs. A stream of
    batches is as long as the trainer's, and each pass bears its share of the opening. Before a
    pass is timed, another uses up what was read while nothing was computed.

    Returns:
        Dict from how the features are stored to the seconds of passes, "read" and "ready".
    """
    streams, passes = (1, 2) if bench.quick else (STREAMS, trainer.EPOCHS_PER_STREAM)
    steps = -(-bench.utterances // bench.batch_size)
    engines = {
        dtype: bench.engine("ours-float32", folder=bench.folder(feature_dtype=dtype))
        for dtype in DTYPES
    }
    seconds = {dtype: {"ready": [], "read": []} for dtype in DTYPES}
    with bench.opened(engines) as running:
        keys, opening = {}, {}
        for dtype, process in running.items():
            process.ask("warm_up", bucketed=True)
            keys[dtype] = process.ask("hold", epoch=0, bucketed=True)
            process.ask("train", epoch=0, bucketed=True)
            bench.advance()
        with bench.watched(result):
            for number in range(streams * passes // 2):
                for dtype, process in running.items():
                    if number % (passes // 2) == 0:
                        opened = process.ask("open_stream", epoch=2 * number, epochs=passes)
                        opening[dtype] = opened["seconds"] / passes
                    # Who comes first changes.
                    for kind in sorted(seconds[dtype], reverse=bool(number % 2)):
                        if kind == "ready":
                            taken = process.ask("train_held", key=keys[dtype])["seconds"]
                        else:
                            process.ask("train_stream", steps=steps)
                            taken = process.ask("train_stream", steps=steps)["seconds"]
                            taken += opening[dtype]
                        seconds[dtype][kind].append(taken)
                bench.advance()
    return seconds


def _with_interval(values):
    """Returns the median of some rounds and the middle 95 % of those of rounds drawn anew."""
    drawn = np.random.default_rng(0).choice(values, (2000, len(values)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return float(np.median(values)), [float(low), float(high)]


def hops(bench, counts=(7, 10)):
    """Measures what one hop more costs, on batches held in memory.

    Three hops more are one over each modality: a hop over hundreds of audio frames costs many
    times one over words. Both models run in one process, because with a process for each the
    difference was several times that of one process, likely that of the processes themselves.
    """
    rounds = bench.rounds if bench.quick else max(12, 4 * bench.rounds)
    seconds = {count: [] for count in counts}
    result = {}
    with bench.opened({"hops": bench.engine("ours-float32")}) as running:
        process = running["hops"]
        process.ask("warm_up", bucketed=True)
        key = process.ask("hold", epoch=1, bucketed=True, count=3)
        for count in counts:
            process.ask("train_held", key=key, num_hops=count)
        with bench.watched(result):
            for number in range(rounds):
                # Who comes first changes, so that neither always follows the other's heat.
                for count in sorted(counts, reverse=bool(number % 2)):
                    answer = process.ask("train_held", key=key, num_hops=count)
                    seconds[count].append(answer["seconds"])
                bench.advance()
    fewer, more = (np.array(found) for found in seconds.values())
    share, interval = _with_interval((more / fewer - 1) / (counts[1] - counts[0]))
    return result | {
        "counts": list(counts),
        "seconds": {count: benches.summary(found) for count, found in seconds.items()},
        "share_of_a_step": share,
        "interval": interval,
    }


def busy(bench, spinners):
    """Measures training on a machine on which others compute too."""
    engines = {name: bench.engine(name) for name in ("ours-float32", "ours-split", "ours-twin")}
    seconds = {name: [] for name in engines}
    others = []
    try:
        with bench.opened(engines) as running:
            keys = {}
            for name, process in running.items():
                process.ask("warm_up", bucketed=True)
                keys[name] = process.ask("hold", epoch=1, bucketed=True, count=2)
                bench.advance()
            others = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(spinners)]
            for _ in range(bench.rounds):
                for name, process in running.items():
                    answer = process.ask("train_held", key=keys[name])
                    seconds[name].append(answer["seconds"])
                bench.advance()
    finally:
        for process in others:
            process.kill()
            process.wait()
    return {
        "spinners": spinners,
        "seconds": {name: benches.summary(found) for name, found in seconds.items()},
    }
