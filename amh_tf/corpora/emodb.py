"""The Berlin Database of Emotional Speech (EmoDB) as released.

wav/03a01Fa.wav     speaker (two digits), text, emotion (a letter), take
"""

import re
from pathlib import Path

from amh_tf.corpora import clips, counted, recording

# Emotions by the first letter of their German names, and the utterances of each: 535.
LETTERS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
COUNTS = {
    "anger": 127,
    "boredom": 81,
    "disgust": 46,
    "fear": 69,
    "happiness": 71,
    "sadness": 62,
    "neutral": 79,
}
SPEAKERS = {
    "03": ("male", 49),
    "08": ("female", 58),
    "09": ("female", 43),
    "10": ("male", 38),
    "11": ("male", 55),
    "12": ("male", 35),
    "13": ("female", 61),
    "14": ("female", 69),
    "15": ("male", 56),
    "16": ("female", 71),
}
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend k\u00f6nnte ich es ihm sagen.",
    "a05": "Das schwarze St\u00fcck Papier befindet sich da oben neben dem Holzst\u00fcck.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das f\u00fcr T\u00fcten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
EXPECTED = "files such as wav/03a01Fa.wav"

_NAME = re.compile(r"([0-9]{2})([ab][0-9]{2})([A-Z])([a-z])", re.ASCII)


def _key(path):
    """Returns speaker, text, emotion and take of a file, or None."""
    # Some copies have all names in one case.
    name = path.stem.lower()
    match = _NAME.fullmatch(name[:5] + name[5:6].upper() + name[6:])
    is_known = match and match[1] in SPEAKERS and match[2] in SENTENCES and match[3] in LETTERS
    return match.groups() if is_known else None


def read(folder: str | Path, labels: str = "emodb") -> recording.Corpus:
    """Reads EmoDB; no sound is opened.

    Args:
        folder: The release, or its folder of sound.
        labels: Label set, as `label_sets.parse` takes it.

    Returns:
        `amh_tf.corpora.recording.Corpus`, in the order of the files' names.

    Raises:
        ValueError: If there is no file of EmoDB, or two files of one name differ.
    """
    files = clips.find(folder, clips.SOUND_ENDINGS, _key, "EmoDB", EXPECTED)
    utterances = []
    for (speaker, text, letter, take), path in files.paths.items():
        fields = {
            "id": f"{speaker}{text}{letter}{take}",
            "speaker": speaker,
            "sex": SPEAKERS[speaker][0],
            "audio": str(path),
            "transcript": SENTENCES[text],
        }
        utterances.append((LETTERS[letter], fields))
    speakers = {name: count for name, (_, count) in SPEAKERS.items()}
    return counted.corpus(
        "EmoDB", files, utterances, counted.Published(COUNTS, speakers), labels, language="de"
    )
