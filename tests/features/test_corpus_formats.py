"""Formats that corpora of speech come in."""

import numpy as np
import pytest
import soundfile

from amh_tf.corpora import recording
from amh_tf.features import decoding, film, media
from tests.features import matrix_files, media_checks

RATE = 16000
SHORTEN = "pcm,embedded-shorten-v2.00"
SAMPLES = np.round(matrix_files.heard(np.arange(2 * RATE) / RATE) * 32767).astype(np.int16)


def refuse(path, problem):
    with pytest.raises(recording.BadRecording, match=problem) as caught:
        decoding.load_audio(path)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("coding", ["pcm", SHORTEN])
@pytest.mark.parametrize("rate", [8000, RATE])
def test_sphere_is_exact(tmp_path, coding, rate):
    path = tmp_path / "speech.sph"
    path.write_bytes(matrix_files.sphere(coding, SAMPLES, rate))
    loaded = decoding.load_audio(path)
    assert len(loaded) == len(SAMPLES) * RATE // rate
    if rate == RATE:
        np.testing.assert_array_equal(loaded * 32768, SAMPLES)
        np.testing.assert_array_equal(
            decoding.load_audio(path, 0.5, 1.5) * 32768, SAMPLES[8000:24000]
        )


def test_sphere_of_telephone_speech_is_read(tmp_path):
    path = tmp_path / "switchboard.sph"
    path.write_bytes(matrix_files.sphere("ulaw", SAMPLES, 8000))
    expected = decoding.load_audio(as_wav(tmp_path, SAMPLES, 8000))
    np.testing.assert_allclose(decoding.load_audio(path), expected, atol=0.04)


def as_wav(folder, samples, rate):
    soundfile.write(folder / "same.wav", samples, rate, "PCM_16")
    return folder / "same.wav"


def test_channels_of_sphere_are_averaged(tmp_path):
    path = tmp_path / "both.sph"
    both = np.stack([SAMPLES, -SAMPLES // 2], axis=1)
    path.write_bytes(matrix_files.sphere("pcm", both, channels=2))
    np.testing.assert_allclose(decoding.load_audio(path), both.mean(axis=1) / 32768, atol=1e-6)


def test_sphere_as_in_timit_is_exact(tmp_path):
    path = tmp_path / "SA1.WAV"
    head = b"""NIST_1A
   1024
database_id -s5 TIMIT
; a comment
sample_count -i 32000
sample_rate -i 16000
channel_count -i 1
sample_max -i 2191
sample_min -i -1885
sample_n_bytes -i 2
sample_byte_format -s2 01
sample_sig_bits -i 16
end_head
"""
    path.write_bytes(head.ljust(1024) + SAMPLES.astype("<i2").tobytes())
    np.testing.assert_array_equal(decoding.load_audio(path) * 32768, SAMPLES)


@pytest.mark.parametrize("coding", ["pcm", "ulaw", SHORTEN])
@pytest.mark.parametrize("kept", [0.3, 0.8, 0.99])
def test_cut_sphere_is_refused(tmp_path, coding, kept):
    path = tmp_path / "cut.sph"
    data = matrix_files.sphere(coding, SAMPLES)
    path.write_bytes(data[: int(len(data) * kept)])
    refuse(path, "is truncated|cannot be decoded")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: data[:500], "is truncated.*header of 1024"),
        (
            lambda data: data.replace(b"   1024", b"   10x4"),
            "is damaged.*length of a SPHERE header",
        ),
        (lambda data: data.replace(b"end_head", b"end_haed"), "is damaged.*header with an end"),
        (lambda data: data.replace(b"count -i 32000", b"count -i 3x000"), "is damaged.*a number"),
        (lambda data: data.replace(b"count -i 32000", b"count -i -2000"), "is damaged.*at least 0"),
        (lambda data: data.replace(b"count -i 32000", b"count -s5 3x00"), "is damaged.*a number"),
        (
            lambda data: (
                data.replace(b"-i 32000", b"-i " + b"9" * 5000).replace(b"1024", b"9024")
                + bytes(9000)
            ),
            "is damaged.*a number",
        ),
        (lambda data: data.replace(b"-s3 pcm\n", b"-s26 pcm,embedded-wavpack-v1.0\n"), "sph2pipe"),
        (lambda data: data.replace(b"-s3 pcm\n", b"-s4 mulaw,embedded-shorten-v2\n"), "sph2pipe"),
    ],
)
def test_damaged_sphere_is_refused_by_name(tmp_path, change, problem):
    path = tmp_path / "damaged.sph"
    path.write_bytes(change(matrix_files.sphere("pcm", SAMPLES)))
    refuse(path, problem)


def test_sphere_that_does_not_count_is_read_to_its_end(tmp_path):
    path = tmp_path / "open.sph"
    path.write_bytes(matrix_files.sphere(SHORTEN, SAMPLES, count=False))
    notes = set()
    np.testing.assert_array_equal(decoding.load_audio(path, notes=notes) * 32768, SAMPLES)
    assert notes == {media.UNDECLARED}


@pytest.mark.parametrize(("encoder", "rate", "delay"), [("g722", RATE, 22), ("g726", 8000, 0)])
def test_telephone_codings_in_wav_are_read(tmp_path, encoder, rate, delay):
    path = tmp_path / "call.wav"
    matrix_files.write_sound(path, encoder, rate, "wav")
    loaded = decoding.load_audio(path)
    assert len(loaded) == 4 * RATE
    assert not media_checks.wrong_sound(loaded, delay / rate)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 9 // 10])
    refuse(path, "is truncated")


