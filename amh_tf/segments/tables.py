"""Segments in a CSV table, with the columns start, end, speaker, text and side."""

import csv
import functools
import io
import math

from amh_tf import escaping
from amh_tf.corpora import text_files, timestamps
from amh_tf.segments import segment

COLUMNS = ("start", "end", "speaker", "text", "side")
# Columns that this package adds to those, before one for each class.
EMOTION, PROBLEM = "emotion", "problem"


def read(path, recording_name="", encoding=None):
    """Yields the `Segment`s of a CSV file, whose header names the columns.

    Args:
        path: The file.
        recording_name: Not needed: as of all readers.
        encoding: As for `text_files.lines`.

    Raises:
        InputError: If start or end is missing, or a row cannot be read.
    """
    del recording_name
    reader = timestamps.Times()
    for number, row in text_files.rows(path, encoding, COLUMNS, ("start", "end")):
        error = functools.partial(text_files.error, path, number)
        start, end = (_seconds(reader, error, name, row[name]) for name in ("start", "end"))
        speaker, text, side = (row.get(name, "") for name in COLUMNS[2:])
        if EMOTION in row:  # this package marks what a spreadsheet would compute
            speaker, text = escaping.from_cell(speaker), escaping.from_cell(text)
        yield segment.make(path, number, start, end, speaker, text, side)
    reader.notes()  # refuses a comma that may group thousands


def _seconds(reader, error, name, text):
    seconds = reader.seconds(error, name, text.strip())
    if math.isnan(seconds):
        expected = "seconds or hours, minutes and seconds, such as 62.5 or 0:01:02.5"
        raise error("the time is wrong", expected, text)
    return seconds


def text(entries, classes):
    """Returns the text of a table of segments and their probabilities.

    Args:
        entries: Sequence of (`Segment`, emotion, probabilities, problem): the likeliest class and a
            dict from class to probability, "" and {} where there is a problem.
        classes: Class names.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    shares = [escaping.cell(f"p_{name}") for name in classes]
    writer.writerow([*COLUMNS, EMOTION, *shares, PROBLEM])
    for spoken, emotion, probabilities, problem in entries:
        names = map(escaping.cell, (spoken.speaker, spoken.text or ""))
        times = (str(round(time, 6)) for time in (spoken.start, spoken.end))
        cells = [*times, *names, spoken.side or ""]
        values = [f"{probabilities[name]:.7f}" if probabilities else "" for name in classes]
        writer.writerow([*cells, escaping.cell(emotion), *values, escaping.cell(problem)])
    return file.getvalue()
