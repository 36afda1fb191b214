"""The results as a Markdown page, and as a picture."""

from matplotlib import figure

from amh_tf import files
from tools.shared import markdown
from tools.speed import bench as benches
from tools.speed import gpu, tables

COLORS = {"ours": "#1f5fa8", "packed": "#7fa8d8"}  # all else is grey


def title(name):
    """Returns a candidate's title and how its batches are made."""
    engine, order = name.rsplit("-", 1)
    return benches.TITLES[engine], order


def _spread(seconds, unit=1.0):
    median, least, most = (unit * seconds[key] for key in ("median", "least", "most"))
    return f"{median:.2f} ({least:.2f} to {most:.2f})"


def _candidates(results, task):
    seconds = results["seconds"]
    stock = seconds.get("keras-random")
    rows = []
    for name, measured in seconds.items():
        label, order = title(name)
        speed = results["gflop"] / measured["median"]
        limit = results["limits"]["bfloat16" if "bfloat16" in name else "float32"]
        times = f"{benches.ratio(stock['rounds'], measured['rounds']):.2f}" if stock else ""
        row = [label, "as written" if task == "inference" else order, _spread(measured, 1e3)]
        rows.append(
            [*row, f"{1 / measured['median']:.0f}", times, f"{speed:.0f}", f"{speed / limit:.0%}"]
        )
    header = ["", "batches", "ms per utterance (least to most)", "utterances a second"]
    limits = ", ".join(f"{value:.0f} GFLOP/s in {d}" for d, value in results["limits"].items())
    notes = [
        f"- {benches.TITLES[engine]}: {', '.join(f'{key}: {value}' for key, value in note.items())}"
        for engine, note in results["chosen"].items()
        if note
    ]
    return "\n".join([
        f"{MODELS[results.get('model', 'amh')]}, batch {results['batch_size']}, "
        f"{results['utterances']:,} utterances, whole loop; "
        f"{results['gflop']:.3f} GFLOP an utterance needed. Limit by matrix products: {limits}.",
        "",
        markdown([*header, "times stock Keras", "GFLOP/s", "of the limit"], rows),
        *notes,
    ])  # fmt: skip


def _pipeline(results):
    sizes = ", ".join(f"{value:.0f} KB in {d}" for d, value in results["kilobytes"].items())
    speeds = results["utterances_per_second"].items()
    rows = [[name, f"{speed['median']:,.0f}"] for name, speed in speeds]
    costs = "; ".join(
        f"{value:+.1%} from {dtype} shards (95 % interval {low:+.1%} to {high:+.1%})"
        for dtype, (value, low, high) in results["cost"].items()
    )
    return f"Utterances of {sizes}.\n\n" + markdown(["", "utterances a second"], rows) + (
        f"\nTraining time against batches that are ready: {costs}."
    )  # fmt: skip


def _hops(results):
    share, low, high = results["share_of_a_step"]
    fewer, more = results["counts"]
    return (
        f"{more} hops against {fewer}, one more over each modality: each costs {share:+.2%} of a "
        f"step (95 % interval {low:+.2%} to {high:+.2%})."
    )


def _busy(results):
    rows = [
        [benches.TITLES[name], _spread(measured)] for name, measured in results["seconds"].items()
    ]
    beside = f"Beside {results['processes']} other processes that compute.\n\n"
    return beside + markdown(["", "seconds (least to most)"], rows)


def _scaling(results):
    rows = [
        [f"{int(size):,}", f"{1e3 * measured['median']:.2f}",
         f"{results['peak_bytes'][size] / 2**20:,.0f}"]
        for size, measured in results["seconds"].items()
    ]  # fmt: skip
    head = f"Float16 shards, shuffle buffer of {results['shuffle_megabytes']} MB.\n\n"
    return head + markdown(["utterances", "ms per utterance", "peak memory, MB"], rows)


def _gpu(results):
    rows = []
    for model, paths in results["seconds"].items():
        rounds = {path: measured["rounds"] for path, measured in paths.items()}
        loop = rounds.get(gpu.LOOP)
        for path, measured in paths.items():
            times = f"{benches.ratio(loop, rounds[path]):.2f}" if loop else ""
            speed = f"{1 / measured['median']:.0f}"
            rows.append([MODELS[model], f"`{path}`", _spread(measured, 1e3), speed, times])
    header = ["", "path", "ms per utterance (least to most)", "utterances a second"]
    head = (
        f"Training on {results['device']}, float32, batch {results['batch_size']}, bucketed "
        "batches in memory, under XLA padded to ten lengths. With `--kernel=keras` on a GPU, cuDNN "
        "computes LSTMs; of GRUs, those of `--reset_after`, and Keras' loop the others.\n\n"
    )
    return head + markdown([*header, f"times `{gpu.LOOP}`"], rows)


