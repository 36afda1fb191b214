import fractions
import math
import random
import struct

import av
import numpy as np
import pytest

from amh_tf.corpora import recording
from amh_tf.features import video
from tests.features import media_files

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


@pytest.mark.parametrize("name", FILMS)
def test_pictures_of_spans_are_exact(tmp_path, name):
    media_files.write_picture(tmp_path / name, frames=90, **FILMS[name])
    rate = FILMS[name].get("rate", 30)
    # Without 1/3 s and 2/3 s in Matroska, whose times are whole milliseconds.
    spans = random_spans(40, 2.9) + [("0", "0.3" if name.endswith("mkv") else "2.9")]
    got = collect(tmp_path / name, [(float(a), float(b), "whole") for a, b in spans])
    for span, found in zip(spans, got, strict=True):
        assert media_files.numbers(found) == wanted(*span, rate)


@pytest.mark.parametrize("name", ["plain.avi", "ntsc.mp4", "offset.mp4"])
def test_whole_film_is_a_span(tmp_path, name):
    media_files.write_picture(tmp_path / name, frames=61, **FILMS[name])
    rate = FILMS[name].get("rate", fractions.Fraction(30))
    whole, rest, start = collect(
        tmp_path / name, [(None, None, "whole"), (0.5, None, "whole"), (None, 1.0, "whole")]
    )
    assert media_files.numbers(whole) == wanted(0, 61 / rate, rate)
    assert media_files.numbers(rest) == wanted("0.5", 61 / rate, rate)
    assert media_files.numbers(start) == wanted(0, 1, rate)


def test_written_times_count_not_their_binary_form(tmp_path):
    media_files.write_picture(tmp_path / "a.mp4", frames=90)
    # 0.3 and 2.3 in binary are a little less than 9/30 and 69/30.
    early, late = collect(tmp_path / "a.mp4", [(0.3, 1.3, "whole"), (2.3, 2.6, "whole")])
    assert media_files.numbers(early) == [9, 19, 29]
    assert media_files.numbers(late) == [69]


def test_sides_are_the_halves_of_the_picture(tmp_path):
    def draw(number):
        left = media_files.numbered(number, (64, 64))
        right = media_files.numbered(number + 100, (64, 64))
        return np.concatenate([left, right], axis=1)

    media_files.write_picture(tmp_path / "a.mp4", frames=30, size=(128, 64), draw=draw)
    spans = [(0.0, 1.0, side) for side in ("left", "right", "whole")]
    left, right, whole = collect(tmp_path / "a.mp4", spans, short_side=None)
    assert left.shape == right.shape == (3, 64, 64, 3)
    assert whole.shape == (3, 64, 128, 3)
    assert media_files.numbers(left) == [0, 10, 20]
    assert media_files.numbers(right) == [100, 110, 120]


def test_pictures_are_scaled_to_a_shorter_side_of_256(tmp_path):
    media_files.write_picture(tmp_path / "a.mp4", frames=12, size=(96, 64))
    left, whole = collect(tmp_path / "a.mp4", [(0, 0.3, "left"), (0, 0.3, "whole")])
    assert left.shape == (1, 341, 256, 3)
    assert whole.shape == (1, 256, 384, 3)
    assert left.dtype == whole.dtype == np.uint8


def test_turned_film_is_turned_back(tmp_path):
    path = tmp_path / "phone.mp4"
    upright = np.zeros((64, 96, 3), np.uint8)
    upright[:, :48] = 255  # as stored, the left half is white
    media_files.write_picture(path, frames=12, size=(96, 64), draw=lambda _: upright)
    data = bytearray(path.read_bytes())
    # ISO 14496-12: the matrix (0 1; -1 0) shows the film turned clockwise by 90 degrees.
    matrix = data.index(b"tkhd") + 4 + 40
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    (shown,) = collect(path, [(0, 0.3, "whole")], short_side=None)
    assert shown.shape == (1, 96, 64, 3)
    assert shown[0, :40].min() > 200 and shown[0, -40:].max() < 50


