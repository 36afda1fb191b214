"""Whether a file is a video or a sound."""

from amh_tf.features import media, sphere, timeline, wav


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
    if wav.is_wav(start) or start.startswith((sphere.MAGIC, b"fLaC")):  # read without FFmpeg
        return False
    with media.container(path, None) as (container, _):
        return not all(map(timeline.is_cover, container.streams.video))
