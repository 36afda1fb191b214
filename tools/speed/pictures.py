"""The results as a picture."""

from matplotlib import figure

from amh_tf import files
from tools.speed import report

COLOR = "#1f5fa8"
# What other candidates than the package as it comes are drawn in.
COLORS = {"ours": COLOR, "packed": "#7fa8d8"}
AXES = {
    "frames": ("audio frames an utterance", "s per step"),
    "num_hops": ("hops", "s per step"),
    "batch_size": ("utterances in a batch", "s per step"),
}


def _line(axes, points, label, unit):
    values = [int(value) for value in points]
    medians = [point["median"] for point in points.values()]
    spread = [
        [abs(point["median"] - point[end]) for point in points.values()]
        for end in ("least", "most")
    ]
    axes.errorbar(values, medians, yerr=spread, marker="o", capsize=3, color=COLOR)
    axes.set_ylim(0, max(medians) * 1.25)
    axes.set_xlim(0, max(values) * 1.05)
    axes.set_xlabel(label)
    axes.set_ylabel(unit)
    axes.grid(alpha=0.3)


def _bars(axes, results):
    found = results["training"]["candidates"]
    names = list(found)[::-1]
    speeds = [1 / found[name]["seconds_per_utterance"]["median"] for name in names]
    labels = [", ".join(report.title(name)).replace("`", "") for name in names]
    colors = [COLORS.get(name.split("-")[0], "#8a94a6") for name in names]
    drawn = axes.barh(labels, speeds, color=colors)
    axes.bar_label(drawn, fmt="%.0f", padding=3)
    axes.set_xlim(0, max(speeds) * 1.12)
    axes.set_xlabel("training: utterances a second")


def draw(results, path):
    """Draws training speed, and how time grows with everything that was varied.

    Args:
        results: What the benchmark has measured.
        path: Output file; its ending chooses the format.
    """
    panels = []
    if "scaling" in results:
        points = {
            size: {key: 1e3 * value for key, value in found.items() if key != "rounds"}
            for size, found in results["scaling"]["seconds_per_utterance"].items()
        }
        panels.append((points, "utterances in the data set", "ms per utterance"))
    for axis, points in results.get("growth", {}).get("seconds", {}).items():
        panels.append((points, *AXES[axis]))
    has_bars = "training" in results
    rows = -(-len(panels) // 2)
    heights = [2] * has_bars + [rows] * bool(rows) or [1]
    drawing = figure.Figure(figsize=(9, max(3.0, 2.4 * sum(heights))), layout="constrained")
    # Each with margins of its own: the bars' labels are long.
    parts = list(drawing.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).flat)
    if has_bars:
        _bars(parts[0].add_subplot(), results)
    for number, panel in enumerate(panels):
        _line(parts[-1].add_subplot(rows, 2, number + 1), *panel)
    with files.replacing(path) as temporary:
        drawing.savefig(temporary, dpi=120)
