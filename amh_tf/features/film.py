"""Whether a file is a video or a sound."""

from amh_tf.corpora import recording
from amh_tf.features import media, sized, sound_readers, sphere, timeline, wav


def is_film(path):
    """Returns whether a file has pictures, covers of records aside.

    Args:
        path: The file.

    Raises:
        BadRecording: If it cannot be read.
        ImportError: If the extra `media` is needed and not installed.
    """
    media.check_file(path)
    with open(path, "rb") as file:
        start = file.read(32)
    is_sound = wav.is_wav(start) or sized.is_sized(start)
    if is_sound or start.startswith((sphere.MAGIC, b"fLaC")):  # read without FFmpeg
        return False
    try:
        with media.container(path, None) as (container, _):
            return not all(map(timeline.is_cover, container.streams.video))
    except recording.BadRecording:
        if sound_readers.is_rare(path):
            return False
        raise
