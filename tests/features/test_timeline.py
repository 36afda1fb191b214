"""Sound and pictures of a film are read at the times of the film, whichever begins first."""

import fractions
import math
import struct

import numpy as np
import pytest

from amh_tf.corpora import recording
from amh_tf.features import decoding, media, video
from tests.features import matrix_files, media_checks, media_files
from tests.features.matrix_files import Film

LATE_SOUND = [
    Film("mp4", "libx264", "aac", b_frames=2, offset=1.0),
    Film("mov", "mjpeg", "pcm_s16le", fractions.Fraction(25), offset=0.5),
    Film("mkv", "libx264", "aac", b_frames=2, offset=1.0),
    Film("mkv", "libx264", "pcm_s16le", offset=0.75, options=(("live", "1"),)),
    Film("webm", "libvpx", "libopus", offset=1.5),
    Film("flv", "libx264", "aac", b_frames=2, offset=1.0),
    Film("ts", "libx264", "aac", offset=1.0),
    Film("avi", "mpeg4", "libmp3lame", b_frames=1, offset=1.0),
    Film("avi", "libx264", "libmp3lame", fractions.Fraction(25), offset=1.0),
]
LATE_PICTURE = [
    Film("mkv", "libx264", "aac", b_frames=2, offset=-0.5),
    Film("webm", "libvpx", "libopus", offset=-1.0),
    Film("flv", "libx264", "aac", offset=-1.0),
    Film("ts", "libx264", "aac", b_frames=2, offset=-0.75),
]


@pytest.mark.parametrize("film", [*LATE_SOUND, *LATE_PICTURE], ids=lambda film: film.name)
def test_streams_that_begin_apart_are_read_apart(tmp_path, film):
    wrong, *_ = media_checks.check_film(film, tmp_path)
    assert not wrong


@pytest.mark.parametrize("film", LATE_SOUND, ids=lambda film: film.name)
def test_span_is_a_piece_of_the_whole_sound(tmp_path, film):
    path = tmp_path / f"film.{film.ending}"
    matrix_files.write_film(film, path)
    notes = set()
    whole = decoding.load_audio(path, notes=notes)
    assert media.LATE in notes
    for start, end in ((0.0, 0.5), (0.3, 2.2), (1.6, 3.0)):
        piece = decoding.load_audio(path, start, end)
        expected = whole[round(16000 * start) : round(16000 * end)]
        np.testing.assert_allclose(piece, expected, rtol=0, atol=1e-6)
    assert not decoding.load_audio(path, 0.0, 0.4)[:-400].any()


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_pictures_that_have_not_begun_are_not_there(tmp_path, ending):
    path = tmp_path / f"late.{ending}"
    codecs = ("libvpx", "libopus") if ending == "webm" else ("libx264", "aac")
    if ending == "mp4":  # FFmpeg's writer would cut the sound off
        matrix_files.write_film(Film(ending, *codecs), path)
        put_off(path, 1.0)
    else:
        matrix_files.write_film(Film(ending, *codecs, offset=-1.0), path)
    spans = [(0.0, 0.8, "whole"), (0.0, 2.0, "whole"), (2.0, 3.0, "whole"), (0.5, 1.5, "whole")]
    notes = set()
    found = dict(video.frames_of(path, spans, short_side=None, notes=notes))
    assert notes == {media.LATE}
    assert len(found[0]) == 0
    assert media_files.numbers(found[1]) == [0, 10, 20]
    assert media_files.numbers(found[2]) == [30, 40, 50]
    assert media_files.numbers(found[3]) == [5]


def put_off(path, seconds):
    """Makes the pictures of an MP4 file begin later, with an edit list as phones write it."""
    data = bytearray(path.read_bytes())
    at = data.index(b"elst")  # of the first track, the pictures
    duration, media_time = struct.unpack_from(">Ii", data, at + 12)
    edit(data, at, [(round(1000 * seconds), -1), (duration, media_time)])
    path.write_bytes(data)


def edit(data, at, entries):
    """Puts entries of (milliseconds, place in the track) for the one of an edit list."""
    assert data[at + 4 : at + 12] == bytes([0, 0, 0, 0, 0, 0, 0, 1])  # version 0, one entry
    packed = b"".join(struct.pack(">IiI", *entry, 1 << 16) for entry in entries)
    data[at + 8 : at + 24] = struct.pack(">I", len(entries)) + packed
    for name in (b"elst", b"edts", b"trak", b"moov"):
        place = data.rindex(name, 0, at + 4) - 4
        size = struct.unpack_from(">I", data, place)[0]
        struct.pack_into(">I", data, place, size + 12 * (len(entries) - 1))


@pytest.fixture
def tone(tmp_path):
    """A QuickTime film in packets of 1,024 samples, and its bytes."""
    path = tmp_path / "edited.mov"
    matrix_files.write_film(Film("mov", "mjpeg", "pcm_s16le", fractions.Fraction(10)), path)
    return path, bytearray(path.read_bytes())


def test_edits_follow_each_other(tone):
    path, data = tone
    edit(data, data.rindex(b"elst"), [(1024, 0), (1984, 94 * 1024)])  # of the second track
    path.write_bytes(data)
    sound = decoding.load_audio(path)
    assert len(sound) == pytest.approx(3.008 * 16000, abs=200)
    expected = matrix_files.heard(np.arange(4 * 16000) / 16000)
    np.testing.assert_allclose(sound[100:16284], expected[100:16284], atol=0.02)
    skipped = round((94 - 48) * 1024 / 3)
    later = expected[16484 + skipped : 47000 + skipped]
    np.testing.assert_allclose(sound[16484:47000], later, atol=0.05)


