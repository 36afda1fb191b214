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
# Passes of a training measurement, one after the other: as many as the trainer makes one stream.
EPOCHS = trainer.EPOCHS_PER_STREAM
# Passes that are read without training, or held in memory to compare with.
READY = 3
SPIN = "while True: pass"


def pipeline(bench):
    """Measures the pipeline by itself, and what it costs training."""
    epochs, ready = (2, 1) if bench.quick else (EPOCHS, READY)
    reading, training = {}, {}
    for dtype in DTYPES:
        folder = bench.folder(feature_dtype=dtype)
        training[f"train-{dtype}"] = bench.engine("streamed-float32", folder=folder)
        folder = bench.folder(feature_dtype=dtype, longer=LONGER)
        reading[f"read-{dtype}"] = bench.engine("ours-float32", folder=folder)
    training["train-kept"] = bench.engine("ours-float32")
    training["train-ready"] = bench.engine("streamed-float32")
    alone, result = {}, {}
    sources = (*DTYPES, "kept")
    trained = {name: [] for name in ("ready", *sources)}
    with bench.opened({**reading, **training}) as running:
        for name in reading:
            for bucketed in (False, True):  # into the page cache; memory is taken once
                running[name].ask("read", epoch=0, bucketed=bucketed, epochs=ready)
            bench.advance()
        for name in training:
            running[name].ask("warm_up", bucketed=True)
            running[name].ask("train", epoch=0, bucketed=True, epochs=ready)
            bench.advance()
        key = running["train-ready"].ask("hold", epoch=1, bucketed=True, epochs=ready)
        running["train-ready"].ask("train_held", key=key)
        with bench.watched(result):
            for number in range(1, bench.rounds + 1):
                for dtype in DTYPES:
                    for kind in ("random", "bucketed"):
                        answer = running[f"read-{dtype}"].ask(
                            "read", epoch=number, bucketed=kind == "bucketed", epochs=ready
                        )
                        speed = bench.utterances * ready / answer["seconds"]
                        alone.setdefault(f"{dtype}-{kind}", []).append(speed)
                answer = running["train-ready"].ask("train_held", key=key)
                trained["ready"].append(answer["seconds"] / ready)
                for source in sources:
                    answer = running[f"train-{source}"].ask(
                        "train", epoch=number, bucketed=True, epochs=epochs
                    )
                    trained[source].append(answer["seconds"] / epochs)
                bench.advance()
    return result | {
        "utterances": bench.utterances,
        "kilobytes": {
            dtype: data.mean_bytes(options["folder"]) / 1e3
            for dtype, (_, options) in zip(DTYPES, reading.values())
        },
        "utterances_per_second": {name: benches.summary(found) for name, found in alone.items()},
        "training_seconds": {name: benches.summary(found) for name, found in trained.items()},
        "loss": {
            source: benches.ratio(trained[source], trained["ready"]) - 1 for source in sources
        },
    }


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
    costs = (more / fewer - 1) / (counts[1] - counts[0])
    # The middle 95 % of medians of rounds drawn anew.
    drawn = np.random.default_rng(0).choice(costs, (2000, rounds))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return result | {
        "counts": list(counts),
        "seconds": {count: benches.summary(found) for count, found in seconds.items()},
        "share_of_a_step": float(np.median(costs)),
        "interval": [float(low), float(high)],
    }


def busy(bench, spinners):
    """Measures training on a machine on which others compute too."""
    engines = {name: bench.engine(name) for name in ("ours-float32", "ours-unsplit", "ours-twin")}
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
