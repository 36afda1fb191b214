"""Films that are cut, damaged, or none: what needs the damage fails, by name, and nothing else."""

import random

import av
import numpy as np
import pytest

from amh_tf.corpora import recording
from amh_tf.features import video
from tests.features import films, media_files


@pytest.mark.parametrize("name", ["plain.avi", "ntsc.avi", "late.avi", "b_frames.mkv"])
def test_truncated_film_fails_the_spans_that_miss_pictures(tmp_path, name):
    path = tmp_path / name
    media_files.write_picture(path, frames=90, **films.FILMS[name])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    rate, held = films.FILMS[name].get("rate", 30), sum(size > 0 for _, size, _ in packets(path))
    assert 8 < held < 80
    # The last may be cut itself; where pictures are stored out of order, others go with it.
    doubtful = 4 if "b_frames" in films.FILMS[name] or name == "late.avi" else 1
    spans = films.random_spans(60, 2.9, longest=0.7)
    got = films.collect(
        path, [(float(a), float(b), "whole") for a, b in spans] + [(None, None, "left")]
    )
    num_good = 0
    for span, found in zip(spans, got[:-1], strict=True):
        numbers = films.wanted(*span, rate)
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
    film = {"plain.mp4": {"codec": "mpeg4"}, **films.FILMS}[name]
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
    got = films.collect(path, [(float(a), float(b), "whole") for a, b in spans])
    for span, found in zip(spans, got, strict=True):
        (number,) = films.wanted(*span, rate)
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


@pytest.mark.parametrize("name", ["plain.avi", "b_frames.mp4"])
def test_flipped_bytes_give_pictures_or_a_bad_recording(tmp_path, name):
    flips = random.Random(0)
    path = tmp_path / name
    media_files.write_picture(path, frames=20, **films.FILMS[name])
    whole = path.read_bytes()
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(20):
            data[flips.randrange(len(data))] = flips.randrange(256)
        path.write_bytes(data)
        try:
            got = films.collect(path, [(0.0, 0.3, "left"), (None, None, "whole")])
        except recording.BadRecording as error:
            got = [error]
        for found in got:
            assert isinstance(found, np.ndarray) or name in str(found)
