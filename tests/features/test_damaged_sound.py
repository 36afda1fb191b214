import io
import math
import random
import struct
import sys
import tracemalloc

import numpy as np
import pytest
import soundfile

from amh_tf.corpora import recording
from amh_tf.features import decoding
from tests.features import media_files

RNG = np.random.default_rng(0)


def refuse(path, problem, **span):
    with pytest.raises(recording.BadRecording, match=problem) as caught:
        decoding.load_audio(path, **span)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("kept", [0.5, 0.99, 0.9999])
@pytest.mark.parametrize(
    ("container", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("RF64", "PCM_16")]
    + [("FLAC", "PCM_16"), ("OGG", "VORBIS")],
)
def test_truncated_file_is_refused(tmp_path, container, subtype, kept):
    path = tmp_path / "cut.wav"
    soundfile.write(path, RNG.uniform(-1, 1, (16000, 1)), 16000, subtype, format=container)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    refuse(path, "is truncated|cannot be read")


@pytest.mark.parametrize("name", ["cut.mp4", "cut.avi", "cut.mkv"])
def test_truncated_film_is_refused(tmp_path, name):
    path = tmp_path / name
    codec = "aac" if name == "cut.mp4" else "pcm_s16le"
    media_files.write_sound(path, codec, seconds=3)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refuse(path, "is truncated|cannot be read")


def header(size=32000, channels=1, rate=16000, bits=16, encoding=1, block=None, data=b""):
    block = channels * bits // 8 if block is None else block
    fields = struct.pack("<HHIIHH", encoding, channels, rate, 0, block & 0xFFFF, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + fields + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body) & 0xFFFFFFFF) + body


SECOND = bytes(32000)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"RIFF", "cannot be read"),
        (b"RIFF\0\0\0\0WAVE", "is truncated"),
        (header()[:30], "is truncated"),
        (header(), "is truncated.*32000 bytes.*0 bytes"),
        (header(0), "holds no sound"),
        (header(1, data=b"\0"), "holds no sound"),
        (header(0xFFFFFFFE, data=SECOND), "is truncated"),
        (header(0xFFFFFFFF), "holds no sound"),
        (header(0xFFFFFFF0, bits=32, encoding=3, data=SECOND), "is truncated"),
        (header(rate=0, data=SECOND), "is damaged.*0 Hz"),
        (header(rate=0xFFFFFFFF, data=SECOND), "impossible rate"),
        (header(rate=3, data=SECOND), "impossible rate"),
        (header(channels=0, data=SECOND), "is damaged.*0 channels"),
        (header(channels=0, block=2, data=SECOND), "is damaged.*0 channels"),
        (header(channels=65535, data=SECOND), "is damaged.*65535 channels"),
        (header(channels=2, block=2, data=SECOND), "is damaged.*frames of 2 bytes"),
        (header(bits=0, data=SECOND), "is damaged"),
        (header(encoding=0x1234, data=SECOND), "cannot be read"),
        (header(data=SECOND).replace(b"fmt ", b"fmtx"), "is damaged.*a format before"),
        (b"garbage" * 1000, "cannot be read"),
        (bytes(5000), "cannot be read"),
        (bytes(RNG.integers(0, 256, 5000, np.uint8)), "cannot be read"),
        (b"fLaC" + bytes(RNG.integers(0, 256, 5000, np.uint8)), "cannot be read"),
        (b"OggS" + bytes(RNG.integers(0, 256, 5000, np.uint8)), "is truncated|cannot be read"),
        (b"#EXTM3U\n#EXTINF:1,\nother.wav\n", "cannot be read"),
        (b"ffconcat version 1.0\nfile other.wav\n", "format that is not read here.*convert"),
    ],
)
def test_damaged_file_is_refused_by_name(tmp_path, content, problem):
    (tmp_path / "other.wav").write_bytes(header(data=SECOND))
    path = tmp_path / "damaged.wav"
    path.write_bytes(content)
    tracemalloc.start()
    refuse(path, problem)
    assert tracemalloc.get_traced_memory()[1] < 1 << 23
    tracemalloc.stop()


def test_missing_file_and_folder_are_refused(tmp_path):
    refuse(tmp_path / "absent.wav", "is missing.*none")
    refuse(tmp_path, "is missing.*a folder")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rate", [16000, 8000])
def test_channels_that_are_infinite_both_ways_are_refused_without_a_warning(tmp_path, rate):
    samples = np.zeros((100, 2), np.float32)
    samples[50] = math.inf, -math.inf
    soundfile.write(tmp_path / "inf.wav", samples, rate, "FLOAT")
    refuse(tmp_path / "inf.wav", "not numbers")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path, value):
    samples = np.zeros(1000)
    samples[500] = value
    soundfile.write(tmp_path / "nan.wav", samples, 16000, "FLOAT")
    refuse(tmp_path / "nan.wav", "not numbers")


@pytest.mark.parametrize(("package", "name"), [("soundfile", "tone.flac"), ("av", "tone.mkv")])
def test_missing_package_says_how_to_install_it(tmp_path, monkeypatch, package, name):
    path = tmp_path / name
    if package == "soundfile":
        soundfile.write(path, media_files.tone(16000), 16000)
    else:
        media_files.write_sound(path, "flac")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pip install 'amh_tf\[media\]'"):
        decoding.load_audio(path)


def test_film_without_sound_is_refused(tmp_path):
    media_files.write_picture(tmp_path / "silent.mp4", frames=3)
    refuse(tmp_path / "silent.mp4", "has no sound.*video")


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        (0.5, 0.5, "no span of time"),
        (0.5, 0.4, "no span of time"),
        (-0.1, 0.4, "no span of time"),
        (math.nan, 0.4, "no span of time"),
        (0.2, math.nan, "no span of time"),
        (math.inf, None, "no span of time"),
        (1.0, None, "does not hold the span"),
        (2.0, 3.0, "does not hold the span"),
        (0.5, 1.2, "does not hold the span.*ends at 1.000 s"),
        (0.0, 1e9, "too much"),
    ],
)
@pytest.mark.parametrize("name", ["tone.wav", "tone.flac", "tone.mkv"])
def test_span_outside_of_the_file_is_refused(tmp_path, name, start, end, problem):
    path = tmp_path / name
    if name == "tone.mkv":
        media_files.write_sound(path, "flac", 16000)
    else:
        soundfile.write(path, media_files.tone(16000), 16000)
    refuse(path, problem, start=start, end=end)


def test_flipped_bytes_give_sound_or_a_bad_recording(tmp_path):
    flips = random.Random(0)
    path = tmp_path / "flipped.bin"
    for container, subtype in (("WAV", "PCM_16"), ("WAV", "PCM_24"), ("FLAC", "PCM_16")):
        file = io.BytesIO()
        soundfile.write(file, media_files.tone(16000, 0.05), 16000, subtype, format=container)
        for _ in range(100):
            data = bytearray(file.getvalue())
            data[flips.randrange(60)] = flips.randrange(256)
            path.write_bytes(data)
            try:
                assert np.isfinite(decoding.load_audio(path)).all()
            except recording.BadRecording as error:
                assert "flipped.bin" in str(error)
