"""SAVEE as released: four men, one folder each.

    AudioData/DC/a01.wav
    AudioVisualClip/DC/a01.avi

emotion (one or two letters) and the number of the sentence. Download sites also have one folder
of DC_a01.wav and so on. Sentences 1 to 3 are spoken in every emotion, the others are not, and no
file says which is which: there are no transcripts.
"""

import itertools
import re
from pathlib import Path

from amh_tf.corpora import clips, counted, recording

SPEAKERS = ("DC", "JE", "JK", "KL")
CODES = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
SENTENCES = dict.fromkeys(CODES, 15) | {"n": 30}  # of each speaker
COUNTS = {label: SENTENCES[code] * len(SPEAKERS) for code, label in CODES.items()}
IDS = frozenset(
    f"{speaker}_{code}{number:02d}"
    for speaker, code in itertools.product(SPEAKERS, CODES)
    for number in range(1, SENTENCES[code] + 1)
)
EXPECTED = "files such as AudioData/DC/a01.wav or DC_a01.wav"

_NAME = re.compile(r"(?:([A-Z]{2})_)?([A-Z]{1,2}[0-9]{2})", re.ASCII)


def _key(path):
    """Returns the name of a clip with its speaker and whether it is a film, or None."""
    match = _NAME.fullmatch(path.stem.upper())
    if not match:
        return None
    name = f"{match[1] or path.parent.name.upper()}_{match[2].lower()}"
    return (name, clips.is_film(path)) if name in IDS else None


def read(folder: str | Path, labels: str = "savee") -> recording.Corpus:
    """Reads SAVEE; no sound or picture is opened.

    Args:
        folder: The release, or its folder of sound.
        labels: Label set, as `label_sets.parse` takes it.

    Returns:
        `amh_tf.corpora.recording.Corpus`, in the order of speaker and file name.

    Raises:
        ValueError: If there is no clip of SAVEE, or two files of one name differ.
    """
    endings = clips.SOUND_ENDINGS + clips.FILM_ENDINGS
    files = clips.find(folder, endings, _key, "SAVEE", EXPECTED)
    utterances = []
    for name in dict.fromkeys(name for name, _ in files.paths):
        audio, video = (files.paths.get((name, film)) for film in (False, True))
        speaker, _, rest = name.partition("_")
        fields = {
            "id": name,
            "speaker": speaker,
            "sex": "male",
            "audio": str(audio or video),  # the films have sound too
            "video": str(video) if video else None,
        }
        utterances.append((CODES[rest[:-2]], fields))
    published = counted.Published(COUNTS, dict.fromkeys(SPEAKERS, 120), IDS)
    return counted.corpus("SAVEE", files, utterances, published, labels, language="en")
