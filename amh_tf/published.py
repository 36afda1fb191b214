"""Figures that others published, so that one's own can stand beside them.

Source: the README of github.com/david-yoon/attentive-modality-hopping-for-SER, the code of
Yoon et al., 2020 (arXiv 1912.00846): IEMOCAP, seven classes, mean and standard deviation over
ten folds. It gives two tables. The first repeats the paper's table 1, whose columns the paper
calls weighted and unweighted accuracy; the authors found later that they are weighted and macro
precision. The second holds the accuracies.

For RNN-attn, for other numbers of hops than seven and for ASR transcripts nothing is recorded
here.
"""

import dataclasses

SOURCE = "https://github.com/david-yoon/attentive-modality-hopping-for-SER"
DATA = "IEMOCAP"
NUM_FOLDS = 10
# The number of hops of the authors' AMH row. They do not say how many their MHA takes.
AMH_HOPS = 7


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A score over folds, as shares from 0 to 1.

    Attributes:
        mean: Mean over the folds.
        deviation: Standard deviation over the folds; None where there is one fold.
    """

    mean: float
    deviation: float | None = None


@dataclasses.dataclass(frozen=True)
class Share:
    """A score by itself, as a share from 0 to 1.

    Attributes:
        value: The score.
    """

    value: float


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the authors' two tables, on the reference transcripts.

    Attributes:
        model: "mdre", "mha" or "amh".
        num_hops: Number of hops; None where the authors do not say, or there are none.
        modalities: Names in the order audio, text, video.
        weighted_precision, macro_precision: What the paper's table 1 shows.
        weighted_accuracy, unweighted_accuracy: The authors' corrected figures.
    """

    model: str
    num_hops: int | None
    modalities: tuple
    weighted_precision: Estimate
    macro_precision: Estimate
    weighted_accuracy: Estimate
    unweighted_accuracy: Estimate


def _row(model, modalities, *figures, num_hops=None):
    estimates = [Estimate(*figure) for figure in figures]
    return Row(model, num_hops, tuple(modalities.split("+")), *estimates)


# Columns: weighted precision, macro precision, WA, UA; each (mean, standard deviation).
ROWS = (
    _row("mdre", "audio+text", (0.557, 0.018), (0.536, 0.030), (0.498, 0.059), (0.418, 0.077)),
    _row("mdre", "text+video", (0.585, 0.040), (0.561, 0.046), (0.579, 0.015), (0.524, 0.021)),
    _row("mdre", "audio+video", (0.481, 0.049), (0.415, 0.047), (0.477, 0.025), (0.376, 0.024)),
    _row(
        "mdre", "audio+text+video", (0.602, 0.033), (0.575, 0.046), (0.564, 0.043), (0.490, 0.056)
    ),
    _row("mha", "audio+text", (0.583, 0.025), (0.555, 0.040), (0.543, 0.026), (0.491, 0.028)),
    _row("mha", "text+video", (0.590, 0.017), (0.560, 0.032), (0.580, 0.019), (0.526, 0.024)),
    _row("mha", "audio+video", (0.490, 0.049), (0.434, 0.060), (0.471, 0.047), (0.371, 0.042)),
    _row(
        "amh",
        "audio+text+video",
        (0.624, 0.022),
        (0.597, 0.040),
        (0.617, 0.016),
        (0.547, 0.025),
        num_hops=AMH_HOPS,
    ),
)


def find(model, num_hops, modalities, transcripts="reference"):
    """Finds the published row that a cross-validation repeats.

    A number of hops that the authors do not state fits any.

    Args:
        model: "amh", "mdre", "mha" or "rnn_attn".
        num_hops: Number of hops, or None.
        modalities: Names in the order audio, text, video.
        transcripts: "reference" or "asr".

    Returns:
        `Row`, or None where no figure is recorded.
    """
    if transcripts != "reference":
        return None
    for row in ROWS:
        same = (row.model, row.modalities) == (model, tuple(modalities))
        if same and row.num_hops in (None, num_hops):
            return row
    return None
