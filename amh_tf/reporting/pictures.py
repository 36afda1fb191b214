"""Pictures of a group of cross-validations."""

from matplotlib import figure

from amh_tf import figures, files, metrics
from amh_tf.reporting import formats, gather

# Told apart by colour, by marker and by line, also in grey.
_LINES = (
    ("weighted_accuracy", "weighted accuracy (WA)", {"color": "#1f5fa8", "marker": "o"}),
    (
        "unweighted_accuracy",
        "unweighted accuracy (UA)",
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
    title = f"{row.name}: WA {accuracy}, UA {recall} ({folds}, pooled)"
    figures.confusion_matrix(row.confusion, row.classes, f"{title}\n{gather.data_name(row)}", path)


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
