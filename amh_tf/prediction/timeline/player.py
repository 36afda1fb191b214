"""What a page's player plays: the recording, in the page or beside it, or a copy for browsers."""

import base64
import dataclasses
import os
import urllib.parse
from pathlib import Path

from amh_tf import files, progress
from amh_tf.corpora import recording
from amh_tf.features import decoding, media
from amh_tf.prediction.timeline import choices, copying

# Larger recordings are not written into the page.
MOST_BYTES = 20 << 20
# For each ending what browsers play under it: the type, and the codings of its streams.
_PLAYED = {
    ".mp4": ("video/mp4", {"h264", "av1", "aac", "mp3", "opus"}),
    ".m4v": ("video/mp4", {"h264", "aac"}),
    ".webm": ("video/webm", {"vp8", "vp9", "av1", "opus", "vorbis"}),
    ".m4a": ("audio/mp4", {"aac"}),
    ".mp3": ("audio/mpeg", {"mp3"}),
    ".ogg": ("audio/ogg", {"vorbis", "opus"}),
    ".opus": ("audio/ogg", {"opus"}),
    ".flac": ("audio/flac", {"flac"}),
    ".wav": ("audio/wav", {"pcm_s16le"}),
}


@dataclasses.dataclass(frozen=True)
class Player:
    """What the page says of its player.

    Attributes:
        source: Address of what is played; "" for no player.
        shows: Whether there are pictures.
        notes: What the user should know, one line each.
    """

    source: str
    shows: bool
    notes: tuple = ()


def of(timeline, page, choice):
    """Finds what a page plays, and copies the recording where browsers would not play it.

    Args:
        timeline: `result.Timeline`.
        page: Path of the page.
        choice: One of `choices.MEDIA`: in the page if it is small, always beside it, or no player.

    Returns:
        `Player`.
    """
    shows = bool(timeline.video)
    path = timeline.video or timeline.audio
    if choice == "none":
        return Player("", shows)
    kind = _type(path)
    if kind is None or (timeline.video and timeline.audio != timeline.video):
        return _copied(timeline, page, choice)
    if choice == "auto" and os.path.getsize(path) <= MOST_BYTES:
        return Player(_within(path, kind), shows)
    source = urllib.parse.quote(os.path.relpath(path, page.parent))
    note = f"The page plays {path} from where it is: keep it there, or move both together."
    return Player(source, shows, (note,))


def _type(path):
    """Returns the media type of a file that browsers play, or None."""
    kind, codings = _PLAYED.get(Path(path).suffix.lower(), (None, set()))
    try:
        with media.container(path, None) as (container, _):
            streams = [*container.streams.video, *container.streams.audio]
            names = {s.codec_context.name for s in streams if s.codec_context}
    except (recording.BadRecording, ImportError):
        # Without the extra `media`, what is read is WAV.
        return kind if kind == "audio/wav" else None
    # Decoders are called otherwise than their codings here and there.
    plain = {name.removeprefix("lib").removesuffix("float").split("-")[0] for name in names}
    plain = {{"dav1d": "av1"}.get(name, name) for name in plain}
    return None if not plain or plain - codings else kind


def _within(path, kind):
    encoded = base64.b64encode(Path(path).read_bytes()).decode("ascii")
    return f"data:{kind};base64,{encoded}"


def _copied(timeline, page, choice):
    """Writes a copy that browsers play, into the page or beside it."""
    copy = choices.copy_beside(page)
    total = decoding.seconds(timeline.video or timeline.audio) or 1
    with (
        progress.bar(total, "copying for browsers", "seconds") as bar,
        files.replacing(copy) as temporary,
    ):
        copying.copy(timeline.video, timeline.audio, temporary, bar)
    shows = bool(timeline.video)
    if choice == "auto" and copy.stat().st_size <= MOST_BYTES:
        source = _within(copy, "video/mp4" if shows else "audio/mp4")
        copy.unlink()
        return Player(source, shows)
    note = f"The page plays a copy, {copy}: keep both together."
    return Player(urllib.parse.quote(copy.name), shows, (note,))
