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


@pytest.mark.parametrize("container", ["AU", "CAF", "RF64"])
def test_containers_may_say_that_they_do_not_know(tmp_path, container):
    path = tmp_path / "unknown.bin"
    samples = matrix_files.heard(np.arange(RATE) / RATE)
    soundfile.write(path, samples, RATE, "PCM_16", format=container)
    data = bytearray(path.read_bytes())
    at = {"AU": 8, "CAF": data.find(b"data") + 4, "RF64": data.find(b"ds64") + 16}[container]
    size = 4 if container == "AU" else 8
    data[at : at + size] = b"\xff" * size
    path.write_bytes(data)
    notes = set()
    np.testing.assert_allclose(decoding.load_audio(path, notes=notes), samples, atol=1e-4)
    assert notes == {media.UNDECLARED}


@pytest.mark.parametrize("container", ["W64", "AU", "CAF", "AIFF"])
def test_containers_that_know_are_held_to_it(tmp_path, container):
    path = tmp_path / "cut.bin"
    samples = matrix_files.heard(np.arange(2 * RATE) / RATE)
    soundfile.write(path, samples, RATE, "PCM_16", format=container)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(recording.BadRecording, match="is truncated"):
        decoding.load_audio(path)
