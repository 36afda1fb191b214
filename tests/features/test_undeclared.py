"""Files that do not say how long they are are read to their end, and said to be of that kind."""

import fractions
import struct

import av
import numpy as np
import pytest
import soundfile

from amh_tf.corpora import recording
from amh_tf.features import decoding, media
from tests.features import matrix_files, media_checks
from tests.features.matrix_files import Film

RATE = 16000
QUIET_THEN_LOUD = np.concatenate(
    [np.zeros(5 * RATE), matrix_files.heard(np.arange(3 * RATE) / RATE)]
)


def write(path, samples, encoder, rate, container, options):
    """Writes samples with one of FFmpeg's encoders."""
    with av.open(str(path), "w", format=container, options=dict(options)) as opened:
        stream = opened.add_stream(encoder, rate=rate, layout="mono")
        stream.codec_context.open()
        size = stream.codec_context.frame_size
        for start in range(0, len(samples), size):
            block = np.ascontiguousarray(samples[None, start : start + size], np.float32)
            frame = av.AudioFrame.from_ndarray(block, "fltp", "mono")
            frame.sample_rate, frame.pts = rate, start
            frame.time_base = fractions.Fraction(1, rate)
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode())


NO_COUNT = (("write_xing", "0"), ("id3v2_version", "0"))


@pytest.mark.parametrize(
    ("encoder", "container", "options"),
    [
        ("aac", "adts", ()),
        ("libmp3lame", "mp3", NO_COUNT),
        ("mp2", "mp2", ()),
        ("ac3", "ac3", ()),
        ("aac", "mpegts", ()),
        ("libopus", "webm", (("live", "1"),)),
        ("aac", "mp4", (("movflags", "frag_keyframe+empty_moov"),)),
    ],
)
def test_guessed_length_is_no_promise(tmp_path, encoder, container, options):
    path = tmp_path / "guess.bin"
    rate = 48000 if encoder in ("libopus", "ac3") else RATE
    samples = np.interp(np.arange(8 * rate) / rate, np.arange(8 * RATE) / RATE, QUIET_THEN_LOUD)
    write(path, samples, encoder, rate, container, options)
    notes = set()
    loaded = decoding.load_audio(path, notes=notes)
    assert len(loaded) / RATE == pytest.approx(8, abs=0.15)
    assert notes == {media.UNDECLARED}
    # And it is the sound itself: silence, then noise.
    assert np.abs(loaded[: 4 * RATE]).max() < 1e-3 < 0.05 < loaded[-2 * RATE :].std()


def test_mp3_that_counts_its_frames_is_held_to_it(tmp_path):
    path = tmp_path / "counted.mp3"
    matrix_files.write_sound(path, "libmp3lame", RATE, "mp3")
    notes = set()
    assert len(decoding.load_audio(path, notes=notes)) / RATE == pytest.approx(4, abs=0.1)
    assert not notes
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(recording.BadRecording, match=r"is truncated.*4\.\d+ s of sound"):
        decoding.load_audio(path)


def sized(container, subtype, riff, size):
    """Writes a WAV file with other sizes; returns its samples."""
    samples = np.round(matrix_files.heard(np.arange(RATE) / RATE) * 32767) / 32768

    def write_to(path):
        soundfile.write(path, samples, RATE, subtype, format=container)
        data = bytearray(path.read_bytes())
        struct.pack_into("<I", data, 4, riff)
        struct.pack_into("<I", data, data.index(b"data") + 4, size)
        path.write_bytes(data)
        return samples

    return write_to


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "ULAW"])
@pytest.mark.parametrize(
    ("riff", "size"),
    [
        (0xFFFFFFFF, 0xFFFFFFFF),  # FFmpeg into a pipe
        (0x7FFFFFFF, 0x7FFFFFFF),
        (0x7FFFF024, 0x7FFFF000),  # SoX into a pipe
        (0x80000024, 0x80000000),  # arecord into a pipe
        (36, 0),  # a recorder that lost power
        (0, 0),
    ],
)
def test_wav_of_unknown_size_is_read_to_its_end(tmp_path, subtype, riff, size):
    path = tmp_path / "piped.wav"
    samples = sized("WAV", subtype, riff, size)(path)
    notes = set()
    loaded = decoding.load_audio(path, notes=notes)
    assert notes == {media.UNDECLARED} and len(loaded) == len(samples)
    step = {"PCM_16": 1e-7, "PCM_24": 1e-6, "FLOAT": 1e-6, "ULAW": 0.02}[subtype]
    np.testing.assert_allclose(loaded, samples, rtol=0, atol=step)


