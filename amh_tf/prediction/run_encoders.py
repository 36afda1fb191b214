"""The networks that a run's features were made by, wherever they are now; others are refused."""

from amh_tf import errors, feature_kinds
from amh_tf.features.pretrained import choice, encoder_files


def choices(features, places):
    """Returns the encoders that made features; others are refused by name.

    Args:
        features: What the run says of them.
        places: Dict from each modality that is read to the path of its encoder, or None.

    Returns:
        Dict from modality to `choice.Choice`.

    Raises:
        InputError: If one is missing, another one, or none is needed.
    """
    chosen = {}
    for modality, place in places.items():
        recorded, flag = feature_kinds.record(features, modality), choice.FLAGS[modality]
        if recorded["kind"] == feature_kinds.PRETRAINED:
            chosen[modality] = _choice(features, modality, recorded, place)
        elif place is not None:
            raise errors.refusal(
                f"`{flag}` is not used by this run",
                "an encoder only where one made the features of the data set",
                f"{flag}={place!r}; they are {feature_kinds.describe(features, modality)}",
                f"Leave --{flag} out.",
            )
    return chosen


def _choice(features, modality, recorded, place):
    if place is None:
        raise errors.refusal(
            f"The encoder of {modality} is missing",
            "the one that made the features of the data set: "
            f"{feature_kinds.describe(features, modality)}",
            "none",
            f"Say where it is with --{choice.FLAGS[modality]}.",
        )
    chosen = choice.of_record(recorded, place)
    encoder_files.check(modality, chosen)
    choice.same(recorded, encoder_files.digests(modality, chosen), modality, place)
    return chosen


def check_network(own, pictured):
    """Refuses another network or face detector than the one that a run's pictures went through.

    Args:
        own: The record of what is here; see `feature_kinds`.
        pictured: The run's.

    Raises:
        InputError: If they differ.
    """
    if own.get("fingerprint") != pictured.get("fingerprint"):  # encoders have none
        raise errors.refusal(
            "These are not the weights that the run's data set was made with",
            f"the weights of {pictured.get('weights')!r}",
            f"others, {own['weights']!r}",
            "Set them with --resnet_weights.",
        )
    if own.get("detector") != pictured.get("detector"):
        raise errors.refusal(
            "This is not the face detector that the run's data set was made with",
            pictured.get("detector"),
            own.get("detector"),
            "Install that version of its package.",
        )