OGG = {
    "vorbis": ("VORBIS", RATE, "OGG"),
    "opus": ("libopus", 48000, "ogg"),
    "flac": ("flac", RATE, "ogg"),
}


@pytest.fixture(params=OGG)
def unended(request, tmp_path):
    """An Ogg file whose last page is whole, and not marked as the last."""
    path = tmp_path / "unended.ogg"
    matrix_files.write_sound(path, *OGG[request.param])
    path.write_bytes(matrix_files.without_end_mark(path.read_bytes()))
    return path


def test_ogg_without_an_end_mark_is_read(unended):
    notes = set()
    loaded = decoding.load_audio(unended, notes=notes)
    assert not media_checks.wrong_sound(loaded, 0)
    assert notes == {media.UNDECLARED}


def test_ogg_without_an_end_mark_is_read_up_to_its_last_whole_page(unended):
    data = unended.read_bytes()
    unended.write_bytes(data[: data.rindex(b"OggS")])
    loaded = decoding.load_audio(unended)
    assert len(loaded) < 4 * RATE and not media_checks.wrong_sound(loaded, 0, is_cut=True)


@pytest.mark.parametrize("damage", ["cut", "flip", "zeros", "page lost"])
def test_damaged_ogg_without_an_end_mark_is_refused(unended, damage):
    data = bytearray(unended.read_bytes())
    last = data.rindex(b"OggS")
    if damage == "cut":
        del data[-20:]
    elif damage == "flip":
        data[last - 100] ^= 4
    elif damage == "zeros":
        data[last:] = bytes(len(data) - last)
    else:
        before = data.rindex(b"OggS", 0, last)
        del data[before:last]
    unended.write_bytes(data)
    refuse(unended, "is damaged|is truncated")


@pytest.mark.parametrize("damage", ["none", "checksum", "cut"])
def test_ogg_that_holds_several_recordings_is_read_to_the_end(tmp_path, damage):
    """Chained, as internet radio has it: libsndfile would read the first alone."""
    path, data = tmp_path / "chained.ogg", bytearray()
    for _ in range(2):  # of another serial number each
        matrix_files.write_sound(path, "VORBIS", RATE, "OGG")
        data += path.read_bytes()
    if damage == "checksum":
        data[-100] ^= 1
    path.write_bytes(data[:-30] if damage == "cut" else data)
    if damage != "none":
        refuse(path, "is damaged|is truncated")
        return
    loaded = decoding.load_audio(path)
    assert len(loaded) == pytest.approx(8 * RATE, abs=500)
    assert not media_checks.wrong_sound(loaded[: 4 * RATE], 0)
    assert not media_checks.wrong_sound(loaded[4 * RATE :], 0.016)


@pytest.mark.parametrize("container", ["AVR", "IRCAM", "PAF", "PVF", "SDS", "SVX", "VOC"])
def test_rare_formats_of_libsndfile_are_read(tmp_path, container):
    path = tmp_path / "rare.bin"
    soundfile.write(path, SAMPLES, RATE, "PCM_16", format=container)
    notes = set()
    np.testing.assert_allclose(decoding.load_audio(path, notes=notes), SAMPLES / 32768, atol=1e-4)
    assert notes == {media.UNDECLARED} and not film.is_film(path)


@pytest.mark.parametrize(("encoder", "container"), [("tta", "tta"), ("wavpack", "wv")])
def test_lossless_formats_are_read_and_refused_cut(tmp_path, encoder, container):
    path = tmp_path / "lossless.bin"
    matrix_files.write_sound(path, encoder, 44100, container)
    assert not media_checks.wrong_sound(decoding.load_audio(path), 0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 4 // 5])
    refuse(path, "cannot be decoded")


@pytest.mark.parametrize(
    ("container", "subtype", "rate"),
    [
        ("AIFF", "GSM610", 8000),
        ("AIFF", "IMA_ADPCM", RATE),
        ("AU", "G723_40", 8000),
        ("AU", "G721_32", 8000),
        ("CAF", "ALAC_16", RATE),
        ("CAF", "ALAC_24", RATE),
        ("W64", "MS_ADPCM", RATE),
        ("W64", "GSM610", 8000),
    ],
)
def test_codings_that_ffmpeg_mistakes_are_read(tmp_path, container, subtype, rate):
    path = tmp_path / "sound.bin"
    matrix_files.write_sound(path, subtype, rate, container)
    loaded = decoding.load_audio(path)
    assert len(loaded) == pytest.approx(4 * RATE, abs=0.05 * RATE)
    assert not media_checks.wrong_sound(loaded, 0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 9 // 10])
    refuse(path, "is truncated")


@pytest.mark.parametrize(
    ("encoder", "container"), [("aac", "nut"), ("ac3", "rm"), ("g722", "g722")]
)
def test_other_formats_are_refused_with_a_way_to_convert_them(tmp_path, encoder, container):
    path = tmp_path / f"sound.{container}"
    matrix_files.write_sound(path, encoder, 44100 if encoder == "ac3" else RATE, container)
    refuse(path, "format that is not read here.*ffmpeg -i")
