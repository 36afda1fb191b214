"""Films whose pictures are numbered, and which of them a span of time must give."""

import fractions
import math
import random

from amh_tf.features import video

NTSC = fractions.Fraction(30000, 1001)
FILMS = {
    "plain.avi": {"codec": "mpeg4"},
    "b_frames.avi": {"codec": "mpeg4", "b_frames": 2},
    "late.avi": {"codec": "libx264", "b_frames": 2},
    "ntsc.avi": {"codec": "mjpeg", "rate": NTSC},
    "b_frames.mp4": {"b_frames": 2},
    "ntsc.mp4": {"b_frames": 2, "rate": NTSC},
    "offset.mp4": {"b_frames": 2, "first": 15},
    "b_frames.mkv": {"b_frames": 2},
}


def wanted(start, end, rate):
    """Numbers of the pictures of a span, by arithmetic alone; times are decimal texts."""
    start, end = fractions.Fraction(start), fractions.Fraction(end)
    count = math.ceil((end - start) * 3)
    return [math.floor((start + fractions.Fraction(k, 3)) * rate) for k in range(count)]


def random_spans(count, seconds, longest=10):
    generator = random.Random(0)
    spans = []
    for _ in range(count):
        start = generator.uniform(0, seconds - 0.01)
        end = generator.uniform(start + 0.001, min(seconds, start + longest))
        spans.append((f"{start:.4f}", f"{end:.4f}"))
    return spans


def collect(path, spans, **options):
    """Returns what each span got, in the order of the spans."""
    got = dict(video.frames_of(path, spans, **options))
    assert sorted(got) == list(range(len(spans)))
    return [got[index] for index in range(len(spans))]
