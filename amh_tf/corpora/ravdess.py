"""RAVDESS as released: one clip per take, whose name says everything in numbers.

    Audio_Speech_Actors_01-24/Actor_01/03-01-05-02-01-01-01.wav
    Video_Speech_Actor_01/Actor_01/01-01-05-02-01-01-01.mp4

modality (01 sound and picture, 02 picture alone, 03 sound alone) - channel - emotion - intensity -
sentence - repetition - actor. Actors of odd numbers are men.
"""

import collections
import itertools
import re
from pathlib import Path

from amh_tf import errors
from amh_tf.corpora import clips, counted, recording

CLASSES = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
SUNG_CLASSES = CLASSES[:6]
SENTENCES = ("Kids are talking by the door", "Dogs are sitting by the door")
ACTORS = tuple(range(1, 25))
MUTE_SINGER = 18  # whose songs are not in the release
CHANNELS = ("speech", "song", "both")
# Luna-Jimenez et al., Sensors 2021, 21(22) 7665: the actors that each fold tests on.
FOLDS = (
    (2, 5, 14, 15, 16),
    (3, 6, 7, 13, 18),
    (10, 11, 12, 19, 20),
    (8, 17, 21, 23, 24),
    (1, 4, 9, 22),
)
PUBLISHED_FOLDS = "five folds of actors (Luna-Jimenez et al., 2021)"
EXPECTED = "files such as Actor_01/03-01-05-02-01-01-01.wav or Actor_01/01-01-05-02-01-01-01.mp4"

_NAME = re.compile(r"(0[123])-(0[12](?:-[0-9]{2}){5})", re.ASCII)


def _all_takes(channel):
    """Yields the takes of speech or song: all numbers of their names but the modality."""
    emotions = CLASSES if channel == 1 else SUNG_CLASSES
    for actor, emotion in itertools.product(ACTORS, range(1, len(emotions) + 1)):
        if channel == 2 and actor == MUTE_SINGER:
            continue
        intensities = (1,) if emotion == 1 else (1, 2)  # nothing is strongly neutral
        for rest in itertools.product(intensities, (1, 2), (1, 2)):
            yield "-".join(f"{number:02d}" for number in (channel, emotion, *rest, actor))


TAKES = {"speech": frozenset(_all_takes(1)), "song": frozenset(_all_takes(2))}
_EVERY_TAKE = TAKES["speech"] | TAKES["song"]


def _key(path):
    """Returns the take and the modality of a file, or None."""
    match = _NAME.fullmatch(path.stem)
    if not match or match[2] not in _EVERY_TAKE or clips.is_film(path) != (match[1] != "03"):
        return None
    return match[2], match[1]


def _utterance(take, files):
    """Returns label and fields of a take.

    Args:
        take: Its numbers but for the modality.
        files: Dict from modality to path.
    """
    _, emotion, _, sentence, _, actor = (int(number) for number in take.split("-"))
    audio, video = files.get("03") or files.get("01"), files.get("01") or files.get("02")
    fields = {
        # The name that the sound has by itself, whichever files of the take are there.
        "id": f"03-{take}" if audio else f"02-{take}",
        "splits": tuple("test" if actor in fold else "train" for fold in FOLDS),
        "speaker": f"Actor_{actor:02d}",
        "sex": "male" if actor % 2 else "female",
        "audio": str(audio) if audio else None,
        "video": str(video) if video else None,
        "transcript": SENTENCES[sentence - 1],
    }
    return CLASSES[emotion - 1], fields


def _published(takes, utterances):
    present = {fields["id"][3:]: fields["id"] for _, fields in utterances}
    labels = collections.Counter(int(take[3:5]) for take in takes)
    speakers = collections.Counter(f"Actor_{take[-2:]}" for take in takes)
    return counted.Published(
        classes={CLASSES[number - 1]: count for number, count in sorted(labels.items())},
        speakers=dict(sorted(speakers.items())),
        ids=frozenset(present.get(take, f"03-{take}") for take in takes),
    )


def read(folder: str | Path, labels: str = "ravdess", channel: str = "speech") -> recording.Corpus:
    """Reads RAVDESS; no sound or picture is opened.

    Where a take has its sound in its own file and a film with sound too, the sound is that of
    its own file.

    Args:
        folder: The release: any folder around the actors' folders.
        labels: Label set, as `label_sets.parse` takes it.
        channel: One of `CHANNELS`: "speech", "song", or "both".

    Returns:
        `amh_tf.corpora.recording.Corpus`, in the order of the takes' numbers.

    Raises:
        ValueError: If there is no file of RAVDESS, two files of one name differ, or `channel` is
            not known.
    """
    if channel not in CHANNELS:
        raise errors.unknown("channel", channel, CHANNELS, flag="ravdess_channel")
    endings = clips.SOUND_ENDINGS + clips.FILM_ENDINGS
    clip_files = clips.find(folder, endings, _key, "RAVDESS", EXPECTED)
    takes, left_out = {}, 0
    channel_takes = _EVERY_TAKE if channel == "both" else TAKES[channel]
    for (take, modality), path in clip_files.paths.items():
        if take in channel_takes:
            takes.setdefault(take, {})[modality] = path
        else:
            left_out += 1
    if not takes:
        raise errors.refusal(
            f"{str(folder)!r} holds no {channel}",
            "files of that channel",
            f"{left_out:,} files of the other one",
            "Set it with --ravdess_channel.",
        )
    utterances = [_utterance(take, files) for take, files in sorted(takes.items())]
    other = {"speech": "song", "song": "speech"}.get(channel)
    notes = [f"{left_out:,} files of {other} are left out (--ravdess_channel)."] if left_out else []
    return counted.corpus(
        "RAVDESS",
        clip_files,
        utterances,
        _published(channel_takes, utterances),
        labels,
        tuple(notes),
        fold_names=tuple(f"fold {number}" for number in range(len(FOLDS))),
        published=PUBLISHED_FOLDS,
        language="en",
    )
