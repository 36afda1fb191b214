"""Pictures of results."""

import numpy as np
from matplotlib import figure

from amh_tf import files

# More classes than these leave no room for numbers in the cells, nor for cells of full size.
_NUMBERED, _INCHES = 20, 16.0
_LONGEST_LABEL = 30


def confusion_matrix(counts, classes, title, path):
    """Draws a confusion matrix, each row as shares of the true class, counts below.

    A class without utterances has dashes.

    Args:
        counts: Integer array of shape `(classes, classes)`, true class in rows.
        classes: Class names.
        title: Text above the picture.
        path: Output file; its ending chooses the format.
    """
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = min(0.75, _INCHES / len(classes))  # inches
    size = 1.8 + cell * len(classes)
    drawing = figure.Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = drawing.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    # Names come from users: a dollar sign in them is not mathematics.
    names = [
        name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + "…"
        for name in classes
    ]
    labels = {"parse_math": False, "fontsize": min(10, 55 * cell)}
    axes.set_xticks(
        range(len(classes)), names, **labels, rotation=90 if len(classes) > _NUMBERED else 0
    )
    axes.set_yticks(range(len(classes)), names, **labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title, parse_math=False)
    for row, column in np.ndindex(counts.shape if len(classes) <= _NUMBERED else (0, 0)):
        if not counts[row].any():
            axes.text(column, row, "–", va="center", ha="center", color="gray")  # noqa: RUF001
            continue
        color = "white" if shares[row, column] > 0.55 else "black"
        place = {"ha": "center", "color": color}
        axes.text(column, row - 0.05, f"{shares[row, column]:.2f}", va="bottom", **place)
        axes.text(column, row + 0.08, counts[row, column], va="top", fontsize=7, **place)
    drawing.colorbar(image, ax=axes, shrink=0.8, label="share of the true class")
    with files.replacing(path) as temporary:
        drawing.savefig(temporary, dpi=130)
