"""What the two kinds of networks share: packages of extras, and checks of what a network gives."""

import importlib

import numpy as np

from amh_tf import errors

SAMPLE_RATE = 16000
LARGEST_PICTURE = 4096  # pixels of a side


def library(name):
    """Imports a package of an extra.

    Raises:
        ImportError: If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: torch without a library of the system
        raise ImportError(
            f"The package {name!r} cannot be imported. Expected it for running a pretrained "
            f"encoder. Received: {error}. Install it with: pip install 'amh_tf[transformers]'"
        ) from error


def check_values(vectors, name, flag):
    """Refuses what a network gives if it is not finite.

    Args:
        vectors: Array.
        name: What the encoder is called.
        flag: The setting that names it.

    Returns:
        The vectors, float32.

    Raises:
        InputError: If one is not.
    """
    vectors = np.asarray(vectors, np.float32)
    if np.isfinite(vectors).all():
        return vectors
    raise errors.refusal(
        f"The encoder {name!r} gives values that are not numbers",
        "finite ones",
        "NaN or infinity",
        f"Set --encoder_dtype=float32, choose another layer, or set --{flag} to another encoder.",
    )


def written(spans, are_added):
    """Returns the (start, end) of each piece in its text, None for what a tokenizer added to it.

    Args:
        spans: Pairs, as tokenizers give them.
        are_added: Whether each was added.
    """
    return [None if is_added else tuple(span) for span, is_added in zip(spans, are_added)]


def unsuitable(name, flag, expected, received, remedy=""):
    """Words the refusal of an encoder that does not do what its place needs."""
    remedy = remedy or f"Set --{flag} to another encoder."
    return errors.refusal(
        f"{name!r} does not suit {flag.partition('_')[0]}", expected, received, remedy
    )


def check_rate(name, flag, rate):
    """Refuses an encoder of sound at another sampling rate.

    Raises:
        InputError: If it is not `SAMPLE_RATE`.
    """
    if rate != SAMPLE_RATE:
        raise unsuitable(
            name,
            flag,
            f"an encoder of sound at {SAMPLE_RATE} samples a second, to which all recordings are "
            "brought",
            f"sampling_rate={rate!r}",
        )
