"""IEMOCAP as released: labels, words, and where sound and picture of each utterance are.

    Session1/dialog/EmoEvaluation/Ses01F_impro01.txt      labels and times
    Session1/dialog/transcriptions/Ses01F_impro01.txt     words
    Session1/dialog/avi/DivX/Ses01F_impro01.avi           picture of the whole dialog
    Session1/sentences/wav/Ses01F_impro01/*.wav           sound of each utterance

Both actors are in the picture, one on each half. The dialog's name holds the gender of the
one on the left; the last field of an utterance's name holds the gender of who speaks.
"""

import collections
import re
from pathlib import Path

from amh_tf import errors, schema
from amh_tf.corpora import label_sets, recording, text_files

# Utterances of each label in the release: 10,039 in 151 dialogs.
LABEL_COUNTS = {
    **dict(zip(schema.PAPER_CLASSES, schema.PAPER_CLASS_COUNTS)),
    "fea": 40,
    "oth": 3,
    "dis": 2,
    "xxx": 2507,  # the raters did not agree
}
# Who sits on the left: the actor whom the dialog is named after, the other one, or always
# the woman or the man.
LEFT_SPEAKERS = ("auto", "other", "F", "M")
# A file of this name at the top marks a tree of this layout that was made up.
SYNTHETIC_MARK = "SYNTHETIC.txt"
SYNTHETIC_NAME = "spoken demo corpus (synthetic)"
MAX_DIALOG_BYTES = 16 << 20  # of a text file; the release's are far smaller

_SESSION = re.compile(r"Session([1-9])", re.ASCII)
DIALOG = re.compile(r"Ses0([1-9])([FM])_[A-Za-z0-9_]{1,80}", re.ASCII)
TURN = re.compile(r"([FM])[A-Za-z]*[0-9]{1,6}", re.ASCII)
_SPAN = re.compile(r"\[\s*([0-9.]{1,20})\s*-\s*([0-9.]{1,20})\s*\]", re.ASCII)
_SPOKEN = re.compile(r"(Ses[A-Za-z0-9_]{1,90})\s*(\[[^\]]*\])\s*:(.*)", re.ASCII)


def _sessions(folder):
    """Lists the session folders with their numbers."""
    for top in (folder, folder / "IEMOCAP_full_release"):
        matches = [(_SESSION.fullmatch(path.name), path) for path in top.glob("Session*")]
        sessions = sorted((match[1], path) for match, path in matches if match and path.is_dir())
        if sessions:
            return top, sessions
    raise errors.refusal(
        f"{str(folder)!r} does not hold IEMOCAP",
        "the folders Session1 to Session5 in it",
        "none of them",
        "Set it with --source_dir.",
    )


def _label_files(sessions):
    """Yields the session and the path of each dialog's label file, sorted."""
    for session, folder in sessions:
        for path in sorted((folder / "dialog/EmoEvaluation").glob("*.txt")):
            if path.name.startswith("."):
                continue  # macOS leaves `._` files behind
            match = DIALOG.fullmatch(path.stem)
            if not match or match[1] != session:
                raise errors.refusal(
                    f"{str(path)!r} is not the label file of a dialog",
                    f"a name such as Ses0{session}F_impro01.txt in Session{session}",
                    f"{path.name!r}",
                )
            yield session, path


def seconds(path, number, text):
    """Returns start and end of a span such as [006.2901 - 008.2357].

    Args:
        path, number: File and line, for the message.
        text: The span.

    Raises:
        InputError: If it is none.
    """
    match = _SPAN.fullmatch(text.strip())
    try:
        start, end = float(match[1]), float(match[2])
    except (TypeError, ValueError):
        start, end = 0, 0
    if not start < end:
        expected = "[start - end] in seconds, the end after the start"
        raise text_files.error(path, number, "the times are wrong", expected, text)
    return start, end


def _labelled(path):
    """Yields line, id, speaker's gender, label, start and end of each utterance of a dialog."""
    dialog = path.stem
    for number, text in text_files.lines(path, MAX_DIALOG_BYTES):
        if not text.startswith("["):
            continue  # the header, the raters' lines and blank ones
        fields = text.split("\t")
        if len(fields) < 3:
            expected = "[start - end], name and emotion with tabs between them"
            raise text_files.error(path, number, "the line is not a label", expected, text)
        name, label = fields[1].strip(), fields[2].strip()
        prefix, _, turn = name.rpartition("_")
        match = TURN.fullmatch(turn)
        if prefix != dialog or not match:
            expected = f"{dialog}_F or {dialog}_M and a number"
            raise text_files.error(path, number, "the name is wrong", expected, name)
        if not re.fullmatch(r"[a-z]{2,10}", label, re.ASCII):
            expected = "a short name such as ang or xxx"
            raise text_files.error(path, number, "the emotion is wrong", expected, label)
        yield number, name, match[1], label, *seconds(path, number, fields[0])


def turns(path, encoding=None):
    """Reads a dialog's transcription, without noises, which have no label, and without remarks.

    Args:
        path: The file.
        encoding: As for `text_files.lines`.

    Yields:
        The line's number; the turn's name, its times in brackets, and its words; three times None
        where the line cannot be read.
    """
    for number, text in text_files.lines(path, MAX_DIALOG_BYTES, encoding):
        if text.startswith("Ses"):
            match = _SPOKEN.fullmatch(text.strip())
            if not match:
                yield number, None, None, None
            elif "XX" not in match[1]:
                yield number, *match.groups()


