"""How many floating-point operations an utterance needs, whoever computes it."""

# Width of a step and hidden size of each modality, as in the paper.
SIZES = {"audio": (120, 200), "text": (300, 200), "video": (2048, 128)}
# Nothing is trained below audio and video features; below text lie the word vectors.
LEARNED_INPUTS = ("text",)

# Times that a variant is tried before the fastest is chosen; one alone may meet other work.
TRIALS = 3


def forward(steps):
    """Counts the operations of the recurrent layers on valid steps.

    Each step multiplies its input with a `(dim, 3 * units)` matrix and its state with a
    `(units, 3 * units)` one; a multiplication and an addition count as two. Element-wise work
    and the hops, together about 1 %, are left out.

    Args:
        steps: Dict from modality to its number of valid steps.
    """
    return sum(2 * steps[name] * 3 * units * (dim + units) for name, (dim, units) in SIZES.items())


def training(steps):
    """Counts the operations of a training step: three times the forward ones, less the
    gradients of inputs that nothing learns from.

    Args:
        steps: Dict from modality to its number of valid steps.
    """
    unneeded = sum(
        2 * steps[name] * 3 * units * dim
        for name, (dim, units) in SIZES.items()
        if name not in LEARNED_INPUTS
    )
    return 3 * forward(steps) - unneeded
