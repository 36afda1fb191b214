"""TESS, the Toronto emotional speech set, as released: two women, seven emotions, 200 words.

    OAF_angry/OAF_back_angry.wav

speaker, word, emotion. The folders' names are not read: they are written in several ways. The
archive holds all folders twice, one within the other, and one file has OA for its speaker.
"""

import collections
import itertools
import re
from pathlib import Path

from amh_tf.corpora import clips, counted, recording

SPEAKERS = ("OAF", "YAF")  # the older and the younger one
CODES = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "ps": "surprise",  # a pleasant one
}
COUNTS = dict.fromkeys(CODES.values(), 400)
EXPECTED = "files such as OAF_angry/OAF_back_angry.wav"

_NAME = re.compile(rf"(OAF?|YAF)_([a-z]+)_({'|'.join(CODES)})", re.ASCII | re.IGNORECASE)


def _key(path):
    """Returns speaker, word and emotion of a file, or None."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    speaker, word, code = match.groups()
    return {"OA": "OAF"}.get(speaker.upper(), speaker.upper()), word.lower(), code.lower()


def _ids(keys):
    """Returns the names of all utterances of the words that are there; one is no proof of it."""
    words = collections.Counter(word for _, word, _ in keys)
    common = [word for word, count in words.items() if count >= len(CODES)]
    return frozenset("_".join(parts) for parts in itertools.product(SPEAKERS, common, CODES))


def read(folder: str | Path, labels: str = "tess") -> recording.Corpus:
    """Reads TESS; no sound is opened, unless to tell a copy from another file.

    Args:
        folder: The release: any folder around the speakers' folders.
        labels: Label set, as `label_sets.parse` takes it.

    Returns:
        `amh_tf.corpora.recording.Corpus`, in the order of speaker, word and emotion.

    Raises:
        ValueError: If there is no file of TESS, or two files of one name differ.
    """
    files = clips.find(folder, clips.SOUND_ENDINGS, _key, "TESS", EXPECTED)
    utterances = []
    for (speaker, word, code), path in files.paths.items():
        fields = {
            "id": f"{speaker}_{word}_{code}",
            "speaker": speaker,
            "sex": "female",
            "audio": str(path),
            "transcript": f"Say the word {word}",
        }
        utterances.append((CODES[code], fields))
    published = counted.Published(COUNTS, dict.fromkeys(SPEAKERS, 1400), _ids(files.paths))
    return counted.corpus("TESS", files, utterances, published, labels, language="en")