def _tables(results):
    hours, epochs = results["hours"], results["epochs"]
    whole = {name: sum(values.values()) for name, values in hours.items()}

    def times(taken):
        return [f"{taken['stock'] / taken[name]:.1f}" for name in hours if name != "stock"]

    rows = [
        [row, f"{epochs[row]:.1f}",
         *(f"{results['seconds'][row][f'{name} train']['median'] * 1e3:.2f}" for name in hours),
         *(f"{hours[name][row]:.2f}" for name in hours),
         *times({name: hours[name][row] for name in hours})]
        for row in epochs
    ]  # fmt: skip
    blank = [""] * (1 + len(hours))
    rows.append(["all", *blank, *(f"{value:.1f}" for value in whole.values()), *times(whole)])
    engines = ["float32", "bfloat16", "stock Keras"]
    header = [
        "row", "epochs",
        *(f"ms, {name}" for name in engines),
        *(f"hours, {name}" for name in engines),
        *(f"times stock Keras, {name}" for name in engines[:2]),
    ]  # fmt: skip
    head = (
        f"{tables.FOLDS} folds of {tables.SIZES['train']:,} / {tables.SIZES['dev']} / "
        f"{tables.SIZES['test']} utterances, one fold at a time; stock Keras in float32; "
        "milliseconds an utterance of training; epochs as early stopping "
        "took in float32 on the planted-cue set (synthetic). Of hours here, "
        f"{results['seconds_of_a_fold']:.1f} s a fold are processes, graphs, files and scores, "
        "which stock Keras' hours leave out.\n\n"
    )
    return head + markdown(header, rows)


def _pythons(results):
    rows = [
        [results["versions"][name], *(_spread(measured, 1e3) for measured in tasks.values())]
        for name, tasks in results["seconds"].items()
    ]
    ratios = (f"{value:.3f}" for value in results["ratio"].values())
    rows.append(["the second takes, of the first's time (median of rounds)", *ratios])
    return markdown(["ms per utterance", "training", "inference"], rows)


def _latency(results):
    sections = []
    for threads, measured in results["threads"].items():
        peer = measured.get("onnx", {}).get("wall")
        rows = []
        for name, times in measured.items():
            difference = results["differences"].get(name)
            rows.append([
                RUNTIMES[name],
                _spread(times["wall"], 1e3),
                f"{1e3 * times['processor']['least']:.2f}",
                f"{benches.ratio(times['wall']['rounds'], peer['rounds']):.2f}" if peer else "",
                "" if difference is None else f"{difference:.1e}",
            ])  # fmt: skip
        header = ["", "ms (least to most)", "least processor time, ms", "times ONNX Runtime"]
        table = markdown([*header, "difference in probability"], rows)
        sections.append(f"{threads} thread{'s' if threads != '1' else ''}:\n\n{table}")
    about = (
        "AMH-7, one utterance of 450 frames, 20 words and 14 pictures, in turn in one process. The "
        "served signature runs in a session, as a server runs it; stock Keras' GRU is converted "
        "for one utterance of any length.\n\n"
    )
    return about + "\n".join(sections)


RUNTIMES = {
    "served": "served signature",
    "float32": "TFLite float32",
    "float16": "TFLite float16",
    "int8": "TFLite int8",
    "stock Keras": "stock Keras, TFLite float32",
    "onnx": "ONNX Runtime",
}
MODELS = {"amh": "AMH-7", "rnn_attn": "RNN-attn (A)", "mha": "MHA-2 (A+T)"}
SECTIONS = {
    "training": ("Training", lambda results: _candidates(results, "training")),
    "rnn_attn": ("Training RNN-attn", lambda results: _candidates(results, "training")),
    "mha": ("Training MHA", lambda results: _candidates(results, "training")),
    "inference": ("Inference", lambda results: _candidates(results, "inference")),
    "pipeline": ("Pipeline", _pipeline),
    "hops": ("One hop more", _hops),
    "busy": ("A busy machine", _busy),
    "scaling": ("Larger data sets", _scaling),
    "latency": ("One utterance", _latency),
    "pythons": ("Two interpreters", _pythons),
    "gpu": ("On a GPU", _gpu),
    "tables": ("Whole tables", _tables),
}


def page(results):
    """Writes the results as Markdown."""
    machine = results["machine"]
    names = ("tensorflow", "keras", "torch", "jax")
    versions = ", ".join(f"{name} {machine[name] or 'absent'}" for name in names)
    lines = [
        "# Speed",
        f"Measured on {machine['cores']} cores ({', '.join(machine['instructions'])}); {versions}. "
        "Synthetic features of the paper's sizes, lengths like IEMOCAP's. Engines in "
        "their own processes, one measured at a time, in turn; medians over the rounds.",
    ]
    for name, (heading, section) in SECTIONS.items():
        if name in results:
            lines += [f"## {heading}", section(results[name]).strip()]
            lines += [f"**Note:** {note}" for note in results[name]["notes"]]
    return "\n\n".join(lines) + "\n"


def draw(results, path):
    """Draws the training speed of every candidate.

    Args:
        results: What the benchmark has measured.
        path: Output file; its ending chooses the format.
    """
    seconds = results["training"]["seconds"]
    names = list(seconds)[::-1]
    speeds = [1 / seconds[name]["median"] for name in names]
    labels = [", ".join(title(name)).replace("`", "") for name in names]
    colors = [COLORS.get(name.split("-")[0], "#8a94a6") for name in names]
    drawing = figure.Figure(figsize=(9, 1 + 0.4 * len(names)), layout="constrained")
    axes = drawing.add_subplot()
    axes.bar_label(axes.barh(labels, speeds, color=colors), fmt="%.0f", padding=3)
    axes.set(xlim=(0, max(speeds) * 1.12), xlabel="training: utterances a second")
    with files.replacing(path) as temporary:
        drawing.savefig(temporary, dpi=120)
