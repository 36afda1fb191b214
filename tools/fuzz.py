"""Feeds damaged files to every parser: python -m tools.fuzz --inputs=100000

Each parser runs in its own process with bounded memory, and is fed good files that Hypothesis
damages. It may return, or raise the error that it documents, which names the file. Anything else is
a finding: another error, a crash, more memory or time than allowed, and anything done outside the
folder, such as starting a program, connecting, writing or deleting. Hypothesis shrinks the input of
each finding, which is kept in --findings. Parsers whose extra is not installed are left out, and
weights of ResNet-101, as a whole file has 170 MB.
"""

import argparse
import contextlib
import itertools
import multiprocessing
import os
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from pathlib import Path

import amh_tf  # noqa: F401  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import hypothesis
from hypothesis import configuration, strategies

from amh_tf import progress
from tools import fuzz_targets

# Of the processor's time, so that a busy or paused machine causes no finding; and of the clock's.
SECONDS_PER_INPUT, LONGEST_WAIT = 20, 600
EXTRA_MEMORY = 3 << 30
BATCH = 1000  # inputs of one run of Hypothesis, which remembers all of them
MAX_BYTES = 1 << 20
# Audit events that no parser has any reason to cause, and those that change files.
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen")
FORBIDDEN += ("socket.connect", "socket.bind", "ctypes.dlopen", "webbrowser.open")
CHANGING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.link", "os.symlink")

INTEGERS = (0, 1, -1, 127, 128, 255, 256, 32767, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32)
INTEGERS += (2**48, 2**60, 2**63 - 1, -(2**63), 2**64 - 1)
WORDS = ("null", "true", "[]", "{}", '""', "-1", "0", "1e999", "-0.5", "NaN", "Infinity", "[[[[[[]")
WORDS += ("9" * 20, "9" * 5000, '"../../x"', '"/etc/passwd"', '"\\u0000"', '"\\ud800"', "\x00")
WORDS += ('"' + "long" * 99 + '"', "\N{RIGHT-TO-LEFT OVERRIDE}", "'", '"', ",", "\t", "\n", "\r\n")
_WORD = re.compile(rb'"[^"\n]{0,200}"|-?\d[\d.e+-]*|[\[\]{}:,]|[A-Za-z_]+')
DAMAGES = ("bit", "byte", "delete", "repeat", "insert", "cut", "splice", "number")
# Half of the damage to text is to its words, numbers and brackets.
TEXT_DAMAGES = DAMAGES + ("word",) * len(DAMAGES)
_SIZES = strategies.sampled_from((1, 1, 2, 3, 4, 5, 8, 13, 30, 100, 1000, 10**4))


class Finding(BaseException):
    """What a parser did and may not do; no parser catches it."""


class TooSlow(Finding):
    """An input took too long."""


@strategies.composite
def damaged(draw, seeds, text):
    """Draws one of some good files, in which one to six spans are replaced.

    Args:
        seeds: List of bytes.
        text: Whether they are text, in which words are replaced too.
    """
    data = draw(strategies.sampled_from(seeds))
    for _ in range(draw(strategies.sampled_from((1, 1, 1, 2, 3, 6)))):
        kind = draw(strategies.sampled_from(TEXT_DAMAGES if text else DAMAGES))
        start = draw(strategies.integers(0, len(data)))
        end = min(len(data), start + draw(_SIZES))
        new = b""  # as for "delete"
        if kind == "bit":
            end = min(len(data), start + 1)
            new = bytes(byte ^ 1 << draw(strategies.integers(0, 7)) for byte in data[start:end])
        elif kind == "byte":
            end, new = start + 1, bytes([draw(strategies.integers(0, 255))])
        elif kind == "repeat":
            new = data[start:end] * draw(strategies.sampled_from((2, 3, 51)))
        elif kind == "insert":
            end, new = start, draw(strategies.binary(min_size=1, max_size=20))
        elif kind == "cut":
            end = len(data)
        elif kind == "splice":
            other = draw(strategies.sampled_from(seeds))
            first = draw(strategies.integers(0, len(other)))
            new = other[first : first + draw(_SIZES)]
        elif kind == "number":
            packing = draw(strategies.sampled_from("<>")) + "Q"
            number = struct.pack(packing, draw(strategies.sampled_from(INTEGERS)) % 2**64)
            new = number[: draw(strategies.sampled_from((2, 4, 8)))]
            end = start + len(new)
        elif kind == "word" and (words := list(_WORD.finditer(data))):
            start, end = draw(strategies.sampled_from(words)).span()
            others = [word.encode("utf-8", "surrogatepass") for word in WORDS]
            others.append(draw(strategies.sampled_from(words)).group())
            new = draw(strategies.sampled_from(others))
        data = data[:start] + new + data[end:]
    return data[:MAX_BYTES]


