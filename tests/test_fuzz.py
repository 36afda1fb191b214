"""A few seconds of `tools.fuzz` for every parser; see there for what counts as a finding."""

import pytest

from tools import fuzz, fuzz_targets


@pytest.mark.parametrize("name", fuzz_targets.TARGETS)
def test_damaged_input_is_read_or_refused(name):
    missing = fuzz_targets.missing(name)
    if missing:
        pytest.skip(missing)
    done, _, findings = fuzz.fuzz(name, inputs=150, seconds=1.0)
    assert done and not findings, findings[0][1]
