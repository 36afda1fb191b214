"""CREMA-D as released: one clip per utterance, whose name says everything.

    AudioWAV/1001_DFA_ANG_XX.wav
    VideoFlash/1001_DFA_ANG_XX.flv
    VideoDemographics.csv           the actors' sex
    SentenceFilenames.csv           the names of all clips

actor, sentence, emotion and level, with underscores between them.
"""

import re
from pathlib import Path

from amh_tf.corpora import clips, counted, recording, text_files

# Emotions by code, and the utterances of each in the release: 7,442.
CODES = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
COUNTS = dict.fromkeys(CODES.values(), 1271) | {"neutral": 1087}
ACTORS = tuple(f"{number}" for number in range(1001, 1092))
SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
DEMOGRAPHICS = "VideoDemographics.csv"
CLIPS = "SentenceFilenames.csv"
EXPECTED = "files such as AudioWAV/1001_DFA_ANG_XX.wav"

_NAME = re.compile(
    rf"([0-9]{{4}})_({'|'.join(SENTENCES)})_({'|'.join(CODES)})_(LO|MD|HI|XX?)", re.ASCII
)


def _key(path):
    """Returns the name of a clip and whether it is a film, or None."""
    name = path.stem.upper()
    match = _NAME.fullmatch(name)
    return (name, clips.is_film(path)) if match and match[1] in ACTORS else None


def _table(folder, name):
    """Returns the path of a table of the release, or None."""
    paths = clips.walk(folder, (name.lower(),))
    return next((path for path in paths if path.name.lower() == name.lower()), None)


def _ids(folder):
    """Returns the names of all clips of the release, or None where it does not tell."""
    path = _table(folder, CLIPS)
    rows = text_files.rows(path) if path else ()
    return frozenset(row.get("Filename", "").upper() for _, row in rows) - {""} or None


def _sexes(folder):
    """Returns the dict from actor to sex, and what is wrong with it as a list of notes."""
    path = _table(folder, DEMOGRAPHICS)
    if not path:
        return {}, [f"{DEMOGRAPHICS} is missing: the sex of the actors is unknown."]
    sexes = {}
    for number, row in text_files.rows(path):
        row = {name.lower(): text for name, text in row.items()}
        sex = row.get("sex", "").lower()
        if "actorid" not in row or sex not in ("female", "male"):
            expected = "the columns ActorID and Sex, Female or Male"
            raise text_files.error(path, number, "the row is wrong", expected, row)
        sexes[row["actorid"]] = sex
    unknown = [actor for actor in ACTORS if actor not in sexes]
    if not unknown:
        return sexes, []
    return sexes, [f"{DEMOGRAPHICS} lacks {len(unknown)} actors: {clips.named(unknown)}."]


def read(folder: str | Path, labels: str = "cremad") -> recording.Corpus:
    """Reads CREMA-D; no sound or picture is opened.

    Sound compressed by MP3, which the release holds too, is not read.

    Args:
        folder: The release.
        labels: Label set, as `label_sets.parse` takes it.

    Returns:
        `amh_tf.corpora.recording.Corpus`, in the order of the clips' names.

    Raises:
        ValueError: If there is no clip of CREMA-D, two files of one name differ, or the table of
            actors cannot be read.
    """
    endings = clips.SOUND_ENDINGS + clips.FILM_ENDINGS
    files = clips.find(folder, endings, _key, "CREMA-D", EXPECTED)
    sexes, notes = _sexes(files.folder)
    utterances = []
    for name in dict.fromkeys(name for name, _ in files.paths):
        actor, sentence, code, _ = name.split("_")
        audio, video = (files.paths.get((name, film)) for film in (False, True))
        fields = {
            "id": name,
            "speaker": actor,
            "sex": sexes.get(actor, ""),
            # The films of the release have sound too.
            "audio": str(audio or video),
            "video": str(video) if video else None,
            "transcript": SENTENCES[sentence],
        }
        utterances.append((CODES[code], fields))
    published = counted.Published(COUNTS, dict.fromkeys(ACTORS), _ids(files.folder))
    return counted.corpus(
        "CREMA-D", files, utterances, published, labels, tuple(notes), language="en"
    )