def _watch(folder):
    """Raises `Finding` at forbidden events and at changes outside a folder.

    Returns:
        List that is empty unless changes are watched.
    """
    inside, watched = os.path.realpath(folder), []

    def hook(event, arguments):
        if event.startswith(FORBIDDEN):
            raise Finding(f"{event} {arguments!r:.200}")
        writes = event == "open" and (
            set(arguments[1]) & set("wax+")
            if isinstance(arguments[1], str)
            else arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        if watched and (writes or event in CHANGING):
            path = arguments[0]
            if isinstance(path, (str, bytes, os.PathLike)) and not os.path.realpath(
                os.fsdecode(path)
            ).startswith(inside):
                raise Finding(f"{event} {arguments!r:.200}")

    sys.addaudithook(hook)
    return watched


def _bound_memory():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + EXTRA_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _too_slow(number, _):
    limit = LONGEST_WAIT if number == signal.SIGALRM else SECONDS_PER_INPUT
    raise TooSlow(f"more than {limit} seconds")


@contextlib.contextmanager
def _bounded(watched):
    """Bounds the time of a block, and watches the changes that it makes."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS_PER_INPUT)
    signal.alarm(LONGEST_WAIT)
    watched.append(True)
    try:
        yield
    finally:
        watched.clear()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)


def _work(name, inputs, seconds, seed, folder, reports):
    """Feeds a parser; sends (inputs, refused, findings, whether it is done) from time to time."""
    configuration.set_hypothesis_home_dir(folder / ".hypothesis")
    target = fuzz_targets.TARGETS[name](folder)
    target.read(target.seeds[0])  # what is imported late is imported now
    watched = _watch(folder)
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, _too_slow)
    _bound_memory()
    counts = {"inputs": 0, "refused": 0}
    places, findings = set(), {}  # where errors came from; the smallest input of each

    def feed(data):
        if time.monotonic() - start > seconds:
            return
        (folder / "input").write_bytes(data)
        counts["inputs"] += 1
        try:
            with _bounded(watched):
                target.read(data)
        except BaseException as error:
            if target.refuses(error):
                counts["refused"] += 1
                return
            place = (type(error), *traceback.extract_tb(error.__traceback__)[-1][:2])
            if place not in findings or len(data) < len(findings[place][0]):
                trace = "".join(traceback.format_exception(error, limit=-4))
                findings[place] = data, trace
            # Each is shrunk once, but what would take minutes.
            if place not in places and not isinstance(error, TooSlow):
                raise AssertionError(f"{name} has a finding") from error

    start = time.monotonic()
    for number in itertools.count():
        settings = hypothesis.settings(
            max_examples=min(BATCH, inputs - counts["inputs"]),
            phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        test = settings(hypothesis.given(damaged(target.seeds, target.text))(feed))
        with contextlib.suppress(AssertionError, ExceptionGroup, hypothesis.errors.Flaky):
            hypothesis.seed(f"{name} {seed} {number}")(test)()
        places |= set(findings)
        is_done = counts["inputs"] >= inputs or time.monotonic() - start > seconds
        reports.send((*counts.values(), list(findings.values()), is_done))
        if is_done:
            return


def fuzz(name, inputs, seconds=1e9, seed=0, show=lambda inputs: None):
    """Fuzzes one parser in its own process.

    Args:
        name: One of `fuzz_targets.TARGETS`.
        inputs: How many inputs to feed; a few more where a finding is shrunk.
        seconds: After how long to stop.
        seed: Seed of the damage.
        show: Function called with the number of inputs so far.

    Returns:
        Number of inputs fed, number refused, list of (input, what happened).
    """
    fed = refused = 0
    findings, is_done = [], False
    with tempfile.TemporaryDirectory() as folder:
        # A process that has run TensorFlow must not be forked; one that imported it may be.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tools.fuzz_targets"])
        receiver, sender = context.Pipe(duplex=False)
        arguments = (name, inputs, seconds, seed, Path(folder), sender)
        worker = context.Process(target=_work, args=arguments, daemon=True)
        worker.start()
        sender.close()
        with contextlib.suppress(EOFError):  # the process has ended
            while True:
                fed, refused, findings, is_done = receiver.recv()
                show(fed)
        worker.join()
        if not is_done:
            last = Path(folder) / "input"
            data = last.read_bytes() if last.exists() else b""
            findings.append((data, f"the process ended with {worker.exitcode}"))
    return fed, refused, findings


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
        if reason := fuzz_targets.missing(name):
            print(f"{name:24} left out: {reason}", flush=True)
            continue
        with progress.bar(arguments.inputs, name, "inputs") as bar:
            settings = arguments.inputs, arguments.seconds, arguments.seed, bar.move_to
            fed, refused, findings = fuzz(name, *settings)
        print(f"{name:24} {fed:7} inputs, {refused:7} refused, {len(findings)} findings")
        for number, (data, trace) in enumerate(findings):
            arguments.findings.mkdir(exist_ok=True)
            (arguments.findings / f"{name}_{number}").write_bytes(data)
            print(trace, flush=True)
        failed += len(findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
