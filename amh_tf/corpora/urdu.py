"""URDU as released: talk shows, one folder per emotion, without transcripts.

    Angry/SM1_F1_A01.wav     speaker, number of the speaker's file, emotion and number in it

M and F in the speaker's name stand for man and woman. The authors count 38 speakers; the files
of the release name 29.
"""

import re
from pathlib import Path

from amh_tf.corpora import clips, counted, recording

LETTERS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
OF_EACH = 100
COUNTS = dict.fromkeys(LETTERS.values(), OF_EACH)
EXPECTED = "files such as Angry/SM1_F1_A01.wav"

_NAME = re.compile(r"(S([MF])[0-9]{1,3})_F[0-9]{1,3}_([AHNS])0*([0-9]{1,3})", re.ASCII)


def _key(path):
    """Returns the name of a file, or None."""
    name = path.stem.upper()
    return name if _NAME.fullmatch(name) else None


def read(folder: str | Path, labels: str = "urdu") -> recording.Corpus:
    """Reads URDU; no sound is opened.

    Args:
        folder: The release.
        labels: Label set, as `label_sets.parse` takes it.

    Returns:
        `amh_tf.corpora.recording.Corpus`, in the order of the files' names.

    Raises:
        ValueError: If there is no file of URDU, or two files of one name differ.
    """
    files = clips.find(folder, clips.SOUND_ENDINGS, _key, "URDU", EXPECTED)
    utterances, numbers = [], set()
    for name, path in files.paths.items():
        speaker, sex, letter, number = _NAME.fullmatch(name).groups()
        numbers.add((letter, int(number)))
        fields = {
            "id": name,
            "speaker": speaker,
            "sex": {"M": "male", "F": "female"}[sex],
            "audio": str(path),
        }
        utterances.append((LETTERS[letter], fields))
    missing = [
        f"{letter}0{number}"
        for letter in LETTERS
        for number in range(1, OF_EACH + 1)
        if (letter, number) not in numbers
    ]
    speakers = len({fields["speaker"] for _, fields in utterances})
    notes = [f"{speakers} speakers; the authors count 38, the files of the release name 29."]
    official = counted.Published(COUNTS)
    return counted.corpus(
        "URDU", files, utterances, official, labels, tuple(notes), tuple(missing), language="ur"
    )
