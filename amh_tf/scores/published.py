"""Figures that others published, so that one's own can be compared with them.

Sources: Yoon et al., 2020 (arXiv 1912.00846), tables 1 and 2 and what the text says of figure 2;
and the README of github.com/david-yoon/attentive-modality-hopping-for-SER, the authors' code.
IEMOCAP, seven classes, mean and standard deviation over ten folds. The columns that the paper calls
weighted and unweighted accuracy are weighted and macro precision, as the authors found later; for
eight rows their README gives the accuracies.
"""

import dataclasses

PAPER = "arXiv 1912.00846"
SOURCE = "https://github.com/david-yoon/attentive-modality-hopping-for-SER"
DATA = "IEMOCAP"
NUM_FOLDS = 10
# The number of hops of the authors' AMH row. They do not say how many their MHA takes.
AMH_HOPS = 7
# Figure 2, AMH-7: shares of the first class' utterances that were taken for the second.
CONFUSED = {("ang", "fru"): 0.383, ("fru", "ang"): 0.045}


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
    """A row of the paper's tables.

    Attributes:
        model: "rnn_attn", "mdre", "mha" or "amh".
        num_hops: Number of hops; None where the authors do not say, or there are none.
        modalities: Names in the order audio, text, video.
        transcripts: "reference" or "asr".
        weighted_precision, macro_precision: What the paper shows.
        weighted_accuracy, unweighted_accuracy: The authors' corrected figures, or None.
    """

    model: str
    num_hops: int | None
    modalities: tuple
    transcripts: str
    weighted_precision: Estimate
    macro_precision: Estimate
    weighted_accuracy: Estimate | None = None
    unweighted_accuracy: Estimate | None = None


def _row(model, modalities, *figures, num_hops=None, transcripts="reference"):
    estimates = [Estimate(*figure) for figure in figures]
    return Row(model, num_hops, tuple(modalities.split("+")), transcripts, *estimates)


def _hops(num_hops, *figures, **settings):
    return _row("amh", "audio+text+video", *figures, num_hops=num_hops, **settings)


# Columns: weighted precision, macro precision, WA, UA; each (mean, standard deviation).
ROWS = (
    _row("rnn_attn", "audio", (0.359, 0.058), (0.319, 0.065)),
    _row("rnn_attn", "text", (0.528, 0.018), (0.525, 0.031)),
    _row("rnn_attn", "video", (0.467, 0.046), (0.412, 0.066)),
    _row("mdre", "audio+text", (0.557, 0.018), (0.536, 0.030), (0.498, 0.059), (0.418, 0.077)),
    _row("mdre", "text+video", (0.585, 0.040), (0.561, 0.046), (0.579, 0.015), (0.524, 0.021)),
    _row("mdre", "audio+video", (0.481, 0.049), (0.415, 0.047), (0.477, 0.025), (0.376, 0.024)),
    _row(
        "mdre", "audio+text+video", (0.602, 0.033), (0.575, 0.046), (0.564, 0.043), (0.490, 0.056)
    ),
    _row("mha", "audio+text", (0.583, 0.025), (0.555, 0.040), (0.543, 0.026), (0.491, 0.028)),
    _row("mha", "text+video", (0.590, 0.017), (0.560, 0.032), (0.580, 0.019), (0.526, 0.024)),
    _row("mha", "audio+video", (0.490, 0.049), (0.434, 0.060), (0.471, 0.047), (0.371, 0.042)),
    _hops(1, (0.599, 0.015), (0.579, 0.032)),
    _hops(2, (0.610, 0.024), (0.589, 0.047)),
    _hops(3, (0.605, 0.033), (0.581, 0.051)),
    _hops(4, (0.612, 0.030), (0.586, 0.041)),
    _hops(5, (0.600, 0.038), (0.581, 0.054)),
    _hops(6, (0.610, 0.023), (0.584, 0.046)),
    _hops(AMH_HOPS, (0.624, 0.022), (0.597, 0.040), (0.617, 0.016), (0.547, 0.025)),
    _hops(8, (0.603, 0.034), (0.576, 0.047)),
    _hops(9, (0.608, 0.034), (0.583, 0.048)),
    _hops(AMH_HOPS, (0.611, 0.024), (0.595, 0.036), transcripts="asr"),
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
    for row in ROWS:
        same = (row.model, row.modalities, row.transcripts) == (
            model,
            tuple(modalities),
            transcripts,
        )
        if same and row.num_hops in (None, num_hops):
            return row
    return None


def confused(model, num_hops, modalities, transcripts="reference"):
    """Returns `CONFUSED` for the row of figure 2, and an empty dict for others."""
    row = find(model, num_hops, modalities, transcripts)
    is_figure = row and (row.model, row.num_hops, row.transcripts) == ("amh", AMH_HOPS, "reference")
    return CONFUSED if is_figure else {}
