"""The results as a picture."""

from matplotlib import figure

from amh_tf import files
from tools.speed import report

COLOR = "#1f5fa8"
AXES = {
    "frames": ("audio frames of every utterance", "s per step"),
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
    colors = [COLOR if name.startswith("ours") else "#8a94a6" for name in names]
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
    rows = (2 if has_bars else 0) + -(-len(panels) // 2)
    drawing = figure.Figure(figsize=(9, max(3.0, 2.4 * rows)), layout="constrained")
    grid = drawing.add_gridspec(max(rows, 1), 2)
    if has_bars:
        _bars(drawing.add_subplot(grid[:2, :]), results)
    for number, panel in enumerate(panels):
        row = (2 if has_bars else 0) + number // 2
        _line(drawing.add_subplot(grid[row, number % 2]), *panel)
    with files.replacing(path) as temporary:
        drawing.savefig(temporary, dpi=120)
