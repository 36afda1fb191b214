"""Trains one model by teams of several kinds, and disturbs them."""

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tools import shared

# Without dropout, as each replica draws masks of its own.
FLAGS = (
    "--recipe=authors --hops=7 --validation_interval=0.5 --noshuffle_labels "
    "--audio_dropout=0 --text_dropout=0 --video_dropout=0"
).split()
DISTURBED_AT = 10  # steps
CUT = 10  # seconds
_TOO_LONG = 900  # seconds
_WARM = 4  # steps, of which the first builds the graph


@dataclasses.dataclass(frozen=True)
class Result:
    """What a team has left.

    Attributes:
        folder: Its folder: `run`, and notes and output of each worker.
        statuses: Exit code of each worker.
        seconds: From a disturbance to the last worker's end, 0.0 without one.
    """

    folder: Path
    statuses: tuple
    seconds: float = 0.0

    def weights(self, worker=0):
        """Returns a worker's weights at the end."""
        with np.load(self.folder / f"worker{worker}.npz") as arrays:
            return [arrays[name] for name in arrays.files]

    def output(self, worker):
        """Returns what a worker has printed."""
        return (self.folder / f"worker{worker}.log").read_text(encoding="utf-8")

    def steps(self):
        """Returns wall and processor seconds of each step, `(steps, 2)`, by the chief's notes."""
        return np.diff(np.loadtxt(self.folder / "worker0.txt"), axis=0)

    def milliseconds(self):
        """Returns the medians of a step's wall and processor time."""
        return 1000 * np.median(self.steps()[_WARM:], axis=0)


def same(first, second):
    """Returns whether two lists of weights have the same bits."""
    return len(first) == len(second) and all(map(np.array_equal, first, second))


def differences(first, second):
    """Returns the absolute differences between two lists of weights, as one array."""
    pairs = zip(first, second, strict=True)
    return np.concatenate([np.abs(one - other).ravel() for one, other in pairs])


def free_ports(count):
    """Returns ports that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in sockets]


def train(machines, folder, data, steps, batch_size, disturb=None):
    """Trains by one process on each machine, and waits for their end.

    Args:
        machines: List of `network.Host` or `network.Cores`; of one, no team is made.
        folder: `Path` of what is kept; of a team that was ended before, which then continues.
        data: Data folder.
        steps: Steps to train.
        batch_size: Utterances per batch.
        disturb: Function that is given the processes after some steps, or None.

    Returns:
        `Result`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{m.address}:{port}" for m, port in zip(machines, free_ports(len(machines)))]
    flags = [*FLAGS, f"--data_dir={data}", f"--run_dir={folder / 'run'}", f"--max_steps={steps}"]
    flags += [f"--batch_size={batch_size}"]
    flags += ["--distribution=multi_worker"] * (len(machines) > 1)
    processes, seconds = [], 0.0
    try:
        for index, machine in enumerate(machines):
            task = {"cluster": {"worker": names}, "task": {"type": "worker", "index": index}}
            notes = folder / f"worker{index}"
            with open(f"{notes}.log", "a", encoding="utf-8") as log:
                processes.append(
                    subprocess.Popen(
                        machine.command(sys.executable, "-m", "tools.hosts.worker", notes, *flags),
                        env={**os.environ, "TF_CONFIG": json.dumps(task)},
                        cwd=shared.ROOT,
                        stdout=log,
                        stderr=log,
                    )
                )
        if disturb:
            _wait_for_steps(folder / "worker0.txt", processes)
            start = time.monotonic()
            disturb(processes)
        statuses = tuple(process.wait(_TOO_LONG) for process in processes)
        seconds = time.monotonic() - start if disturb else 0.0
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return Result(folder, statuses, seconds)


def _wait_for_steps(notes, processes):
    end = time.monotonic() + _TOO_LONG
    while time.monotonic() < end and all(process.poll() is None for process in processes):
        with contextlib.suppress(FileNotFoundError):
            if len(notes.read_text().splitlines()) >= DISTURBED_AT:
                return
        time.sleep(0.05)


def says_what_to_do(output):
    """Returns whether a worker that has lost another one has said so, and how to go on."""
    return "Another worker has ended" in output and "start all workers again" in output
