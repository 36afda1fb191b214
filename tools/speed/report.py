"""The results as a Markdown page."""

from tools.speed import targets

TITLES = {
    "ours-float32": "this package, float32",
    "ours-bfloat16": "this package, bfloat16",
    "packed-float32": "this package without a compiler, float32",
    "packed-bfloat16": "this package without a compiler, bfloat16",
    "ours-split": "this package, float32, batches split in two",
    "ours-twin": "this package, `--kernel=keras` (Keras' GRU)",
    "keras": "stock Keras 3 under `fit`",
    "pytorch": "PyTorch `nn.GRU`, batches in memory",
}


def title(name):
    """Returns a candidate's title and how its batches are made."""
    engine, kind = name.rsplit("-", 1)
    return TITLES[engine], kind


def _main(results, task):
    found = results[task]
    rows = found["candidates"]
    lines = [
        f"## {task.capitalize()}",
        "",
        f"AMH-7, batch {found['batch_size']}, {found['utterances']:,} utterances, whole loop; "
        f"{found['gflop_per_utterance']:.3f} GFLOP an utterance needed. Limit by matrix "
        "products: "
        + ", ".join(f"{value:.0f} GFLOP/s in {d}" for d, value in found["limits_gflops"].items())
        + ".",
        "",
        "| | batches | ms per utterance (least to most) | utterances a second | "
        "times stock Keras | GFLOP/s | of the limit |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        label, kind = title(name)
        kind = "as written" if task == "inference" else kind
        seconds = row["seconds_per_utterance"]
        ratio = targets.speedup(results, task, name, "keras-random")
        lines.append(
            f"| {label} | {kind} | {1e3 * seconds['median']:.2f} "
            f"({1e3 * seconds['least']:.2f} to {1e3 * seconds['most']:.2f}) | "
            f"{1 / seconds['median']:.0f} | {'' if ratio is None else f'{ratio:.2f}'} | "
            f"{row['gflops']:.0f} | {row['share_of_limit']:.0%} |"
        )
    if task == "training" and "keras-random" in rows:
        lines += [
            "",
            f"To place the authors' code: in a former measurement its step took "
            f"{targets.AUTHORS_SHARE_OF_STOCK} of the stock Keras step on the same batches, "
            f"that is {1 / targets.AUTHORS_SHARE_OF_STOCK:.2f} times stock Keras.",
        ]
    notes = {
        name: ", ".join(f"{key}: {value}" for key, value in row["note"].items())
        for name, row in rows.items()
        if name.startswith(("keras", "pytorch")) and row["note"]
    }
    lines += ["", *(f"- {' on '.join(title(name))}: {note}" for name, note in notes.items()), ""]
    return lines


def _details(results):
    lines = []
    if "pipeline" in results:
        found = results["pipeline"]
        lines += ["## Pipeline", ""]
        if "kilobytes" in found:  # results kept from an older version have none
            sizes = ", ".join(f"{value:.0f} KB in {d}" for d, value in found["kilobytes"].items())
            lines += [f"Utterances of {sizes}.", ""]
        lines += ["| | utterances a second |", "|---|---|"]
        for name, speed in found["utterances_per_second"].items():
            storage, kind = name.split("-")
            lines.append(f"| {storage} shards, {kind} | {speed['median']:,.0f} |")
        losses = "; ".join(
            f"{value:+.1%} from {dtype} shards (95 % interval {low:+.1%} to {high:+.1%})"
            for dtype, (value, (low, high)) in found["loss"].items()
        )
        lines += ["", f"Training time against batches that are ready: {losses}.", ""]
    if "hops" in results:
        found = results["hops"]
        low, high = found["interval"]
        lines += [
            "## One hop more",
            "",
            f"{found['counts'][1]} hops against {found['counts'][0]}, one more over each modality: "
            f"each costs {found['share_of_a_step']:+.2%} of a step (95 % interval {low:+.2%} to "
            f"{high:+.2%}).",
            "",
        ]
    if "pythons" in results:
        lines += _pythons(results["pythons"])
    if "busy" in results:
        found = results["busy"]
        lines += [
            f"## With {found['spinners']} other processes that compute",
            "",
            "| | seconds (least to most) |",
            "|---|---|",
        ]
        for name, seconds in found["seconds"].items():
            lines.append(
                f"| {TITLES[name]} | {seconds['median']:.2f} "
                f"({seconds['least']:.2f} to {seconds['most']:.2f}) |"
            )
        lines.append("")
    return lines


def _pythons(found):
    lines = ["## Two interpreters", "", "| ms per utterance | training | inference |"]
    lines.append("|---|---|---|")
    for name, versions in found["versions"].items():
        cells = (
            f"{1e3 * both[name]['median']:.2f} "
            f"({1e3 * both[name]['least']:.2f} to {1e3 * both[name]['most']:.2f})"
            for both in found["seconds_per_utterance"].values()
        )
        lines.append(f"| {versions} | {' | '.join(cells)} |")
    ratios = " | ".join(f"{value:.3f}" for value in found["ratio"].values())
    return [*lines, f"| the second takes, of the first's time (median of rounds) | {ratios} |", ""]


def _growth(results):
    lines = []
    if "scaling" in results:
        found = results["scaling"]
        lines += [
            "## Larger data sets",
            "",
            f"Float16 shards, shuffle buffer of {found['shuffle_megabytes']} MB.",
            "",
            "| utterances | ms per utterance | peak memory, MB |",
            "|---|---|---|",
        ]
        for size, seconds in found["seconds_per_utterance"].items():
            peak = found["peak_bytes"][size] / 2**20
            lines.append(f"| {int(size):,} | {1e3 * seconds['median']:.2f} | {peak:,.0f} |")
        lines.append("")
    if "growth" in results:
        found = results["growth"]
        usual = ", ".join(f"{key} {value}" for key, value in found["usual"].items())
        lines += ["## Growth of a step", "", f"Others as usual: {usual}.", ""]
        lines += ["| | value | seconds a step |", "|---|---|---|"]
        for axis, points in found["seconds"].items():
            for value, seconds in points.items():
                lines.append(f"| {axis} | {value} | {seconds['median']:.3f} |")
        lines.append("")
    return lines


def markdown(results):
    """Writes the results out as Markdown."""
    machine = results["machine"]
    versions = ", ".join(
        f"{name} {machine[name] or 'absent'}" for name in ("tensorflow", "keras", "torch")
    )
    lines = [
        "# Speed",
        "",
        f"Measured on {machine['cores']} cores ({', '.join(machine['instructions'])}); {versions}. "
        "Synthetic features of the paper's sizes, lengths like IEMOCAP's. Engines in processes of "
        "their own, one measured at a time, in turn; medians over the rounds.",
        "",
        *(f"**Note:** {note}" for note in results["notes"]),
        "",
    ]
    for task in ("training", "inference"):
        if task in results:
            lines += _main(results, task)
    lines += _details(results) + _growth(results)
    lines += ["## Targets", "", "| | target | measured | met |", "|---|---|---|---|"]
    for what, target, measured, met in targets.verdicts(results):
        verdict = {None: "not measured", True: "yes", False: "**no**"}[met]
        lines.append(f"| {what} | {target} | {measured or ''} | {verdict} |")
    return "\n".join(lines) + "\n"
