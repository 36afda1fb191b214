"""A table of the user's own: a CSV or JSON Lines file with one utterance a line.

| Column | Holds |
|---|---|
| `id` | name, unique in the table; required |
| `label` | emotion; required |
| `audio`, `video` | files, relative to the table's folder; empty where there is none |
| `start`, `end` | the utterance's span in them in seconds; empty for the whole file |
| `audio_start`, `audio_end` | where these are given, they are the sound's span, empty for the whole file: a wav file per sentence beside a video of the dialog |
| `side` | half of the picture that shows the speaker: whole, left, right |
| `transcript` | what is said |
| `speaker`, `session` | who and where |
| `sex` | the speaker's: female or male, f or m, woman or man |
| `split` | train, dev or test |
| `fold` | instead of `split`: the fold that tests on the utterance, while the others train on it; empty where all train on it |

Names of columns may be in capitals. Times may have a decimal comma, or minutes and hours, as
0:01:02.5. Paths may be absolute or lead elsewhere: the table is the user's own. The notes count
them.
"""  # noqa: E501  (a table cannot be wrapped)

import collections
import os
from pathlib import Path

from amh_tf import errors, schema
from amh_tf.corpora import json_lines, label_sets, recording, table_folds, text_files, timestamps

COLUMNS = (
    *("id", "audio", "video", "start", "end", "audio_start", "audio_end", "side"),
    *("transcript", "label", "speaker", "session", "sex", "split", "fold"),
)
SEXES = {
    **dict.fromkeys(("female", "f", "woman"), "female"),
    **dict.fromkeys(("male", "m", "man"), "male"),
    "": "",
}
# What pandas and spreadsheets write for nothing.
_NO_LABEL = ("nan", "NaN", "<NA>", "#N/A")
JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
LONGEST = 1e7  # seconds
MAX_COLUMNS = 1000


class _Line:
    """One line of a table, whose cells are checked when asked for."""

    def __init__(self, path, number, row, times):
        self._path, self._number, self._row, self._times = path, number, row, times

    def error(self, problem, expected, received):
        return text_files.error(self._path, self._number, problem, expected, received)

    def text(self, name):
        """Returns a cell on one line, or ""."""
        text = " ".join(self._row.get(name, "").split())
        if not text.isprintable():
            raise self.error(f"{name} cannot be shown", "printable characters", text)
        return text

    def words(self):
        """Returns the transcript on one line, or ""."""
        return text_files.clean(self._row.get("transcript", ""))

    def choice(self, name, choices):
        text = self.text(name).lower()  # spreadsheets begin a cell with a capital
        if text not in choices:
            expected = f"one of {', '.join(filter(None, choices))}, or nothing"
            raise self.error(f"{name} is not known", expected, text)
        return text

    def sex(self):
        """Returns "female", "male" or ""."""
        text = self.text("sex")
        if text.lower() not in SEXES:
            expected = f"one of {', '.join(filter(None, SEXES))}, or nothing"
            raise self.error("sex is not known", expected, text)
        return SEXES[text.lower()]

    def file(self, name):
        """Returns the path of a file, or None."""
        text = self._row.get(name, "")
        try:
            os.fsencode(text)
        except UnicodeEncodeError:  # half a surrogate pair
            text = "\0"
        if "\0" in text:
            raise self.error(f"{name} is not a path", "the name of a file", self._row[name])
        return str(self._path.parent / text) if text else None

    def span(self, prefix=""):
        """Returns start and end in seconds, or two Nones."""
        names = [f"{prefix}start", f"{prefix}end"]
        texts = [self.text(name) for name in names]
        if not any(texts):
            return None, None
        start, end = map(self._times.seconds, (self.error, self.error), names, texts)
        if not 0 <= start < end <= LONGEST:
            expected = "seconds from 0 on, the end after the start, or neither"
            raise self.error(f"{names[0]} and {names[1]} are not a time span", expected, texts)
        return start, end

    def has_own_audio_span(self):
        return "audio_start" in self._row or "audio_end" in self._row


