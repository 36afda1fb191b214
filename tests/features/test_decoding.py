import subprocess
import sys
import tracemalloc
import wave

import numpy as np
import pytest
import soundfile

from amh_tf.features import decoding, media
from tests.features import media_files

RNG = np.random.default_rng(0)
# Beyond the resampling filter's reach, its own error alone remains.
EDGE, FILTER_ERROR = 20, 3e-3


def write_wav(path, samples, rate=16000):
    """Writes `(samples, channels)` 16-bit integers with the standard library."""
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.astype("<i2").tobytes())
    return path


@pytest.fixture
def plain(tmp_path):
    """A second of 16-bit noise at 16 kHz, and its samples."""
    samples = RNG.integers(-32768, 32768, (16000, 1))
    samples[:3, 0] = -32768, 32767, 0
    return write_wav(tmp_path / "noise.wav", samples), samples[:, 0]


def test_plain_wav_is_exact(plain):
    path, samples = plain
    loaded = decoding.load_audio(path)
    assert loaded.dtype == np.float32
    assert (loaded.astype(np.float64) * 32768).tolist() == samples.tolist()


def test_span_of_plain_wav_is_exact(plain):
    path, samples = plain
    loaded = decoding.load_audio(path, 0.25, 0.5)
    assert (loaded * 32768).tolist() == samples[4000:8000].tolist()
    assert (decoding.load_audio(path, start=0.9) * 32768).tolist() == samples[14400:].tolist()
    assert (decoding.load_audio(path, end=0.1) * 32768).tolist() == samples[:1600].tolist()


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64", "RIFX"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_channels_of_16_bit_are_averaged(tmp_path, container, channels):
    samples = RNG.integers(-32768, 32768, (500, channels)).astype(np.int16)
    endian, container = ("BIG", "WAV") if container == "RIFX" else ("FILE", container)
    path = tmp_path / "noise.wav"
    soundfile.write(path, samples, 16000, "PCM_16", endian, container)
    expected = samples.mean(axis=1) / 32768
    np.testing.assert_allclose(decoding.load_audio(path), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("container", "subtype", "step"),
    [
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "PCM_32", 2**-24),
        ("WAV", "FLOAT", 2**-24),
        ("WAV", "DOUBLE", 2**-24),
        ("WAVEX", "PCM_24", 2**-23),
        ("WAV", "ULAW", 2**-5),
        ("WAV", "ALAW", 2**-5),
        ("FLAC", "PCM_16", 2**-15),
        ("FLAC", "PCM_24", 2**-23),
        ("AIFF", "PCM_24", 2**-23),
        ("W64", "PCM_16", 2**-15),
        ("OGG", "VORBIS", 0.05),
        ("MP3", "MPEG_LAYER_III", 0.02),
    ],
)
def test_every_encoding_is_read(tmp_path, container, subtype, step):
    samples = media_files.tone(16000)
    path = tmp_path / "tone.bin"  # the name says nothing
    soundfile.write(path, samples, 16000, subtype, format=container)
    loaded = decoding.load_audio(path)
    if container == "MP3":  # the encoder pads
        assert len(samples) <= len(loaded) < len(samples) + 3000
        lag = np.argmax(np.correlate(loaded, samples[:4000], "valid"))
        loaded = loaded[lag : lag + len(samples)]
    assert loaded.shape == samples.shape
    np.testing.assert_allclose(loaded[500:-500], samples[500:-500], rtol=0, atol=step)


def test_flac_that_does_not_tell_its_length_is_read(tmp_path):
    path = tmp_path / "streamed.flac"
    samples = media_files.tone(16000)
    soundfile.write(path, samples, 16000, "PCM_16")
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the last 36 bits of these eight bytes are the length
    data[22:26] = bytes(4)
    path.write_bytes(data)
    np.testing.assert_allclose(decoding.load_audio(path), samples, rtol=0, atol=2**-15)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000, 96000, 12347])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_every_rate_is_converted(tmp_path, rate, subtype):
    path = tmp_path / "tone.wav"
    soundfile.write(path, media_files.tone(rate), rate, subtype)
    loaded = decoding.load_audio(path)
    expected = media_files.tone(16000)
    assert len(loaded) == len(expected)
    inside = slice(EDGE * 8, -EDGE * 8)
    np.testing.assert_allclose(loaded[inside], expected[inside], rtol=0, atol=FILTER_ERROR)


def test_frequencies_beyond_the_new_limit_vanish(tmp_path):
    path = tmp_path / "high.wav"
    soundfile.write(path, np.sin(2 * np.pi * 11000 / 44100 * np.arange(44100)), 44100, "FLOAT")
    assert np.abs(decoding.load_audio(path)[200:-200]).max() < FILTER_ERROR