def test_file_is_opened_once_and_spans_come_when_complete(tmp_path, monkeypatch):
    media_files.write_picture(tmp_path / "a.mp4", frames=90)
    opened = []
    original = av.open
    monkeypatch.setattr(av, "open", lambda *a, **k: opened.append(a) or original(*a, **k))
    spans = [(2.0, 2.5, "left"), (0.0, 2.9, "whole"), (0.1, 0.2, "right"), (0.1, 1.0, "left")]
    order = [index for index, _ in video.frames_of(tmp_path / "a.mp4", spans)]
    assert order == [2, 3, 0, 1]
    assert len(opened) == 1


def test_no_spans_need_no_file(tmp_path):
    assert list(video.frames_of(tmp_path / "absent.mp4", [])) == []


@pytest.mark.parametrize("name", ["plain.avi", "ntsc.avi", "late.avi", "b_frames.mkv"])
def test_truncated_film_fails_the_spans_that_miss_pictures(tmp_path, name):
    path = tmp_path / name
    media_files.write_picture(path, frames=90, **FILMS[name])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    rate, held = FILMS[name].get("rate", 30), sum(size > 0 for _, size, _ in packets(path))
    assert 8 < held < 80
    # The last may be cut itself; where pictures are stored out of order, others go with it.
    doubtful = 4 if "b_frames" in FILMS[name] or name == "late.avi" else 1
    spans = random_spans(60, 2.9, longest=0.7)
    got = collect(path, [(float(a), float(b), "whole") for a, b in spans] + [(None, None, "left")])
    num_good = 0
    for span, found in zip(spans, got[:-1], strict=True):
        numbers = wanted(*span, rate)
        if max(numbers) < held - doubtful:
            num_good += 1
            assert media_files.numbers(found) == numbers
        elif max(numbers) >= held:
            assert isinstance(found, recording.BadRecording)
            assert name in str(found)
    assert 2 < num_good < 57
    assert isinstance(got[-1], recording.BadRecording)


def packets(path):
    """Returns where each coded picture lies in the file, and whether it stands for itself."""
    with av.open(str(path)) as container:
        return [(p.pos, p.size, p.is_keyframe) for p in container.demux(video=0) if p.size]


@pytest.mark.parametrize("name", ["ntsc.avi", "plain.avi", "plain.mp4"])
@pytest.mark.parametrize("damaged", [40, 48])
def test_damaged_picture_fails_the_spans_that_need_it(tmp_path, name, damaged):
    path = tmp_path / name
    film = {"plain.mp4": {"codec": "mpeg4"}, **FILMS}[name]
    noise = np.random.default_rng(0).integers(0, 256, (8, 64, 3), np.uint8)

    def draw(number):  # moves, so that a picture needs the one before
        return np.roll(np.repeat(noise, 8, axis=0), number, axis=1)

    media_files.write_picture(path, frames=90, draw=draw, **film)
    coded = packets(path)
    position, size, _ = coded[damaged]
    data = bytearray(path.read_bytes())
    data[position + 8 : position + size] = bytes(size - 8)
    path.write_bytes(data)
    # It and those that follow, up to the next that stands for itself.
    good_again = next(n for n in range(damaged + 1, 90) if coded[n][2])
    rate = film.get("rate", 30)
    spans = [(f"{start / 30 + 0.011:.4f}", f"{start / 30 + 0.02:.4f}") for start in range(85)]
    got = collect(path, [(float(a), float(b), "whole") for a, b in spans])
    for span, found in zip(spans, got, strict=True):
        (number,) = wanted(*span, rate)
        is_bad = isinstance(found, recording.BadRecording)
        assert is_bad == (damaged <= number < good_again), number


def refuse(path, problem, spans=((0.0, 0.5, "whole"),)):
    with pytest.raises(recording.BadRecording, match=problem) as caught:
        list(video.frames_of(path, list(spans)))
    assert path.name in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"garbage" * 1000, "cannot be read"),
        (bytes(10000), "cannot be read"),
        (b"RIFF\xff\xff\0\0AVI LIST", "cannot be read|has no picture"),
        (b"#EXTM3U\n#EXTINF:1,\nother.mp4\n", "cannot be read"),
    ],
)
def test_damaged_file_is_refused_by_name(tmp_path, content, problem):
    media_files.write_picture(tmp_path / "other.mp4", frames=20)
    (tmp_path / "damaged.avi").write_bytes(content)
    refuse(tmp_path / "damaged.avi", problem)