@pytest.mark.parametrize("size", [0x7FFFF000, 0x7FFFFF00, 0x80000000])
def test_unknown_size_may_be_a_whole_number_of_frames(tmp_path, size):
    path = tmp_path / "piped.wav"
    samples = sized("WAV", "PCM_24", 36, size - size % 3)(path)
    np.testing.assert_allclose(decoding.load_audio(path), samples, rtol=0, atol=1e-6)


def test_size_that_is_merely_wrong_stays_a_cut(tmp_path):
    path = tmp_path / "cut.wav"
    for size in (0x7FFFFFF0, 0xFFFFFFFE, 3 << 30, 32001):
        sized("WAV", "PCM_16", 36 + 32000, size)(path)
        with pytest.raises(recording.BadRecording, match="is truncated"):
            decoding.load_audio(path)


def test_silence_of_unknown_size_is_silence(tmp_path):
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(RATE), RATE, "PCM_16", format="WAV")
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"data") + 4, 0)
    path.write_bytes(data)
    assert not decoding.load_audio(path).any() and len(decoding.load_audio(path)) == RATE


def test_no_samples_before_another_chunk_are_none(tmp_path):
    path = tmp_path / "none.wav"
    fields = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + fields + b"data" + bytes(4)
    body += b"LIST" + struct.pack("<I", 400) + bytes(400)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with pytest.raises(recording.BadRecording, match="holds no sound"):
        decoding.load_audio(path)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_mp3_in_wav_is_read_whatever_its_header_counts(tmp_path, rate):
    path = tmp_path / "mp3.wav"
    matrix_files.write_sound(path, "libmp3lame", rate, "wav")
    data = bytearray(path.read_bytes())
    at = data.index(b"fact") + 8
    for more in (0, 1105, 2257):  # the delay, and the padding
        struct.pack_into("<I", data, at, 4 * rate + more)
        path.write_bytes(data)
        assert not media_checks.wrong_sound(decoding.load_audio(path), 1105 / rate)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(recording.BadRecording, match="is truncated"):
        decoding.load_audio(path)


# Where each says how many bytes of samples there are, in how many bytes, and what it says instead.
UNKNOWN = {
    "AU": [(b".snd", 8, b"\xff" * 4)],
    "CAF": [(b"data", 4, b"\xff" * 8)],
    "RF64": [(b"ds64", 16, b"\xff" * 8)],
    "W64": [(b"data\xf3", 16, size) for size in (bytes(8), b"\xff" * 8, b"\xff" * 7 + b"\x7f")],
    "AIFF": [
        (b"SSND", 4, bytes.fromhex(size))
        for size in ("00000000", "ffffffff", "7fffffff", "80000000", "7f000008")
    ],
}


@pytest.mark.parametrize(
    ("container", "unknown"),
    [(container, unknown) for container in UNKNOWN for unknown in UNKNOWN[container]],
)
def test_containers_may_say_that_they_do_not_know(tmp_path, container, unknown):
    path = tmp_path / "unknown.bin"
    samples = matrix_files.heard(np.arange(RATE) / RATE)
    soundfile.write(path, samples, RATE, "PCM_16", format=container)
    data = bytearray(path.read_bytes())
    mark, after, size = unknown
    at = data.index(mark) + after
    data[at : at + len(size)] = size
    if container == "AIFF":  # nor the number of frames
        struct.pack_into(">I", data, data.index(b"COMM") + 10, 0)
    path.write_bytes(data)
    notes = set()
    np.testing.assert_allclose(decoding.load_audio(path, notes=notes), samples, atol=1e-4)
    assert notes == {media.UNDECLARED}


