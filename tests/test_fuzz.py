"""A few seconds of `tools.fuzz` for every parser; see there for what counts as a finding."""

import hypothesis
import pytest

from tools import fuzz, fuzz_targets


@pytest.mark.parametrize("name", fuzz_targets.TARGETS)
def test_damaged_input_is_read_or_refused(name):
    missing = fuzz_targets.missing(name)
    if missing:
        pytest.skip(missing)
    fed, _, findings = fuzz.fuzz(name, inputs=150, seconds=1.0)
    assert fed and not findings, findings[0][1]


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
        (True, lambda data: data == b"{12: 12}"),
    ],
    ids=["byte", "cut", "number", "repeat", "splice", "word", "word of the file"],
)
def test_every_damage_is_drawn(text, is_drawn):
    settings = hypothesis.settings(max_examples=20000, database=None, derandomize=True)
    hypothesis.find(fuzz.damaged([SEED, b"another seed"], text), is_drawn, settings=settings)


SEED = b'{"a": 12}'
