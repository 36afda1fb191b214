"""The main table: training and inference of every candidate, and the machine's limit."""

from tools.speed import bench as benches

PEAKS = {
    "peak-whole": ("peak", {"side_by_side": False}),
    "peak-halves": ("peak", {"side_by_side": True}),
}
DTYPES = ("float32", "bfloat16")
# Passes that a training measurement makes, one after the other as the trainer does. The trainer
# opens a stream for 16 of them; of two, opening it would be 3 % of the time.
EPOCHS = 4


def _precision(name):
    return "bfloat16" if "bfloat16" in name else "float32"


def measure(bench, task):
    """Measures all candidates, one at a time, round by round.

    Args:
        bench: `bench.Bench`.
        task: "training" or "inference"; the latter reads as evaluation does and knows no
            buckets.

    Returns:
        Dict with seconds per utterance, GFLOP/s and share of the limit of each candidate.
    """
    inference = task == "inference"
    chosen = [name for name in bench.candidates if name in benches.CANDIDATES]
    if inference:  # in the order in which the set was written, as evaluation reads it
        chosen = [name for name in chosen if name.endswith("-random")]
    if not bench.has_pytorch():
        chosen = [name for name in chosen if not name.startswith("pytorch")]
    engines = {engine: bench.engine(engine) for engine, _ in map(benches.CANDIDATES.get, chosen)}
    limits = list(PEAKS)[:1] if bench.quick else list(PEAKS)
    for name in limits:
        kind, options = PEAKS[name]
        engines[name] = (kind, {**options, "quick": bench.quick})
    seconds = {name: [] for name in chosen}
    peaks = {dtype: {name: [] for name in limits} for dtype in DTYPES}
    notes = {}
    result = {}
    with bench.opened(engines) as running:
        for name in chosen:
            engine, bucketed = benches.CANDIDATES[name]
            notes[name] = running[engine].ask("warm_up", bucketed=bucketed, inference=inference)
            # A measurement that does not count: the first takes a gigabyte or two of memory, page
            # by page, which later ones use again.
            if inference:
                running[engine].ask("infer")
            else:
                running[engine].ask("train", epoch=0, bucketed=bucketed, epochs=EPOCHS)
            bench.advance()
        with bench.watched(result):
            for number in range(1, bench.rounds + 1):
                for dtype, found in peaks.items():
                    for name, values in found.items():
                        values.append(running[name].ask("measure", dtype=dtype))
                for name in chosen:
                    engine, bucketed = benches.CANDIDATES[name]
                    if inference:
                        answer = running[engine].ask("infer")
                    else:
                        answer = running[engine].ask(
                            "train", epoch=EPOCHS * number, bucketed=bucketed, epochs=EPOCHS
                        )
                    passes = 1 if inference else EPOCHS
                    seconds[name].append(answer["seconds"] / bench.utterances / passes)
                    bench.advance()
    limits = {
        dtype: max(benches.summary(values)["median"] for values in found.values())
        for dtype, found in peaks.items()
    }
    operations = bench.operations()[task]
    candidates = {}
    for name, values in seconds.items():
        speed = operations / benches.summary(values)["median"] / 1e9
        candidates[name] = {
            "seconds_per_utterance": benches.summary(values),
            "gflops": speed,
            "share_of_limit": speed / limits[_precision(name)],
            "note": notes[name],
        }
    return result | {
        "utterances": bench.utterances,
        "batch_size": bench.batch_size,
        "gflop_per_utterance": operations / 1e9,
        "limits_gflops": limits,
        "limits_by_threads": {
            dtype: {name: benches.summary(values) for name, values in found.items()}
            for dtype, found in peaks.items()
        },
        "candidates": candidates,
    }
