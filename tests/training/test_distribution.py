"""Several devices, and several workers as processes of their own on this machine."""

import json
import socket

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.training import distribution, workers
from tests import commands

STEPS = 9  # of four batches an epoch, the last of which holds a single row


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def worker(name, data, run_dir, weights, *kill, environment=None):
    """The call that trains as one of a team, or alone."""
    arguments = [name, data.folder, run_dir, weights, STEPS, *kill]
    return ["-m", "tests.training.team_worker", *arguments], {"environment": environment}


def pair(data, folder, kill=()):
    """Two workers on one run folder; `kill` is for the second."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(2)]
    return [
        worker(
            "multi_worker", data, folder / "run", folder / f"worker{index}.npz",
            *(kill if index else ()), environment={"TF_CONFIG": json.dumps(task)},
        )
        for index, task in enumerate(tasks)
    ]  # fmt: skip


def finish(calls):
    ends = commands.run_together(calls, at_once=len(calls))
    return [(end.returncode, end.stdout + end.stderr) for end in ends]


def weights_in(path):
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files]


@pytest.fixture(scope="module")
def trained(tiny_data, tmp_path_factory):
    """The same training in one process, on two devices, and by two workers."""
    folder = tmp_path_factory.mktemp("teams")
    calls = [
        worker(name, tiny_data, folder / name, folder / f"{name}.npz")
        for name in ("none", "mirrored")
    ]
    for status, output in finish(calls + pair(tiny_data, folder)):
        assert status == 0, output
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mirrored", "worker0", "worker1"])
def test_a_team_ends_where_one_process_does(trained, name):
    single, team = weights_in(trained / "none.npz"), weights_in(trained / f"{name}.npz")
    assert single[-1][1] == STEPS  # the weights compared are those of the last step
    assert len(single) == len(team)
    for one, other in zip(single, team):
        np.testing.assert_allclose(one, other, atol=1e-6, rtol=0)


@pytest.mark.slow
def test_workers_end_with_the_same_bits(trained):
    first, second = (weights_in(trained / f"worker{index}.npz") for index in range(2))
    for one, other in zip(first, second):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_the_chief_alone_writes(trained):
    names = {path.name for path in (trained / "run").iterdir()}
    assert names == {path.name for path in (trained / "none").iterdir()}
    assert len(list((trained / "run" / "logs").iterdir())) == 1
    assert not [path for path in (trained / "run").rglob("*") if "partial" in path.name]


@pytest.mark.slow
def test_killed_worker_ends_the_others_and_all_resume(trained, tiny_data, tmp_path):
    (chief, output), (killed, _) = finish(pair(tiny_data, tmp_path, kill=[5]))
    assert killed == -9
    assert chief not in (0, -9), output  # it fails instead of waiting for ever
    assert "Another worker has ended" in output or chief < 0, output
    assert not (tmp_path / "run" / "model.keras").exists()
    for status, output in finish(pair(tiny_data, tmp_path)):
        assert status == 0, output
        assert "Continuing at step 4." in output
    for index in range(2):
        whole, resumed = (
            weights_in(folder / f"worker{index}.npz") for folder in (trained, tmp_path)
        )
        for one, other in zip(whole, resumed):
            np.testing.assert_array_equal(one, other)
    for name in ("metrics.json", "predictions.csv"):
        assert (trained / "run" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        None, "", "{", "[]", "{}", '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}',
    ],
)  # fmt: skip
def test_damaged_tf_config_is_refused(monkeypatch, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=r"`TF_CONFIG` does not name the workers.*--distribution"):
        workers.is_chief("multi_worker")


def test_unknown_distribution_is_refused():
    with pytest.raises(ValueError, match=r"`distribution` is not known.*--distribution"):
        workers.is_chief("horovod")


def test_strategy_is_asked_to_wait_a_minute(monkeypatch):
    runtime, asked = distribution.context.context(), []
    monkeypatch.setattr(
        runtime, "configure_coordination_service", lambda kind, **more: asked.append(more)
    )
    with distribution._patience():
        runtime.configure_coordination_service("standalone")
    runtime.configure_coordination_service("standalone")
    assert asked == [{"heartbeat_timeout_in_ms": 60_000}, {}]


def test_lost_worker_is_told_with_what_to_do():
    aborted = "Collective ops is aborted by: Connection reset by peer\nAdditional information"
    with (
        pytest.raises(ConnectionError, match=r"reset by peer\. See .* start all workers again"),
        distribution.make_team().naming_losses(),
    ):
        raise tf.errors.UnavailableError(None, None, aborted)


def test_other_errors_of_tensorflow_are_left_alone():
    with pytest.raises(tf.errors.DataLossError), distribution.make_team().naming_losses():
        raise tf.errors.DataLossError(None, None, "corrupted record")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mirrored", "multi_worker"])
def test_team_of_one_trains(tiny_data, tmp_path, name):
    cluster = {"cluster": {"worker": [f"127.0.0.1:{free_ports(1)[0]}"]}}
    task = json.dumps({**cluster, "task": {"type": "worker", "index": 0}})
    finished = commands.run(
        "-m", "amh_tf.train", f"--distribution={name}", "--hops=1", "--max_steps=2",
        "--audio_units=6", "--text_units=5", "--video_units=4", "--batch_size=8",
        f"--data_dir={tiny_data.folder}", f"--run_dir={tmp_path / 'run'}",
        environment={"TF_CONFIG": task},
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]
