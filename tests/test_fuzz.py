"""A moment of `tools.fuzz` for every parser; see there for what counts as a finding."""

import subprocess
import sys

import hypothesis
import pytest

from tools import fuzz, fuzz_targets, shared


def _feed(name, inputs, seconds):
    missing = fuzz_targets.missing(name)
    if missing:
        pytest.skip(missing)
    fed, _, findings = fuzz.fuzz(name, inputs=inputs, seconds=seconds)
    assert not findings, findings[0][1]
    assert fed


# Of each kind one. A process for each parser takes longer than what it is fed.
@pytest.mark.parametrize(
    "name", ["manifest", "record", "model", "request_example", "wav", "segments_srt", "table_csv"]
)
def test_damaged_input_is_read_or_refused(name):
    _feed(name, inputs=100, seconds=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz_targets.TARGETS)
def test_much_damaged_input_is_read_or_refused(name):
    _feed(name, inputs=200, seconds=8.0 if name.startswith("encoder_") else 1.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "is_drawn"),
    [
        (False, lambda data: len(data) == 9 and sum(a != b for a, b in zip(data, SEED)) == 1),
        (False, lambda data: SEED.startswith(data) and len(data) < 4),
        (False, lambda data: b"\xff\xff\xff\x7f" in data),
        (False, lambda data: len(data) > 100),
        (False, lambda data: b"ed" in data and b"oth" in data),
        (True, lambda data: data == b'{"a": []}'),
        (True, lambda data: data in (b"{12: 12}", b'{"a": "a"}')),
    ],
    ids=["byte", "cut", "number", "repeat", "splice", "word", "word of the file"],
)
def test_every_damage_is_drawn(text, is_drawn):
    settings = hypothesis.settings(max_examples=20000, database=None, derandomize=True)
    hypothesis.find(fuzz.damaged([SEED, b"another seed"], text), is_drawn, settings=settings)


SEED = b'{"a": 12}'

# A parser with one fault, fed in a process of its own: the bounds hold for the whole process.
PLANTED = """
import os, pathlib, sys
from tools import fuzz, fuzz_target, fuzz_targets

fault, folder = sys.argv[1], pathlib.Path(sys.argv[2])

def read(data):
    if data != b"a good input":
        {
            "slow": lambda: [0 for _ in iter(int, 1)],
            "large": lambda: bytearray(8 << 30),
            "change": lambda: open(folder / "elsewhere", "w"),
            "program": lambda: os.system("true"),
            "error": lambda: {}[data],
            "none": lambda: None,
        }[fault]()

class Reports:
    def send(self, report):
        findings = [trace for _, trace in report[2]]
        print(len(findings), *findings)

fuzz.SECONDS_PER_INPUT = 1
fuzz_targets.TARGETS["planted"] = lambda folder: fuzz_target.Target([b"a good input"], read)
(folder / "inside").mkdir()
fuzz._work("planted", 5, 30, 0, folder / "inside", Reports())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("slow", "more than 1 seconds"),
        ("large", "MemoryError"),
        ("change", "Finding: open"),
        ("program", "Finding: os.system"),
        ("error", "KeyError"),
        ("none", ""),
    ],
)
def test_planted_faults_are_found(fault, expected, tmp_path):
    command = [sys.executable, "-c", PLANTED, fault, str(tmp_path)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=shared.ROOT)
    number, _, trace = process.stdout.partition(" ")
    assert process.returncode == 0, process.stderr
    assert (int(number) == 0) == (fault == "none") and expected in trace