@pytest.mark.parametrize("track", [0, 1])
def test_edit_list_that_pauses_is_refused(tone, track):
    path, data = tone
    at = data.rindex(b"elst") if track else data.index(b"elst")
    edit(data, at, [(1024, 0), (512, -1), (2976, 48 * 1024)])
    path.write_bytes(data)
    with pytest.raises(recording.BadRecording, match="edit list that is not read"):
        decoding.load_audio(path)


def test_gap_that_the_table_of_times_tells_is_silence(tmp_path):
    path = tmp_path / "gap.mp4"
    matrix_files.write_film(Film("mp4", "libx264", "aac"), path)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"stts")
    (count,) = struct.unpack_from(">I", data, at + 8)
    entries = [struct.unpack_from(">II", data, at + 12 + 8 * number) for number in range(count)]
    (first, length), rest = entries[0], entries[1:]
    assert length == 1024
    # The 95th packet lasts for half a second more.
    longer = [(94, 1024), (1, 1024 + 24000), (first - 95, 1024), *rest]
    packed = b"".join(struct.pack(">II", *entry) for entry in longer)
    data[at + 8 : at + 12 + 8 * count] = struct.pack(">I", len(longer)) + packed
    for name in (b"stts", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        place = data.rindex(name, 0, at + 4) - 4
        (size,) = struct.unpack_from(">I", data, place)
        struct.pack_into(">I", data, place, size + 8 * (len(longer) - count))
    edit(data, data.rindex(b"elst"), [(4500, 1024)])
    path.write_bytes(data)
    sound = decoding.load_audio(path)
    assert len(sound) == pytest.approx(4.5 * 16000, abs=300)
    gap = round(94 * 1024 / 3)  # the first packet is the encoder's delay
    assert np.abs(sound[gap + 400 : gap + 7600]).max() < 0.01
    assert not media_checks.wrong_sound(np.delete(sound, slice(gap, gap + 8000)), 0)


@pytest.mark.parametrize("ending", ["mkv", "webm", "ts"])
def test_sound_with_a_hole_is_refused(tmp_path, ending):
    path = tmp_path / f"hole.{ending}"
    codecs = ("libvpx", "libopus") if ending == "webm" else ("libx264", "aac")
    matrix_files.write_film(
        Film(ending, *codecs, options=(("live", "1"),) * (ending != "ts")), path
    )
    data = bytearray(path.read_bytes())
    third = len(data) // 3 // 188 * 188
    del data[third : 2 * third]  # whole packets of TS
    path.write_bytes(data)
    with pytest.raises(recording.BadRecording, match=path.name):
        decoding.load_audio(path)


def test_whole_second_before_the_film_is_no_time_of_it(tmp_path):
    path = tmp_path / "a.mkv"
    matrix_files.write_film(Film("mkv", "libx264", "aac", offset=1.0), path)
    with pytest.raises(recording.BadRecording, match=r"does not hold the span.*ends at 5\.0"):
        decoding.load_audio(path, 4.5, 5.5)
    assert len(decoding.load_audio(path, 4.5, 5.0)) == 8000


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_start_in_the_header_of_an_avi_file_counts(tmp_path, kind):
    path = tmp_path / "late.avi"
    matrix_files.write_film(Film("avi", "mjpeg", "pcm_s16le", fractions.Fraction(10)), path)
    data = bytearray(path.read_bytes())
    at = data.index({"audio": b"auds", "video": b"vids"}[kind])
    struct.pack_into("<I", data, at + 28, {"audio": 48000, "video": 10}[kind])  # dwStart
    path.write_bytes(data)
    if kind == "audio":
        sound = decoding.load_audio(path)
        assert not sound[:15900].any()
        expected = matrix_files.heard(np.arange(4 * 16000) / 16000)
        np.testing.assert_allclose(sound[16100:79900], expected[100:63900], atol=0.02)
    else:
        ((_, pictures),) = video.frames_of(path, [(1.0, 3.0, "whole")], short_side=None)
        assert media_files.numbers(pictures) == [0, 3, 6, 10, 13, 16]


@pytest.mark.parametrize("ending", ["mkv", "webm", "ts"])
@pytest.mark.parametrize(("shift", "sound"), [(-1.0, -1.0), (-0.7, 0.0), (0.0, -1.5)])
def test_negative_times_count(tmp_path, ending, shift, sound):
    """FFmpeg shows no time stamps of Matroska's pictures before zero."""
    path = tmp_path / f"film.{ending}"
    codecs = ("libvpx", "libopus") if ending == "webm" else ("libx264", "aac")
    film = Film(ending, *codecs, offset=sound - shift, options=(("avoid_negative_ts", "disabled"),))
    matrix_files.write_film(film, path, shift=shift)
    numbers, samples = media_checks.read(path)
    begins = max(0.0, shift - sound)
    for step in range(math.ceil(begins * 3), 11):
        number = (step / 3 - begins) * 30
        assert abs(numbers[step - math.ceil(begins * 3 - 0.3)] - number) <= 2
    assert not media_checks.wrong_sound(samples, max(0.0, sound - shift), 0.03)
