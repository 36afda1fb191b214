"""What every library builds alike: the sizes of the models, and the parameters of AMH-7."""

from amh_tf import schema

VOCABULARY_SIZE = 3000
# Width of a step and hidden size of each modality, as in the paper.
SIZES = {"audio": (120, 200), "text": (300, 200), "video": (2048, 128)}
# Modalities of the models that are measured, and their cells; those of LSTMs read both ways.
MODALITIES = {
    "amh": schema.MODALITIES,
    "mdre": schema.MODALITIES,
    "rnn_attn": ("audio",),
    "mha": ("audio", "text"),
}
CELLS = {"amh": "gru", "mdre": "gru", "rnn_attn": "lstm", "mha": "lstm"}
NUM_HOPS = {"amh": 7, "mha": 2}
DROPOUT = {"audio": 0.3, "text": 0.7, "video": 0.3}
LEARNING_RATE, CLIP_NORM = 1e-3, 1.0
HOP_ORDER = ("video", "audio", "text")
TARGETS = tuple(HOP_ORDER[hop % 3] for hop in range(7))  # of the hops of AMH-7
NUM_CLASSES = len(schema.PAPER_CLASSES)
TOTAL_UNITS = sum(units for _, units in SIZES.values())


def parameters():
    """Returns the shapes of AMH-7's parameters by name, in the order of the package's weights.

    They are those of Keras' layers with `reset_after`: gates side by side, in the order update,
    reset, candidate; biases of the inputs and of the state, one above the other.
    """
    shapes = {"words": (VOCABULARY_SIZE, SIZES["text"][0])}
    for name, (dim, units) in SIZES.items():
        shapes[f"{name} kernel"] = (dim, 3 * units)
        shapes[f"{name} recurrent"] = (units, 3 * units)
        shapes[f"{name} bias"] = (2, 3 * units)
    for hop, target in enumerate(TARGETS):
        units = SIZES[target][1]
        shapes[f"hop {hop} kernel"] = (TOTAL_UNITS - units, units)
        shapes[f"hop {hop} bias"] = (units,)
    return {
        **shapes,
        "logits kernel": (TOTAL_UNITS, NUM_CLASSES),
        "logits bias": (NUM_CLASSES,),
    }
