"""What can be tried of `tools.two_hosts` without root: the rest needs network namespaces."""

import socket
import time

import numpy as np
import pytest

from amh_tf import errors
from tests import commands
from tools.hosts import network, reading, training


@pytest.mark.parametrize(
    ("user", "commands_found", "device", "received"),
    [
        (1000, True, True, "user 1000"),
        (0, False, True, "no ip, nsenter"),
        (0, True, False, "user 0"),
    ],
)
def test_what_hosts_need_is_checked_first(monkeypatch, user, commands_found, device, received):
    monkeypatch.setattr(network.os, "geteuid", lambda: user)
    monkeypatch.setattr(network.shutil, "which", lambda name: name if commands_found else None)
    monkeypatch.setattr(network.os.path, "exists", lambda path: device)
    with pytest.raises(errors.InputError, match=rf"cannot be made.*root.*{received}.*with sudo"):
        network.check()


def test_tool_is_refused_without_root(tmp_path):
    without_root = (
        "import os, runpy, sys; os.geteuid = lambda: 1000; sys.argv[0] = 'two_hosts'; "
        "runpy.run_module('tools.two_hosts', run_name='__main__', alter_sys=True)"
    )
    finished = commands.run("-c", without_root, f"--output_dir={tmp_path / 'out'}")
    commands.assert_refused(finished, "Network namespaces cannot be made", "sudo")
    assert not (tmp_path / "out").exists()


def test_steps_are_the_times_between_notes(tmp_path):
    notes = [
        "10.0 1.0",
        "12.0 1.5",
        *(f"{12 + 0.2 * n:.1f} {1.5 + 0.1 * n:.1f}" for n in range(1, 9)),
    ]
    (tmp_path / "worker0.txt").write_text("\n".join(notes))
    result = training.Result(tmp_path, (0,))
    np.testing.assert_allclose(result.steps()[0], [2, 0.5])
    np.testing.assert_allclose(result.milliseconds(), [200, 100])


def test_one_changed_bit_is_seen():
    first = [np.array([0.0, 1.0]), np.array([[2.0]])]
    second = [np.array([0.0, np.nextafter(1, 2)]), np.array([[2.0]])]
    assert training.same(first, first) and not training.same(first, second)
    assert training.differences(first, second).tolist() == [0, np.spacing(1.0), 0]


@pytest.mark.slow
def test_team_of_processes_on_this_machine_is_noted(tiny_data, tmp_path, monkeypatch):
    units = [f"--{modality}_units=3" for modality in ("audio", "text", "video")]
    monkeypatch.setattr(training, "FLAGS", [*training.FLAGS, *units])
    monkeypatch.setattr(network.Cores, "command", lambda _, *command: [*map(str, command)])
    result = training.train([network.Cores("0")], tmp_path / "one", tiny_data.folder, 3, 16)
    assert result.statuses == (0,), result.output(0)
    assert len(result.steps()) == 2 and result.weights()


class Card:
    """A network card whose other end a test holds."""

    def __init__(self):
        self.end, self._cable_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.end.settimeout(10)
        self.card = self._cable_end.fileno()


@pytest.fixture
def cable():
    cards = Card(), Card()
    joined = network.Cable(cards, bits_a_second=4e6, delay=0.05)
    yield joined, *(card.end for card in cards)
    joined.close()


def test_cable_delays_frames_and_carries_no_more_than_its_rate(cable):
    joined, first, second = cable
    frames = [bytes([number]) * 1000 for number in range(50)]
    start = time.monotonic()
    for frame in frames:
        first.send(frame)
    second.send(b"back")
    assert second.recv(2000) == frames[0]
    assert time.monotonic() - start >= 0.05 + 8000 / 4e6
    assert [second.recv(2000) for _ in frames[1:]] == frames[1:]
    assert time.monotonic() - start >= 0.05 + 50 * 8000 / 4e6
    assert first.recv(2000) == b"back"
    assert joined.num_bytes == [50_000, 4]


def test_cut_cable_loses_frames_until_it_is_joined_again(cable):
    joined, first, second = cable
    joined.cut()
    first.send(b"lost")
    start = time.monotonic()
    joined.cut(0.3)
    assert time.monotonic() - start >= 0.3 and not joined.is_cut
    first.send(b"arrives")
    assert second.recv(2000) == b"arrives"
    assert joined.num_bytes == [7, 0]


def test_costs_of_reading_are_by_the_number_of_workers(tiny_data, capsys, monkeypatch):
    monkeypatch.setattr(reading, "TEAMS", (1, 4))
    monkeypatch.setattr(reading, "EPOCHS", 2)
    monkeypatch.setattr(reading, "ROUNDS", 1)
    monkeypatch.setattr(reading.startup, "keep_memory", lambda: None)
    monkeypatch.setattr(reading.sys, "argv", ["reading", str(tiny_data.folder), "8"])
    reading.main()
    costs = reading.json.loads(capsys.readouterr().out)
    assert list(costs) == ["0", "4"]
    assert all(cost > 0 for cost in costs.values())
