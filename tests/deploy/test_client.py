"""What the client refuses before it asks."""

import socket
import subprocess
import sys

import numpy as np
import pytest

from export import client
from tests.deploy import conftest


@pytest.mark.parametrize(
    ("samples", "settings", "message"),
    [
        (9000, {"rate": 44100}, "another rate.*16 bits at 44100 Hz"),
        (9000, {"width": 1}, "another rate.*8 bits"),
        (399, {}, "too short.*399"),
        (0, {}, "too short"),
    ],
)
def test_sound_that_the_server_cannot_read_is_refused(tmp_path, samples, settings, message):
    path = conftest.write_wav(tmp_path / "clip.wav", np.zeros(samples), **settings)
    with pytest.raises(ValueError, match=message):
        client.read_wav(path)


def test_damaged_sound_is_refused(tmp_path):
    path = conftest.write_wav(tmp_path / "clip.wav", np.zeros(9000))
    contents = path.read_bytes()
    assert client.read_wav(path) == contents
    path.write_bytes(contents[:-1000])
    with pytest.raises(ValueError, match=r"cut short.*9000 samples"):
        client.read_wav(path)
    for noise in (b"", b"RIFF", b"not a sound at all"):
        path.write_bytes(noise)
        with pytest.raises(ValueError, match="not a WAV file"):
            client.read_wav(path)


@pytest.mark.parametrize("text", [b"caf\xe9", "half \ud83d"])
def test_text_that_is_not_unicode_is_refused(text):
    with pytest.raises(ValueError, match="not Unicode"):
        client.check_text(text)


@pytest.mark.parametrize(
    ("sequences", "width", "lengths", "message"),
    [
        ([], 4, None, "batch is empty"),
        ([np.zeros((2, 3))], 4, None, r"another shape.*\(time, 4\).*\(2, 3\)"),
        ([np.zeros(4)], 4, None, "another shape"),
        ([np.zeros((2, 3))], None, None, "another shape"),
        ([np.zeros(3)], None, None, "not integers"),
        ([np.full((2, 4), np.nan)], 4, None, "not finite"),
        ([np.full((2, 4), "x")], 4, None, "not finite"),
        ([np.zeros((2, 4))], 4, [3], "out of range.*0 to 2"),
        ([np.zeros((2, 4))], 4, [-1], "out of range"),
    ],
)
def test_features_that_cannot_be_right_are_refused(sequences, width, lengths, message):
    with pytest.raises(ValueError, match=message):
        client.pad("audio", sequences, width, lengths)


def test_padding_is_zeros_behind_the_steps():
    padded = client.pad("audio", [np.ones((1, 2)), None, np.full((3, 2), 2)], 2)
    expected = [[[1, 1], [0, 0], [0, 0]], [[0, 0]] * 3, [[2, 2]] * 3]
    np.testing.assert_array_equal(padded["audio"], expected)
    np.testing.assert_array_equal(padded["audio_length"], [1, 0, 3])
    absent = client.pad("text", [None], None)
    assert absent["text"].shape == (1, 1) and absent["text"].dtype == np.int32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Nothing is given"),
        (["--text=hello", "--server=http://localhost:9"], "refused"),
        (["--audio=missing.wav"], "missing.wav"),
    ],
)
def test_command_line_fails_with_one_message(arguments, message):
    """Needs neither TensorFlow nor the package."""
    finished = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['tensorflow'] = None; "
         "sys.path.insert(0, 'export'); import client; sys.exit(client.main(sys.argv[1:]))",
         *arguments],
        cwd=conftest.ROOT, env=conftest.clean_environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert finished.returncode == 1 and finished.stderr.startswith("error: ")
    assert message in finished.stderr and finished.stderr.count("\n") == 1


@pytest.mark.parametrize("server", ["localhost:{}", "http://localhost:{}"])
def test_server_that_is_not_there_is_named(server):
    with socket.socket() as held:  # bound, and nobody listens
        held.bind(("localhost", 0))
        server = server.format(held.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "export/client.py", f"--server={server}", "--text=hello"],
            cwd=conftest.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: There is no answer from {server}. Expected TensorFlow")
    assert "--server" in done.stderr and "Traceback" not in done.stderr