class Pipe:
    """What cannot be gone back in."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data += bytes(data)
        return len(data)


@pytest.mark.parametrize(
    ("encoder", "container"),
    [
        ("pcm_s16le", "wav"),
        ("pcm_s24be", "aiff"),
        ("pcm_s16le", "w64"),
        ("pcm_s16be", "au"),
        ("pcm_s16le", "caf"),
        ("pcm_s16le", "avi"),
        ("pcm_s16le", "matroska"),
        ("flac", "flac"),
        ("flac", "ogg"),
    ],
)
def test_sound_that_went_through_a_pipe_is_read(tmp_path, encoder, container):
    path, pipe = tmp_path / "piped.bin", Pipe()
    matrix_files.write_sound(pipe, encoder, RATE, container)
    path.write_bytes(pipe.data)
    notes = set()
    assert not media_checks.wrong_sound(decoding.load_audio(path, notes=notes), 0)
    assert notes == ({media.UNDECLARED} if container != "ogg" else set())  # it ends with a mark


@pytest.mark.parametrize(("video", "audio"), [("mpeg4", "libmp3lame"), ("mjpeg", "pcm_s16le")])
def test_avi_that_went_through_a_pipe_is_read(tmp_path, video, audio):
    path, pipe = tmp_path / "piped.avi", Pipe()
    matrix_files.write_film(Film("avi", video, audio), pipe, "avi")
    path.write_bytes(pipe.data)
    numbers, samples = media_checks.read(path)
    assert numbers[:12] == [*range(0, 120, 10)] or numbers[1:12] == [*range(9, 119, 10)]
    assert not media_checks.wrong_sound(samples, 1105 / 48000 if "mp3" in audio else 0, 0.024)


@pytest.mark.parametrize(
    "tail",
    [
        bytes(5000),
        b"TAG" + bytes(125),
        b"LYRICSBEGININD0000200" + b"LYRICS200" + b"TAG" + bytes(125),
        b"APETAGEX" + struct.pack("<IIII8x", 2000, 32, 0, 0x80000000),
        b"ID3\4\0\0\0\0\0\x0a" + bytes(10),
    ],
)
@pytest.mark.parametrize("options", [(), NO_COUNT])
def test_what_follows_the_frames_of_mp3_is_no_damage(tmp_path, tail, options):
    path = tmp_path / "tagged.mp3"
    matrix_files.write_sound(path, "libmp3lame", RATE, "mp3", options)
    path.write_bytes(path.read_bytes() + tail)
    delay = 1105 / RATE if options else 0
    assert not media_checks.wrong_sound(decoding.load_audio(path), delay)


def test_mp3_files_that_were_joined_are_read_to_the_end(tmp_path):
    path = tmp_path / "joined.mp3"
    matrix_files.write_sound(path, "libmp3lame", RATE, "mp3")
    path.write_bytes(2 * path.read_bytes())
    loaded = decoding.load_audio(path)
    assert len(loaded) == pytest.approx(8.1 * RATE, abs=0.1 * RATE)
    assert not media_checks.wrong_sound(loaded[: 4 * RATE], 0)
    assert not media_checks.wrong_sound(loaded[round(4.14 * RATE) :], 0)


@pytest.mark.parametrize("content", [bytes(800), b"\x55" * 800])
def test_mp3_that_lacks_frames_in_its_middle_is_refused(tmp_path, content):
    path = tmp_path / "hole.mp3"
    matrix_files.write_sound(path, "libmp3lame", RATE, "mp3", NO_COUNT)
    data = bytearray(path.read_bytes())
    data[6000:6800] = content
    path.write_bytes(data)
    with pytest.raises(recording.BadRecording, match="cannot be decoded"):
        decoding.load_audio(path)


@pytest.mark.parametrize("container", ["W64", "AU", "CAF", "AIFF"])
def test_containers_that_know_are_held_to_it(tmp_path, container):
    path = tmp_path / "cut.bin"
    samples = matrix_files.heard(np.arange(2 * RATE) / RATE)
    soundfile.write(path, samples, RATE, "PCM_16", format=container)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(recording.BadRecording, match="is truncated"):
        decoding.load_audio(path)
