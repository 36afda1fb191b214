"""How time and memory grow."""

import shutil

from tools.speed import bench as benches

FRAMES = (100, 200, 400, 750)
HOPS = (1, 4, 7, 13, 19)
BATCHES = (16, 32, 64, 128, 256)
USUAL = {"frames": 400, "num_hops": 7, "batch_size": 128}
# Small enough that the smallest set fills it: otherwise memory grows until it does.
SHUFFLE_MEGABYTES = 128
SIZES = (1000, 3000, 10000)


def steps(bench):
    """Measures a training step over frames, hops and batch size, the others as usual."""
    usual = {"frames": 20, "num_hops": 1, "batch_size": 4} if bench.quick else USUAL
    values = {
        "frames": (10, 20) if bench.quick else FRAMES,
        "num_hops": (1,) if bench.quick else HOPS,
        "batch_size": (4,) if bench.quick else BATCHES,
    }
    points = {axis: {value: [] for value in found} for axis, found in values.items()}
    result = {}
    with bench.opened({"growth": bench.engine("ours-float32")}) as running:
        for number in range(bench.rounds + 1):  # the first builds the graphs
            for axis, found in points.items():
                for value, seconds in found.items():
                    setting = {**usual, axis: value}
                    answer = running["growth"].ask("train_fixed", **setting)
                    if number:
                        seconds.append(answer["seconds"])
                    bench.advance()
    return result | {
        "usual": usual,
        "seconds": {
            axis: {value: benches.summary(seconds) for value, seconds in found.items()}
            for axis, found in points.items()
        },
    }


def utterances(bench):
    """Measures epochs of growing sets, float16 shards, each set in a process of its own."""
    sizes = (16, 32) if bench.quick else SIZES
    options = {"shuffle_megabytes": SHUFFLE_MEGABYTES}
    folders = {size: bench.folder(size, "float16") for size in sizes}
    engines = {
        f"scaling-{size}": bench.engine("ours-float32", folder=folder, **options)
        for size, folder in folders.items()
    }
    seconds = {size: [] for size in sizes}
    memory, result = {}, {}
    with bench.opened(engines) as running:
        for name in running:
            running[name].ask("warm_up", bucketed=True)
        with bench.watched(result):
            for number in range(1, min(bench.rounds, 2) + 1):
                for size, found in seconds.items():
                    process = running[f"scaling-{size}"]
                    # A small set's passes are short: as many as make up for it, up to three.
                    passes = 3 if size == sizes[0] else 1
                    answer = process.ask(
                        "train", epoch=passes * number, bucketed=True, epochs=passes
                    )
                    found.append(answer["seconds"] / size / passes)
                    bench.advance()
        for size in sizes:
            memory[size] = running[f"scaling-{size}"].ask("peak_memory")
    for folder in folders.values():
        shutil.rmtree(folder)  # gigabytes
    return result | {
        "shuffle_megabytes": SHUFFLE_MEGABYTES,
        "seconds_per_utterance": {size: benches.summary(found) for size, found in seconds.items()},
        "peak_bytes": memory,
    }
