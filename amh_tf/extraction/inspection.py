"""Reads a corpus as the extraction will, and lists every file that it could not use."""

import collections
import dataclasses
import os

from amh_tf.corpora import recording
from amh_tf.extraction import reading
from amh_tf.features import pictures

MISSING, UNREADABLE, WRONG_LENGTH = "missing", "damaged or unreadable", "too long or too short"


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is wrong with a recording.

    Attributes:
        id: The recording's.
        kind: `MISSING`, `UNREADABLE` or `WRONG_LENGTH`.
        text: What is wrong, with the file's name.
    """

    id: str
    kind: str
    text: str


def inspect(corpus, modalities, advance=lambda: None):
    """Reads all files of a corpus; each film is decoded once.

    Args:
        corpus: `recording.Corpus`.
        modalities: Which of "audio" and "video" are read; whether the others are there is looked
            at all the same.
        advance: Function that is called for each recording that is done.

    Yields:
        `Problem`s; none where all can be used.

    Raises:
        ImportError: If the extra `media` is needed and not installed.
    """
    groups = collections.defaultdict(list)
    for utterance in corpus.recordings:
        groups[utterance.group].append(utterance)
    for group in groups.values():
        films = collections.defaultdict(list)
        for utterance in group:
            yield from _sound_problems(utterance, "audio" in modalities)
            if utterance.video:
                films[utterance.video].append(utterance)
            else:
                advance()
        for path, recordings in films.items():
            for utterance, problem in _film_problems(path, recordings, "video" in modalities):
                # A video without its sound is reported once.
                if problem and (utterance.video != utterance.audio or problem.kind != MISSING):
                    yield problem
                advance()


def _sound_problems(utterance, is_read):
    if not utterance.audio:
        return
    try:
        if not os.path.exists(utterance.audio):
            yield _missing(utterance, utterance.audio)
        elif is_read:
            reading.sound(utterance)
    except recording.BadRecording as error:
        yield _problem(utterance, error)


def _film_problems(path, recordings, is_read):
    """Yields every recording with its `Problem`, or None."""
    if not os.path.exists(path):
        for utterance in recordings:
            yield utterance, _missing(utterance, path)
    elif is_read:
        for place, _, error in reading.films(path, recordings, pictures.SHORT_SIDE, most=0):
            utterance = recordings[place]
            yield utterance, _problem(utterance, error) if error else None
    else:
        for utterance in recordings:
            yield utterance, None


def _missing(utterance, path):
    return Problem(utterance.id, MISSING, f"{path!r} is missing.")


def _problem(utterance, error):
    kind = WRONG_LENGTH if isinstance(error, reading.WrongLength) else UNREADABLE
    return Problem(utterance.id, kind, str(error))
