"""What can be chosen of a timeline; nothing heavy is imported here."""

import os
from pathlib import Path

from amh_tf import errors

# For each ending of an output the format.
ENDINGS = {
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".json": "json",
    ".srt": "srt",
    ".vtt": "vtt",
    ".textgrid": "textgrid",
}
FORMATS = tuple(dict.fromkeys(ENDINGS.values()))
# What a page plays: the recording, inside where it is small; always beside the page; nothing.
MEDIA = ("auto", "link", "none")
# Those of a segment itself, as `predict` has them, or those of all segments of its speaker.
SPEAKER_STATISTICS = ("segment", "recording")


def format_of(path, kind=None):
    """Returns the format of an output.

    Args:
        path: The output.
        kind: The format that was asked for, or None to go by the file's ending.

    Raises:
        InputError: If there is no such format, or the ending names none.
    """
    if kind is not None:
        if kind not in FORMATS:
            raise errors.unknown("format", kind, FORMATS, flag="format")
        return kind
    ending = Path(os.fspath(path)).suffix.lower()
    if ending not in ENDINGS:
        raise errors.refusal(
            "The format of the output is not known",
            f"a name that ends in {', '.join(ENDINGS)}, or a format",
            f"{os.fspath(path)!r}",
            "Set it with --output or --format.",
        )
    return ENDINGS[ending]


def check_output(path, sources):
    """Refuses an output that would replace what is read.

    Args:
        path: The output; there may be none yet.
        sources: What is read; that which is no path, such as "", cannot be replaced.

    Raises:
        InputError: If it is one of them.
    """
    paths = [source for source in sources if isinstance(source, (str, os.PathLike))]
    for written in filter(os.path.exists, (path, copy_beside(path))):
        if any(os.path.exists(source) and os.path.samefile(written, source) for source in paths):
            raise errors.refusal(
                "The output is a file that is read",
                "another name",
                f"{os.fspath(written)!r}",
                "Set it with --output.",
            )


def copy_beside(page):
    """Returns the path of the copy of a recording that is written beside a page."""
    return Path(page).with_suffix(".media.mp4")


def check_media(media):
    """Refuses what is none of `MEDIA`."""
    if media not in MEDIA:
        raise errors.unknown("media", media, MEDIA, flag="media")
