"""IEMOCAP's own transcription of a dialog: who says what when.

    Ses01F_impro06_F000 [006.2901-008.2357]: Excuse me.

The dialog's name holds the gender of who sits on the left, the turn's of who speaks.
"""

from amh_tf.corpora import iemocap, text_files
from amh_tf.segments import segment

EXAMPLE = "Ses01F_impro06_F000 [006.2901-008.2357]: words"


def read(path, recording_name="", encoding=None):
    """Yields the `Segment`s of a transcription; noises are left out.

    Args:
        path: The file.
        recording_name: Not needed: as of all readers.
        encoding: As for `text_files.lines`.

    Raises:
        InputError: If a turn's name or times cannot be read.
    """
    del recording_name
    for number, name, times, words in iemocap.turns(path, encoding):
        dialog, _, turn = (name or "").rpartition("_")
        parts = iemocap.DIALOG.fullmatch(dialog), iemocap.TURN.fullmatch(turn)
        if not all(parts):
            raise text_files.error(path, number, "the line is not a turn", EXAMPLE, name)
        (session, first), gender = parts[0].groups(), parts[1][1]
        span = iemocap.seconds(path, number, times)
        side = iemocap.side(first, gender, "auto")
        yield segment.make(path, number, *span, f"Ses0{session}{gender}", words, side)