class _Transcripts:
    """The words of the utterances, and what could not be read of them."""

    MISSING = "transcription files are missing"
    UNREAD = "transcription lines cannot be read"
    REPEATED = "transcripts appear twice; the first counts"
    UNSPOKEN = "utterances have no transcript"

    def __init__(self):
        self._counts = collections.Counter()
        self._first = {}

    def _note(self, kind, place):
        self._counts[kind] += 1
        self._first.setdefault(kind, place)

    def read(self, path):
        """Returns the dict from utterance to words of one dialog."""
        if not path.is_file():
            self._note(self.MISSING, str(path))
            return {}
        words = {}
        for number, name, _, spoken in turns(path):
            if name is None:
                self._note(self.UNREAD, f"{path.name}, line {number}")
            elif name in words:
                self._note(self.REPEATED, name)
            else:
                words[name] = text_files.clean(spoken)
        return words

    def notes(self, recordings):
        """Lists what the user should know of the transcripts."""
        for utterance in recordings:
            if utterance.transcript is None:
                self._note(self.UNSPOKEN, utterance.id)
        return [
            f"{self._counts[kind]:,} {kind}, the first {place!r}."
            for kind, place in self._first.items()
        ]


def side(dialog_gender, speaker_gender, left_speaker):
    """Returns the half of the picture that shows who speaks; see `read`."""
    genders = {"auto": dialog_gender, "other": "FM".replace(dialog_gender, "")}
    return "left" if speaker_gender == genders.get(left_speaker, left_speaker) else "right"


def _count_note(recordings, label_set):
    """Compares the counts with the published ones; returns a note, and a list of differences."""
    counts = collections.Counter(utterance.label for utterance in recordings)
    published = [sum(LABEL_COUNTS.get(name, 0) for name in group) for group in label_set.members]
    differing = [
        f"{name} {counts[number]:,} of {expected:,}"
        for number, (name, expected) in enumerate(zip(label_set.classes, published))
        if counts[number] != expected
    ]
    if not differing:
        return f"{len(recordings):,} utterances, in every class as many as published.", []
    difference = (
        f"{len(recordings):,} utterances, not the published {sum(published):,}. Different in: "
        f"{', '.join(differing)}. Is the release complete?"
    )
    return difference, [difference]


def _dialog(path, session, left_speaker, transcripts, unique_ids):
    """Yields label and fields of each utterance of a dialog."""
    dialog, folder = path.stem, path.parents[2]
    dialog_gender = DIALOG.fullmatch(dialog)[2]
    words = transcripts.read(folder / "dialog/transcriptions" / path.name)
    for number, name, gender, label, start, end in _labelled(path):
        unique_ids.add(path, number, name)
        fields = {
            "id": name,
            "group": dialog,
            "speaker": f"Ses0{session}{gender}",
            "session": session,
            "audio": str(folder / "sentences/wav" / dialog / f"{name}.wav"),
            "video": str(folder / "dialog/avi/DivX" / f"{dialog}.avi"),
            "video_start": start,
            "video_end": end,
            "side": side(dialog_gender, gender, left_speaker),
            "transcript": words.get(name),
            "seconds": end - start,
        }
        yield label, fields


def _unlabelled(sessions, labelled):
    """Lists the files of sound that no label file names."""
    listed = {fields["audio"] for _, fields in labelled}
    return sorted(
        str(path)
        for _, folder in sessions
        for path in (folder / "sentences/wav").glob("*/*.wav")
        if not path.name.startswith(".") and str(path) not in listed
    )


def _check_left(left_speaker):
    if left_speaker not in LEFT_SPEAKERS:
        raise errors.unknown("left_speaker", left_speaker, LEFT_SPEAKERS, flag="left_speaker")


def read(folder, labels="paper", left_speaker="auto"):
    """Reads IEMOCAP's labels, words and times; no sound or picture is opened.

    Args:
        folder: The release: the folder that holds Session1 to Session5.
        labels: Label set, as `label_sets.parse` takes it.
        left_speaker: One of `LEFT_SPEAKERS`: who sits on the left half of the picture.

    Returns:
        `amh_tf.corpora.recording.Corpus`, in the order of session, dialog and label file.

    Raises:
        ValueError: If there is no such folder, a label file or one of its lines cannot be
            read, or an utterance appears twice. The message names file and line.
    """
    _check_left(left_speaker)
    label_set = label_sets.parse(labels)
    top, sessions = _sessions(Path(folder))
    synthetic = (top / SYNTHETIC_MARK).is_file()
    transcripts, unique_ids, labelled, dialogs = _Transcripts(), text_files.Seen(), [], 0
    for session, path in _label_files(sessions):
        dialogs += 1
        labelled += _dialog(path, session, left_speaker, transcripts, unique_ids)
    recordings, notes = label_sets.choose(labelled, label_set)
    count_notes, differences, extra = [], [], _unlabelled(sessions, labelled)
    if not synthetic:
        note, differences = _count_note(recordings, label_set)
        count_notes = [note]
        absent = sorted(set("12345") - {session for session, _ in sessions})
        if absent:
            differences.append(f"Sessions are missing: {', '.join(absent)}.")
            count_notes.append(differences[-1])
    total = f"{len(labelled):,} labelled utterances in {dialogs} dialogs."
    return recording.Corpus(
        name=SYNTHETIC_NAME if synthetic else "IEMOCAP",
        synthetic=synthetic,
        classes=label_set.classes,
        recordings=recordings,
        notes=(*count_notes, total, *notes, *transcripts.notes(recordings)),
        differences=tuple(differences),
        extra=tuple(extra),
        language="en",
    )