def _utterance(line):
    """Returns label and fields of a line."""
    label, audio, video = line.text("label"), line.file("audio"), line.file("video")
    transcript = line.words()
    if not label or label in _NO_LABEL:
        raise line.error("the label is missing", "an emotion", label)
    if not (audio or video or transcript):
        raise line.error("the line is empty", "audio, video or a transcript", "none of them")
    span, own = line.span(), line.span("audio_")
    audio_span = own if line.has_own_audio_span() else span
    return label, {
        "id": line.text("id"),
        "group": video or audio or line.text("id"),
        "splits": (split,) if (split := line.choice("split", ("", *schema.SPLITS))) else (),
        "speaker": line.text("speaker"),
        "sex": line.sex(),
        "session": line.text("session"),
        "audio": audio,
        "audio_start": audio_span[0] if audio else None,
        "audio_end": audio_span[1] if audio else None,
        "video": video,
        "video_start": span[0] if video else None,
        "video_end": span[1] if video else None,
        "side": line.choice("side", ("", *recording.SIDES)) or "whole",
        "transcript": transcript or None,
    }


def _notes(path, labelled, columns):
    unused = sorted(columns - set(COLUMNS))
    if unused:
        yield f"Columns that are not read: {', '.join(unused)[:200]}."
    folder = os.path.join(os.path.abspath(path.parent), "")
    paths = {fields[name] for _, fields in labelled for name in ("audio", "video")} - {None}
    elsewhere = sorted(p for p in paths if not os.path.abspath(p).startswith(folder))
    if elsewhere:
        yield (
            f"{len(elsewhere):,} of its files are outside the table's folder, the first "
            f"{elsewhere[0]!r}."
        )
    for name in schema.MODALITIES:
        field = "transcript" if name == "text" else name
        absent = sum(fields[field] is None for _, fields in labelled)
        if absent:
            yield f"{absent:,} of {len(labelled):,} utterances have no {name}."


def read(path, labels=None, name=None, encoding=None):
    """Reads a table; no sound or picture is opened.

    Args:
        path: The file. JSON Lines by its ending, one of `JSON_ENDINGS`, or else CSV.
        labels: Label set, as `label_sets.parse` takes it. Defaults to all labels that occur,
            sorted.
        name: What to call the corpus. Defaults to the file's name.
        encoding: The table's encoding, as for `text_files.lines`.

    Returns:
        `amh_tf.corpora.recording.Corpus`, in the order of the table, but with the utterances
        of one file next to each other.

    Raises:
        ValueError: If there is no such file, a column is missing, a line cannot be read, or
            an id appears twice. The message names file and line.
    """
    path = Path(path)
    rows = json_lines.rows if path.suffix.lower() in JSON_ENDINGS else text_files.rows
    unique_ids, groups, columns = text_files.Seen(), collections.defaultdict(list), set()
    folds, times, read_notes = table_folds.Folds(), timestamps.Times(), []
    for number, row in rows(path, encoding, COLUMNS, ("id", "label"), read_notes):
        if len(columns) < MAX_COLUMNS:  # each line of JSON may have others
            columns.update(row)
        line = _Line(path, number, row, times)
        label, fields = _utterance(line)
        text_files.check_id(path, number, fields["id"])
        unique_ids.add(path, number, fields["id"])
        folds.add(line, fields["id"])
        groups[fields["group"]].append((label, fields))
    labelled = [utterance for group in groups.values() for utterance in group]
    if not labelled:
        raise errors.refusal(f"{str(path)!r} holds no utterance", "a line for each", "none")
    published = folds.apply(path, labelled)
    label_set = label_sets.parse(labels) if labels else label_sets.of_all(x for x, _ in labelled)
    recordings, notes = label_sets.choose(labelled, label_set)
    return recording.Corpus(
        name=name or path.name,
        synthetic=False,
        classes=label_set.classes,
        recordings=recordings,
        notes=(*read_notes, *times.notes(), *_notes(path, labelled, columns), *notes),
        **published,
    )
