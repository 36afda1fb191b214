"""Pictures of a group of cross-validations."""

import textwrap

import numpy as np
from matplotlib import figure

from amh_tf import files
from amh_tf.reporting import formats, gather
from amh_tf.scores import confusion_plot, metrics

# Of the names of rows, beside the speakers.
_NAME_COLUMNS = 32
# Told apart by colour, by marker and by line, also in grey.
_LINES = (
    ("weighted_accuracy", "weighted accuracy, WA (WAR)", {"color": "#1f5fa8", "marker": "o"}),
    (
        "unweighted_accuracy",
        "unweighted accuracy, UA (UAR)",
        {"color": "#c4541a", "marker": "s", "linestyle": "--"},
    ),
)


def confusion_matrix(row, path):
    """Draws a row's confusion matrix, all its folds together.

    Args:
        row: `gather.CrossValidation`.
        path: Output file; its ending chooses the format.
    """
    scores = metrics.scores(row.confusion)
    accuracy = formats.share(float(scores["weighted_accuracy"]))
    recall = formats.share(float(scores["unweighted_accuracy"]))
    folds = f"{row.folds_text.removesuffix(' folds')} folds"
    title = f"{row.name} ({folds}, pooled)\nWA (WAR) {accuracy}, UA (UAR) {recall}"
    confusion_plot.confusion_matrix(
        row.confusion, row.classes, f"{title}\n{gather.data_name(row)}", path
    )


def hops(rows, title, path):
    """Draws WA and UA by number of hops; the bars are the standard deviation over the folds.

    Args:
        rows: List of `gather.CrossValidation` of AMH, by number of hops.
        title: Text above the picture.
        path: Output file; its ending chooses the format.
    """
    drawing = figure.Figure(figsize=(6, 3.6), layout="constrained")
    axes = drawing.add_subplot()
    for shift, (name, label, style) in zip((-0.05, 0.05), _LINES):
        estimates = [row.scores[name] for row in rows]
        axes.errorbar(
            [row.num_hops + shift for row in rows],
            [estimate.mean for estimate in estimates],
            yerr=[estimate.deviation or 0 for estimate in estimates],
            label=label,
            capsize=3,
            markersize=5,
            **style,
        )
    axes.set_xticks([row.num_hops for row in rows])
    axes.set_xlabel("hops")
    axes.set_ylabel("mean over folds ± standard deviation")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    # Names come from users: a dollar sign in them is not mathematics.
    axes.set_title(title, fontsize=10, parse_math=False)
    with files.replacing(path) as temporary:
        drawing.savefig(temporary, dpi=130)


def speakers(scored, num_classes, title, path):
    """Draws each speaker's UA as a dot, by model, with the mean over speakers and chance.

    Args:
        scored: Dict from the name of a row to a dict from speaker to UA.
        num_classes: Number of classes, for the line of chance.
        title: Text above the picture.
        path: Output file; its ending chooses the format.
    """
    drawing = figure.Figure(figsize=(7, 1.5 + 0.7 * len(scored)), layout="constrained")
    axes = drawing.add_subplot()
    rng = np.random.default_rng(0)
    for place, values in enumerate(scored.values()):
        shares = np.array(list(values.values()))
        # Dots that would hide each other are shifted a little.
        heights = place + rng.uniform(-0.18, 0.18, len(shares))
        first = place == 0
        axes.scatter(
            shares,
            heights,
            s=22,
            alpha=0.6,
            color="#1f5fa8",
            linewidths=0,
            label="one speaker" if first else None,
        )
        axes.vlines(
            shares.mean(),
            place - 0.32,
            place + 0.32,
            color="#c4541a",
            linewidth=2.5,
            label="mean over speakers" if first else None,
        )
        lowest = int(shares.argmin())
        axes.annotate(
            list(values)[lowest][:24],
            (shares[lowest], heights[lowest]),
            xytext=(0, -5),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=7,
            parse_math=False,
        )
    axes.axvline(1 / num_classes, color="#586274", linestyle=":", label="chance, 1 / classes")
    # Names come from users: a dollar sign in them is not mathematics.
    names = ["\n".join(textwrap.wrap(name, _NAME_COLUMNS)) for name in scored]
    axes.set_yticks(range(len(scored)), names, parse_math=False)
    axes.set_ylim(len(scored) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("UA (UAR) of a speaker; the lowest is named")
    axes.grid(alpha=0.3, axis="x")
    drawing.legend(loc="outside lower center", ncols=3, frameon=False)
    axes.set_title(title, fontsize=10, parse_math=False)
    with files.replacing(path) as temporary:
        drawing.savefig(temporary, dpi=130)
