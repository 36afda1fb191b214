"""Reads what a recording holds, and compares how long it is with what its corpus says."""

from amh_tf.corpora import recording
from amh_tf.features import audio, decoding, video

# How much longer or shorter than its corpus says a recording may be: clips are cut where a film can
# be cut, and tables are written by people.
TIMES, SECONDS = 2.0, 5.0
# Nobody speaks for longer at a time: in the corpora that say how long they do, 41 s at most.
LONGEST_SECONDS = 60.0


class WrongLength(recording.BadRecording):
    """A recording that holds more, or less, than its utterance."""


def sound(utterance, notes=None):
    """Reads the sound of a recording.

    Args:
        utterance: `recording.Recording`.
        notes: As for `decoding.load_audio`.

    Returns:
        `(samples,)` float32 at 16 kHz, long enough for a step of features.

    Raises:
        BadRecording: If it cannot be read, is too short, or of another length than its corpus
            says.
    """
    waveform = decoding.load_audio(
        utterance.audio, utterance.audio_start, utterance.audio_end, notes
    )
    _check_steps(utterance.audio, waveform)
    if utterance.audio_end is None:
        check_length(utterance, utterance.audio, len(waveform) / audio.SAMPLE_RATE)
    return waveform


def sounds(path, recordings, notes=None):
    """Reads the sound of spans that share a file, which is decoded once.

    Args:
        path: The file.
        recordings: Sequence of `recording.Recording`, each with a span.
        notes: As for `decoding.load_audio`.

    Returns:
        Iterator; for each recording, in any order: its place in `recordings`; its sound, as
        `sound` reads it, or None; and None, or the `BadRecording` that says why.
    """
    spans = [(utterance.audio_start, utterance.audio_end) for utterance in recordings]
    waveforms = decoding.spans_of(path, spans, notes)
    return _each(len(spans), waveforms, lambda _, waveform: _check_steps(path, waveform))


def _each(count, parts, check):
    """Yields every place once, with its part of a file, or with the problem that it has."""
    waiting = set(range(count))
    try:
        for place, part in parts:
            waiting.discard(place)
            try:
                if isinstance(part, recording.BadRecording):
                    raise part
                check(place, part)
            except recording.BadRecording as problem:
                yield place, None, problem
            else:
                yield place, part, None
    except recording.BadRecording as problem:
        for place in sorted(waiting):
            yield place, None, problem


def _check_steps(path, waveform):
    """Refuses a sound that is too short for a step of features."""
    if not audio.num_frames(len(waveform)):
        raise WrongLength(
            f"{path!r} is too short. Expected at least {audio.FRAME_LENGTH} samples "
            f"at 16 kHz. Received: {len(waveform)}."
        )


def films(path, recordings, short_side, notes=None, most=None, most_pixels=None):
    """Reads the pictures of recordings that share a film, which is decoded once.

    Args:
        path: The film.
        recordings: Sequence of `recording.Recording`.
        short_side, notes, most, most_pixels: As for `video.frames_of`.

    Returns:
        Iterator; for each recording, in any order: its place in `recordings`; its pictures,
        `(time, height, width, 3)` uint8, or None; and None, or the `BadRecording` that says why.
    """
    spans = [
        (utterance.video_start, utterance.video_end, utterance.side) for utterance in recordings
    ]
    counts = {}

    def check(place, _):
        if recordings[place].video_end is None:
            check_length(recordings[place], path, counts[place] / video.PICTURES_PER_SECOND)

    frames = video.frames_of(path, spans, short_side, notes, most, counts, most_pixels)
    return _each(len(spans), frames, check)


def check_length(utterance, path, seconds):
    """Refuses a file that is far longer or shorter than the corpus' own times.

    Args:
        utterance: `recording.Recording`.
        path: Its file.
        seconds: How long it is.

    Raises:
        WrongLength: If it is.
    """
    stated = utterance.seconds
    if stated is None:
        return
    expected = f"about {stated:.1f} s, by the times in the corpus"
    least, most = stated / TIMES - SECONDS, min(TIMES * stated + SECONDS, LONGEST_SECONDS)
    if stated > LONGEST_SECONDS:  # then it is the times that are wrong
        expected = f"at most {LONGEST_SECONDS:.0f} s; the times in the corpus say {stated:.1f} s"
        least = 0
    if not least <= seconds <= most:
        too = "long" if seconds > most else "short"
        raise WrongLength(f"{path!r} is too {too}. Expected {expected}. Received: {seconds:.1f} s.")
