"""What `predict` is asked: a path, an array or a `Clip`, one or many, as `Clip`s."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np

from amh_tf import errors

if TYPE_CHECKING:
    from amh_tf.prediction.clip import Clip

# A file; samples, with `rate=` beside them; both as a pair; or a `Clip`.
One: TypeAlias = Union[str, os.PathLike[str], np.ndarray, tuple[np.ndarray, int], "Clip"]
_NOTHING = object()
OF_CLIP = ("video", "audio", "text", "start", "end", "side")


def is_many(clip: Any) -> bool:
    """Returns whether it is several clips."""
    return isinstance(clip, (list, tuple)) and not _is_pair(clip)


def clips(
    clip: One | Sequence[One] | None, rate: int | None, settings: dict[str, Any], sees: bool
) -> "list[Clip]":
    """Makes the `Clip`s of what `predict` was asked.

    Args:
        clip: As for `predict`.
        rate: Samples a second of arrays.
        settings: What is said of clips, of `OF_CLIP`; `text` may be a sequence, one for each.
        sees: Whether the model reads pictures: then a file with pictures is a film.

    Raises:
        InputError: If something is not a clip, or is given twice.
    """
    many: list[Any] = [_NOTHING if clip is None else clip]
    if isinstance(clip, (list, tuple)) and is_many(clip):
        many = list(clip)
    texts = settings.get("text")
    if texts is None or isinstance(texts, str):
        texts = [texts] * len(many)
    if len(texts) != len(many):
        raise errors.refusal(
            "`text` does not suit the clips",
            "one text, or one for each clip",
            f"{len(texts)} texts for {len(many)} clips",
        )
    same = {name: value for name, value in settings.items() if name != "text"}
    return [
        _clip(request, rate, {**same, **({} if text is None else {"text": text})}, sees)
        for request, text in zip(many, texts)
    ]


def _clip(one, rate, settings, sees):
    from amh_tf.features import film, samples
    from amh_tf.prediction import clip as prediction_clip

    if one is _NOTHING:
        return prediction_clip.Clip(**settings)
    if isinstance(one, prediction_clip.Clip):
        if settings:
            raise errors.refusal(
                "A `Clip` already says what it is",
                "nothing beside a `Clip`",
                ", ".join(settings),
                "Set it in the `Clip`.",
            )
        return one
    if isinstance(one, (str, os.PathLike)) and os.fspath(one):
        name, value = "video" if sees and film.is_film(one) else "audio", os.fspath(one)
    elif isinstance(one, np.ndarray) or _is_pair(one):
        array, own = (one, rate) if isinstance(one, np.ndarray) else one
        name, value = "audio", samples.Samples(array, own)
    else:
        raise errors.refusal(
            "This is not a clip",
            "a path, an array with `rate=`, a pair of both, or a `Clip`",
            f"{one!r:.100}",
        )
    if settings.get(name):
        raise errors.refusal(
            f"`{name}` is given twice",
            f"a clip, or else `{name}=`",
            f"{one!r:.100} and {name}={settings[name]!r}",
            "Leave one out.",
        )
    return prediction_clip.Clip(**{**settings, name: value})


def _is_pair(value):
    """Returns whether a value is samples with their rate."""
    is_pair = isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], np.ndarray)
    return is_pair and not isinstance(value[1], (np.ndarray, str, os.PathLike, tuple))
