"""What reading sound and reading pictures share: damage named, libraries, safe containers."""

import contextlib
import importlib
import math
import os
from pathlib import Path

from amh_tf.corpora import recording

# The package of the extra `media` that each module comes with.
_PACKAGES = {"av": "av", "soundfile": "soundfile", "safetensors.numpy": "safetensors"}

# Real recordings alone. Playlists and scripts, which name further files or addresses, and
# formats that take any garbage for a picture of text, are left out.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,flv,asf,mpeg,mpegts,gif,mp3,aac,loas,ac3,eac3,wav,"
    "w64,aiff,au,caf,flac,ogg,amr,tta,wv,voc,nistsphere"
)
# A file is taken whole where it ends this little before it should, in seconds: containers
# round, and encoders pad.
LENIENCE = 0.25
# Samples of each channel that are decoded at a time: an hour of several channels is gigabytes.
BLOCK = 1 << 16
# What is worth saying of a file that is read all the same.
LATE, UNDECLARED, FACELESS, LONG_TEXT = "late", "undeclared", "faceless", "long text"
_SAID = {
    LATE: (
        "In {} sound and picture do not begin together: times are those of the whole video, and "
        "what has not begun yet is silence, or no picture."
    ),
    UNDECLARED: (
        "{} not say how long the recording is: it is read to the end, and a cut may go unnoticed."
    ),
    FACELESS: (
        "In {} no face is found: features are made of the speaker's half of the picture, or of the "
        "whole where no half is known."
    ),
    LONG_TEXT: (
        "{} longer than the encoder has positions for: of each the words that fit are read."
    ),
}
_COUNTED = {
    LATE: ("one file", "{:,} files"),
    UNDECLARED: ("One file does", "{:,} files do"),
    FACELESS: ("one utterance", "{:,} utterances"),
    LONG_TEXT: ("One text is", "{:,} texts are"),
}


def library(name):
    """Imports a module of an optional package.

    Raises:
        ImportError: If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: soundfile without libsndfile
        raise ImportError(
            f"The package {_PACKAGES[name]!r} cannot be imported. Expected it for reading raw "
            f"recordings. Received: {error}. Install it with: pip install 'amh_tf[media]'"
        ) from error


def bad(path, problem, expected, received):
    """Makes the `BadRecording` that names a file and what is wrong with it."""
    return recording.BadRecording(
        f"{str(path)!r} {problem}. Expected {expected}. Received: {received}."
    )


def check_file(path):
    """Refuses what is not a file, or an empty one.

    Raises:
        BadRecording: If so.
    """
    path = Path(path)
    try:
        if not path.is_file():
            received = "a folder" if path.is_dir() else "none"
            raise bad(path, "is missing", "a file", received)
        if not path.stat().st_size:
            raise bad(path, "is empty", "a recording", "0 bytes")
        with open(path, "rb"):
            return
    except (OSError, ValueError) as error:
        if isinstance(error, recording.BadRecording):
            raise
        raise bad(path, "cannot be opened", "a readable file", error) from error


def check_span(path, start, end):
    """Refuses what is not a span of time.

    Args:
        path: The file, for the message.
        start, end: Seconds, or None for the file's own.

    Raises:
        BadRecording: If a time is negative or not a number, or the span is empty.
    """
    first, last = 0 if start is None else start, math.inf if end is None else end
    if not (0 <= first < last and math.isfinite(first)):
        raise bad(
            path,
            "is to be read over no span of time",
            "0 <= start < end, in seconds",
            f"start={start}, end={end}",
        )


@contextlib.contextmanager
def container(path, kind):
    """Opens a file with FFmpeg's libraries.

    Args:
        path: The file.
        kind: "audio" or "video", or None for no stream in particular.

    Yields:
        The `av` container and its first stream of that kind, or None.

    Raises:
        BadRecording: If it cannot be opened or has no such stream.
    """
    av = library("av")
    check_file(path)
    options = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    try:
        file = av.open(os.path.abspath(path), options=options, metadata_errors="replace")
    except av.ArgumentError as error:  # FFmpeg knows the format, which is not in the list
        expected = "WAV, FLAC, MP4, Matroska or the like; `ffmpeg -i FILE FILE.mkv` converts it"
        problem, received = "is of a format that is not read here", "another of FFmpeg's"
        raise bad(path, problem, expected, received) from error
    except (av.FFmpegError, ValueError, OverflowError) as error:
        raise bad(path, "cannot be read", "a whole recording", short(error)) from error
    with file:
        if kind is None:
            yield file, None
            return
        streams = getattr(file.streams, kind)
        if not streams:
            kinds = sorted({stream.type for stream in file.streams}) or ["no stream"]
            content = {"audio": "sound", "video": "picture"}[kind]
            raise bad(path, f"has no {content}", f"a stream of {kind}", ", ".join(kinds))
        yield file, streams[0]


def say(note, count):
    """Says a note of one or several files, or of utterances.

    Args:
        note: `LATE`, `UNDECLARED`, `FACELESS` or `LONG_TEXT`.
        count: Number of files; for the last two, of utterances.
    """
    one, several = _COUNTED[note]
    return _SAID[note].format(one if count == 1 else several.format(count))


def short(error):
    """Says in a few words what a library has complained of."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)[:200]