def test_missing_file_is_refused(tmp_path):
    refuse(tmp_path / "absent.avi", "is missing")


def test_file_without_its_index_is_refused(tmp_path):
    path = tmp_path / "cut.mp4"
    media_files.write_picture(path, frames=20)
    path.write_bytes(path.read_bytes()[:-200])
    refuse(path, "cannot be read")


def test_sound_without_picture_is_refused(tmp_path):
    media_files.write_sound(tmp_path / "sound.mp4", "aac")
    refuse(tmp_path / "sound.mp4", "has no picture.*audio")


@pytest.mark.parametrize(
    ("span", "problem"),
    [
        ((0.5, 0.5, "left"), "no span of time"),
        ((math.nan, 0.5, "left"), "no span of time"),
        ((-1.0, 0.5, "left"), "no span of time"),
        ((1.0, 3.5, "left"), "does not hold the span"),
        ((3.2, None, "left"), "does not hold the span"),
        ((5.0, 6.0, "left"), "does not hold the span"),
    ],
)
def test_impossible_span_fails_alone(tmp_path, span, problem):
    media_files.write_picture(tmp_path / "a.mp4", frames=90)
    good, bad, last = collect(tmp_path / "a.mp4", [(0.0, 0.3, "left"), span, (2.6, 3.0, "left")])
    assert good.shape[0] == 1 and last.shape[0] == 2
    assert isinstance(bad, recording.BadRecording)
    assert problem in str(bad) and "a.mp4" in str(bad)


def test_span_may_end_a_rounding_after_the_film(tmp_path):
    media_files.write_picture(tmp_path / "a.mp4", frames=90)
    (found,) = collect(tmp_path / "a.mp4", [(2.02, 3.06, "whole")])
    assert media_files.numbers(found) == [60, 70, 80, 89]


def test_unknown_side_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'whole', 'left', 'right'.*Received: 'top'"):
        list(video.frames_of(tmp_path / "a.mp4", [(0, 1, "top")]))


@pytest.mark.parametrize("name", ["plain.avi", "b_frames.mp4"])
def test_flipped_bytes_give_pictures_or_a_bad_recording(tmp_path, name):
    flips = random.Random(0)
    path = tmp_path / name
    media_files.write_picture(path, frames=20, **FILMS[name])
    whole = path.read_bytes()
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(20):
            data[flips.randrange(len(data))] = flips.randrange(256)
        path.write_bytes(data)
        try:
            got = collect(path, [(0.0, 0.3, "left"), (None, None, "whole")])
        except recording.BadRecording as error:
            got = [error]
        for found in got:
            assert isinstance(found, np.ndarray) or name in str(found)


def test_pictures_that_are_not_kept_are_counted_and_looked_at(tmp_path):
    path = tmp_path / "a.avi"
    media_files.write_picture(path, frames=90, codec="mjpeg")
    spans, counts = [(0.0, 2.9, "whole"), (None, None, "whole"), (1.0, 1.3, "whole")], {}
    got = collect(path, spans, most=2, counts=counts)
    assert [media_files.numbers(found) for found in got] == [[0, 10], [0, 10], [30]]
    assert counts == {0: 9, 1: 9, 2: 1}
    path.write_bytes(path.read_bytes()[:-4000])
    assert isinstance(collect(path, spans[1:2], most=2)[0], recording.BadRecording)


def test_film_of_more_than_the_most_seconds_is_refused(tmp_path, monkeypatch):
    media_files.write_picture(tmp_path / "a.mp4", frames=90)
    monkeypatch.setattr(video, "_MAX_SECONDS", 2)
    (found,) = collect(tmp_path / "a.mp4", [(None, None, "whole")], most=1)
    assert "too much for an utterance" in str(found)


def test_large_pictures_are_scaled_down_to_a_number_of_pixels(tmp_path):
    media_files.write_picture(tmp_path / "a.mp4", frames=30, size=(128, 64))
    spans = [(0.0, 0.9, "whole"), (0.0, 0.9, "left")]
    whole, half = collect(tmp_path / "a.mp4", spans, short_side=None, most_pixels=64 * 64)
    assert whole.shape == (3, 45, 90, 3) and half.shape == (3, 64, 64, 3)
    assert media_files.numbers(half) == [0, 10, 20]