@pytest.mark.parametrize("span", [(0.0, 0.2), (0.3217, 0.6), (0.5, None), (None, 0.77)])
@pytest.mark.parametrize(
    ("name", "rate"),
    [("noise.wav", 8000), ("noise.wav", 44100), ("noise.wav", 12347), ("noise.flac", 48000)]
    + [("noise.mkv", 8000), ("noise.mkv", 16000), ("noise.mkv", 44100)],
)
def test_span_is_a_piece_of_the_whole(tmp_path, name, rate, span):
    path = tmp_path / name
    if name == "noise.mkv":
        media_files.write_sound(path, "flac" if rate != 16000 else "pcm_s16le", rate)
    else:
        samples = RNG.uniform(-1, 1, (rate, 2))
        soundfile.write(path, samples, rate, "PCM_24")
    whole = decoding.load_audio(path)
    assert len(whole) == 16000
    first = round(16000 * (span[0] or 0))
    last = None if span[1] is None else round(16000 * span[1])
    expected = whole[first:last]
    np.testing.assert_allclose(decoding.load_audio(path, *span), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "codec", "rate", "error"),
    [
        ("a.mp4", "aac", 48000, 0.02),
        ("a.mov", "pcm_s16le", 44100, FILTER_ERROR),
        ("a.avi", "pcm_s16le", 16000, 2**-15),
        ("a.avi", "libmp3lame", 44100, 0.02),
        ("a.mkv", "flac", 48000, FILTER_ERROR),
    ],
)
def test_sound_of_films_is_read(tmp_path, name, codec, rate, error):
    height = media_files.write_sound(tmp_path / name, codec, rate)
    loaded = decoding.load_audio(tmp_path / name)
    assert abs(len(loaded) - 16000) < 2500  # encoders pad
    lag = np.argmax(np.correlate(loaded, media_files.tone(16000, 0.5, 0.1), "valid")) - 1600
    if name != "a.mp4" and codec != "libmp3lame":
        assert lag == 0
    loaded = loaded[1600 + lag : 14400 + lag]
    expected = height * media_files.tone(16000, 0.8, 0.1)
    if codec in ("aac", "libmp3lame"):  # their delay is no whole number of samples
        assert np.corrcoef(loaded, expected)[0, 1] > 0.99
    else:
        np.testing.assert_allclose(loaded, expected, rtol=0, atol=error)


def test_plain_wav_needs_no_optional_package(plain, monkeypatch):
    for package in ("soundfile", "av"):
        monkeypatch.setitem(sys.modules, package, None)
    assert len(decoding.load_audio(plain[0])) == 16000


def test_span_may_end_a_rounding_after_the_file(plain):
    path, _ = plain
    assert len(decoding.load_audio(path, 0.5, 1.004)) == 8000


@pytest.mark.parametrize("rate", [8000, 12347, 16000, 44100])
@pytest.mark.parametrize("name", ["noise.wav", "noise.flac", "noise.mkv"])
def test_blocks_change_nothing(tmp_path, monkeypatch, name, rate):
    path = tmp_path / name
    if name == "noise.mkv":
        media_files.write_sound(path, "flac", rate)
    else:
        soundfile.write(path, RNG.uniform(-1, 1, (rate + 7, 2)), rate, "PCM_16")
    whole = decoding.load_audio(path)
    monkeypatch.setattr(media, "BLOCK", 1000)
    monkeypatch.setattr(decoding, "_CONVERTED", 3000)
    np.testing.assert_allclose(decoding.load_audio(path), whole, rtol=0, atol=1e-6)
    expected = whole[1600:8000]
    np.testing.assert_allclose(decoding.load_audio(path, 0.1, 0.5), expected, rtol=0, atol=1e-6)


def test_minutes_take_little_more_than_their_samples(tmp_path):
    """At 48 kHz in two channels as float64 they would take twelve times as much."""
    path = write_wav(tmp_path / "long.wav", np.zeros((48000 * 300, 2), np.int16), 48000)
    tracemalloc.start()
    samples = decoding.load_audio(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(samples) == 16000 * 300
    assert peak < 3 * samples.nbytes


def test_sound_at_the_right_rate_waits_for_no_filter(tmp_path):
    write_wav(tmp_path / "sound.wav", np.zeros((800, 1)))
    code = (
        "import sys\nfrom amh_tf.features import decoding\n"
        f"assert decoding.load_audio({str(tmp_path / 'sound.wav')!r}).shape == (800,)\n"
        "assert 'scipy.signal' not in sys.modules"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
