"""Feeds damaged files to every parser: python -m tools.fuzz --inputs=100000

Each parser runs in a process of its own with bounded memory, and gets files that begin as
good ones. What it may do is return, or raise the error that it documents, which names the file.
Findings are any other error, a crash, more memory or time than allowed, and anything done outside
the folder: starting programs, connecting, writing or deleting. The input of each is kept in
--findings. Parsers of packages or extras that are not installed are named and left out. Weights of
ResNet-101 are not fuzzed: a whole file has 170 MB.
"""

import argparse
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import amh_tf  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
from tools import fuzz_mutations, fuzz_targets

# Of the processor's time, so that a busy or paused machine finds no fault; and of the clock's.
SECONDS_PER_INPUT = 20
LONGEST_WAIT = 600
EXTRA_MEMORY = 3 << 30
# Audit events of what no parser has any business to do.
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen")
FORBIDDEN += ("socket.connect", "socket.bind", "ctypes.dlopen", "webbrowser.open")
CHANGING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.link", "os.symlink")

assert amh_tf.__version__


class Finding(BaseException):
    """What a parser did and may not do; no parser catches it."""


def _watch(folder):
    """Raises `Finding` at forbidden events and at changes outside a folder."""
    inside = os.path.realpath(folder)

    def is_outside(path):
        return isinstance(path, (str, bytes, os.PathLike)) and not os.path.realpath(
            os.fsdecode(path)
        ).startswith(inside)

    def hook(event, arguments):
        if event.startswith(FORBIDDEN):
            raise Finding(f"{event} {arguments!r:.200}")
        writes = event == "open" and (
            set(arguments[1]) & set("wax+")
            if isinstance(arguments[1], str)
            else arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        if (writes or event in CHANGING) and is_outside(arguments[0]) and armed:
            raise Finding(f"{event} {arguments!r:.200}")

    armed = []
    sys.addaudithook(hook)
    return armed


def _too_slow(number, _):
    limit = LONGEST_WAIT if number == signal.SIGALRM else SECONDS_PER_INPUT
    raise Finding(f"more than {limit} seconds")


def _bound_time(on=True):
    signal.setitimer(signal.ITIMER_PROF, SECONDS_PER_INPUT if on else 0)
    signal.alarm(LONGEST_WAIT if on else 0)


def _bound_memory():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + EXTRA_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _work(name, inputs, seconds, seed, folder, results):
    target = fuzz_targets.TARGETS[name](Path(folder))
    target.parse(target.seeds[0])  # what is imported late is imported now
    armed = _watch(folder)
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, _too_slow)
    _bound_memory()
    started = time.monotonic()
    rng = random.Random(f"{name} {seed}")
    done = refused = 0
    while done < inputs and time.monotonic() - started < seconds:
        data = fuzz_mutations.mutate(rng, target.seeds, target.text)
        (Path(folder) / "input").write_bytes(data)
        _bound_time()
        armed.append(True)
        try:
            target.parse(data)
        except BaseException as error:
            _bound_time(False)
            if target.refuses(error):
                refused += 1
            else:
                trace = "".join(traceback.format_exception(error, limit=-4))
                results.put(("finding", data, trace))
        finally:
            armed.clear()
            _bound_time(False)
        done += 1
        if not done % 200:
            results.put(("progress", done, refused))
    results.put(("done", done, refused))


def fuzz(name, inputs, seconds=1e9, seed=0):
    """Fuzzes one parser in a process of its own.

    Args:
        name: One of `fuzz_targets.TARGETS`.
        inputs: How many inputs to feed at most.
        seconds: After how long to stop.
        seed: Seed of the damage.

    Returns:
        Number of inputs fed, number refused, list of (input, what happened).
    """
    findings, done, refused, ended = [], 0, 0, False
    with tempfile.TemporaryDirectory() as folder:
        # A process that has run TensorFlow must not be forked; one that imported it may be.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tools.fuzz_targets"])
        results = context.SimpleQueue()
        worker = context.Process(
            target=_work, args=(name, inputs, seconds, seed, folder, results), daemon=True
        )
        worker.start()
        while worker.is_alive() or not results.empty():
            if results.empty():
                time.sleep(0.02)
                continue
            kind, *values = results.get()
            if kind == "finding":
                findings.append(tuple(values))
            else:
                done, refused = values
                ended = kind == "done"
        worker.join()
        if not ended:
            kept = Path(folder) / "input"
            data = kept.read_bytes() if kept.exists() else b""
            findings.append((data, f"the process ended with {worker.exitcode}"))
    return done, refused, findings


def main():
    """Fuzzes by the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs for each parser")
    parser.add_argument("--seconds", type=float, default=1e9, help="time for each parser")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parsers", nargs="*", default=list(fuzz_targets.TARGETS))
    parser.add_argument("--findings", type=Path, default=Path("fuzz_findings"))
    arguments = parser.parse_args()
    failed = 0
    for name in arguments.parsers:
        missing = fuzz_targets.missing(name)
        if missing:
            print(f"{name:24} left out: {missing}", flush=True)
            continue
        done, refused, findings = fuzz(name, arguments.inputs, arguments.seconds, arguments.seed)
        print(
            f"{name:24} {done:7} inputs, {refused:7} refused, {len(findings)} findings", flush=True
        )
        for number, (data, trace) in enumerate(findings[:20]):
            arguments.findings.mkdir(exist_ok=True)
            (arguments.findings / f"{name}_{number}").write_bytes(data)
            print(trace, flush=True)
        failed += len(findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
