"""Sends a server hostile requests, and then many at once: python -m tools.soak_server

Trains AMH-7 for two steps on the planted-cue set (synthetic), exports it, and serves it by the
tests' stand-in for TensorFlow Serving. Prints how much memory each hostile request takes above what
the idle server has; then what 64 clients measure that ask for utterances of mixed lengths, whose
answers must be those of each utterance asked alone.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import amh_tf  # noqa: F401  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np

from amh_tf.corpora import planted
from amh_tf.data import writer
from export import client
from tests import conftest
from tools import hostile_requests, shared

SERVER = shared.ROOT / "tests" / "deploy" / "server.py"
MOST_MEGABYTES, MOST_DIFFERENCE = 300, 1e-5
SIGNATURES = ("serving_default", "classify", "raw_wav")
UTTERANCES, MOST_ROWS = 16, 4  # of each signature, and of a request


def _export(folder, recipe):
    """Writes data, trains and exports; returns the folder of the served versions."""
    # The planted features are declared to be as they are made here: the model then takes sound.
    source = planted.read(seed=0, sizes={"train": 60, "dev": 20, "test": 20})
    writer.write(dataclasses.replace(source, features=conftest.MADE_HERE), folder / "data")
    data, run, log = f"--data_dir={folder / 'data'}", f"--run_dir={folder / 'run'}", folder / "log"
    train = [f"--recipe={recipe}", "--hops=7", "--max_steps=2"]
    shared.run("-m", "amh_tf.train", *train, data, run, log=log)
    shared.run("-m", "amh_tf.export", run, f"--output_dir={folder / 'export'}", log=log)
    return folder / "export" / "serving"


class Server:
    """The stand-in for TensorFlow Serving, in its own process.

    Args:
        folder: Folder of the served versions.
    """

    def __init__(self, folder):
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER), str(folder)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = f"localhost:{json.loads(self._process.stdout.readline())['grpc']}"

    def close(self):
        """Ends the server."""
        self._process.stdin.close()
        self._process.wait()

    def megabytes(self, field="VmRSS"):
        """Reads the memory that the process has, or had at most since `forget_peak` ("VmHWM")."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().split("\n")
        return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024

    def forget_peak(self):
        """Makes the present memory the largest so far."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")


def _ask(connection, request):
    """Returns probabilities, or the ValueError that says why there are none."""
    try:
        answer = connection.predict(*request)
    except ValueError as error:
        return error
    return answer["scores" if request[0] == "classify" else "probabilities"]


def _timed(connection, request):
    start = time.monotonic()
    answer = _ask(connection, request)
    return time.monotonic() - start, answer


def attack(server):
    """Sends each hostile request; returns whether all stayed below the bound."""
    connection, within = client.GrpcClient(server.address), True
    print(f"idle: {server.megabytes():.0f} MB\n")
    print("| request | MB | MB above idle | answer |\n|---|---|---|---|")
    for name, make in hostile_requests.ALL.items():
        request, idle = make(), server.megabytes()
        server.forget_peak()
        answer, outcome = _ask(connection, request), "answered"
        used = server.megabytes("VmHWM") - idle
        within &= used < MOST_MEGABYTES
        if isinstance(answer, ValueError):
            limit = re.search("the limit `([a-z_]+)`", str(answer))
            outcome = limit[1] if limit else str(answer)[:100]
        size = hostile_requests.megabytes(request)
        print(f"| {name} | {size:.2f} | {used:.0f} | {outcome} |", flush=True)
    print(f"\nafter all of them: {server.megabytes():.0f} MB\n")
    return within


def _requests(rng):
    """Makes requests of one to four utterances of mixed lengths, and those of each alone.

    Returns:
        List of requests of one utterance; list of (places in that list, request).
    """
    alone, together = [], []
    for signature in SIGNATURES:
        utterances = [hostile_requests.utterance(signature, rng) for _ in range(UTTERANCES)]
        for _ in range(2 * UTTERANCES):
            rows = rng.integers(0, UTTERANCES, rng.integers(1, MOST_ROWS + 1))
            request = hostile_requests.batch(signature, [utterances[row] for row in rows])
            together.append((rows + len(alone), request))
        alone += [hostile_requests.batch(signature, [utterance]) for utterance in utterances]
    rng.shuffle(together)
    return alone, together


def crowd(server, clients, count, rng):
    """Asks from many clients at once; returns whether every answer was that of each alone."""
    alone, together = _requests(rng)
    connection, local = client.GrpcClient(server.address), threading.local()
    lone, expected = zip(*(_timed(connection, request) for request in alone * 3))
    memory = [server.megabytes()]

    def one(number):
        if not hasattr(local, "client"):
            local.client = client.GrpcClient(server.address)
        rows, request = together[number % len(together)]
        seconds, answer = _timed(local.client, request)
        if number % 500 == 499:
            memory.append(server.megabytes())
        if isinstance(answer, ValueError):
            return seconds, answer
        return seconds, max(np.abs(a - expected[row][0]).max() for a, row in zip(answer, rows))

    server.forget_peak()
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        times, results = zip(*pool.map(one, range(count)))
    took = time.monotonic() - start
    errors = [result for result in results if isinstance(result, ValueError)]
    difference = max(result for result in results if not isinstance(result, ValueError))
    for text, seconds in (("one client", lone), (f"{clients} clients", times)):
        p50, p99 = 1e3 * np.percentile(seconds, [50, 99])
        print(f"{text}: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    print(f"{count} requests in {took:.0f} s, {count / took:.1f} a second; {len(errors)} errors")
    print(f"largest difference from the utterance alone: {difference:.1e}")
    sizes = ", ".join(f"{megabytes:.0f}" for megabytes in memory)
    peak = server.megabytes("VmHWM")
    print(f"memory at the start and after every 500: {sizes} MB; peak {peak:.0f} MB")
    print(*(f"error: {error}" for error in errors[:3]), sep="\n")
    return not errors and difference <= MOST_DIFFERENCE


def main():
    """Soaks by the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    recipes = ("authors", "small_corpus")
    parser.add_argument("--recipe", default=recipes[0], choices=recipes, help="the second: 3 seeds")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = _export(Path(temporary), arguments.recipe)
        with contextlib.closing(Server(folder)) as server:
            within = attack(server)
        with contextlib.closing(Server(folder)) as server:
            same = crowd(server, arguments.clients, arguments.requests, rng)
    return 0 if within and same else 1


if __name__ == "__main__":
    sys.exit(main())
