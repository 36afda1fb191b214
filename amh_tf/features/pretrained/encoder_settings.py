"""Which encoders settings ask for, and settings that mean nothing without one."""

from amh_tf import checking, errors
from amh_tf.features.pretrained import choice, encoder_files


def check(asked, declares, raw_sources):
    """Refuses settings of encoders that the source has no use for.

    Args:
        asked: `preparation.Preparation`.
        declares: Whether the same settings declare how the features of this source were made.
        raw_sources: Sources of recordings, of which an encoder can make features.

    Raises:
        InputError: If there are any, or a value is impossible.
    """
    is_raw = asked.source in raw_sources
    for modality, name in choice.FLAGS.items():
        choice.check_layer(f"{modality}_layer", getattr(asked, f"{modality}_layer"))
        if getattr(asked, name) is not None and not (is_raw or declares):
            raise errors.refusal(
                f"`{name}` is not used by this source",
                "a source of recordings; or folds, whose arrays do not say how they were made",
                f"{name}={getattr(asked, name)!r}, source={asked.source!r}",
                f"Leave --{name} out.",
            )
    if asked.audio_steps_per_second is not None:
        choice.check_rate("audio_steps_per_second", asked.audio_steps_per_second)
    checking.require_integer(asked, "encoder_batch", 1)
    encoders = [name for name in choice.FLAGS.values() if is_raw and _is_encoder(asked, name)]
    needs = {f"{modality}_layer": [name] for modality, name in choice.FLAGS.items()}
    needs["audio_steps_per_second"] = [choice.FLAGS["audio"]]
    needs |= {name: [*choice.FLAGS.values()] for name in ("encoder_dtype", "encoder_batch")}
    for name, some in needs.items():
        if asked.is_set(name) and not set(some) & set(encoders):
            raise errors.refusal(
                f"`{name}` is not used without an encoder",
                f"one, set with --{' or --'.join(some)}",
                f"{name}={getattr(asked, name)!r}",
                f"Leave --{name} out.",
            )
    if asked.glove and choice.FLAGS["text"] in encoders:
        raise errors.refusal(
            "`glove` is not used by an encoder of texts",
            "one of --glove and --text_features",
            f"glove={asked.glove!r}",
            "Leave one of them out.",
        )


def choices(asked, modalities):
    """Returns the encoders of modalities, and refuses what is not one by its files.

    Args:
        asked: `preparation.Preparation`, checked, of a source of recordings.
        modalities: Names of those that are extracted.

    Returns:
        Dict from modality to `choice.Choice`.

    Raises:
        InputError: If one is missing, or could only be read by running code.
    """
    chosen = {
        modality: choice.Choice(
            path=getattr(asked, choice.FLAGS[modality]),
            layer=getattr(asked, f"{modality}_layer"),
            steps_per_second=asked.audio_steps_per_second if modality == "audio" else None,
            dtype=asked.encoder_dtype,
            batch=asked.encoder_batch,
        )
        for modality in modalities
        if _is_encoder(asked, choice.FLAGS[modality])
    }
    for modality, encoder in chosen.items():
        encoder_files.check(modality, encoder)
    return chosen


def _is_encoder(asked, name):
    return getattr(asked, name) not in (None, choice.PAPER)
