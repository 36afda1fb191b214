"""What sets each model apart: the one table of models. To add a model, add it here."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A model's name, what it can be made of, and its defaults.

    Attributes:
        title: Its name in tables.
        fusion: How modalities become one vector: a function of `amh_tf.models.fusions`.
        modality_counts: Numbers of modalities that it can take.
        why: The reason for these, as an error says it.
        cell, bidirectional: Its encoders by default.
        num_hops: Number of its hops by default, or None where it has none.
        max_hops: The most hops that it can have.
        hop_order: The modalities in the order in which hops attend to them, over and over; None for
            that of `amh_tf.layers.HopSchedule`.
    """

    title: str
    fusion: str
    modality_counts: tuple[int, ...]
    why: str
    cell: str
    bidirectional: bool
    num_hops: int | None = None
    max_hops: int = 1000
    hop_order: tuple[str, ...] | None = None


MODELS = {
    "amh": Architecture(
        title="AMH",
        fusion="hops",
        modality_counts=(2, 3),
        why="AMH hops between modalities",
        cell="gru",
        bidirectional=False,
        num_hops=7,
    ),
    "mdre": Architecture(
        title="MDRE",
        fusion="dense_layers",
        modality_counts=(2, 3),
        why="MDRE merges modalities",
        cell="gru",
        bidirectional=False,
    ),
    "mha": Architecture(
        title="MHA",
        fusion="hops",
        modality_counts=(2,),
        why="MHA's attention goes back and forth between exactly two modalities",
        cell="lstm",
        bidirectional=True,
        num_hops=2,
        max_hops=3,  # the paper defines MHA-1 to MHA-3
        # The paper's first hop attends to the text given the audio. Other pairs by the same rule:
        # the modality that comes later in this order is attended to first.
        hop_order=("video", "text", "audio"),
    ),
    "rnn_attn": Architecture(
        title="RNN-attn",
        fusion="memory_attention",
        modality_counts=(1,),
        why="RNN-attn reads a single modality",
        cell="lstm",
        bidirectional=True,
    ),
}
