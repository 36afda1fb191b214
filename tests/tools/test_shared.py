"""What several tools share: commands, tables, and figures of several seeds or rounds."""

import numpy as np
import pytest

from amh_tf import errors
from tools import shared


def test_command_that_fails_is_named_with_its_log(tmp_path):
    log = tmp_path / "log"
    shared.run("-c", "print('fine')", log=log)
    with pytest.raises(errors.InputError, match=r"exit code 0. Received: 3 of `-c .*log; the same"):
        shared.run("-c", "import sys; print('bad', file=sys.stderr); sys.exit(3)", log=log)
    assert log.read_text() == "fine\nbad\n"


def test_tables_are_markdown():
    assert shared.markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


def test_spread_is_mean_and_sample_deviation():
    assert shared.spread([0.5]) == ".500"
    assert shared.spread([0.5, 0.7]) == ".600 ± .141"
    assert shared.interval({"value": 0.5, "interval_95": [0.4, 0.625]}) == ".500 [.400, .625]"


def test_interval_of_a_median_shrinks_with_the_rounds():
    rounds = np.random.default_rng(1).normal(3, 1, 400)
    (middle, low, high), (_, lower, higher) = (
        shared.median_interval(values) for values in (rounds, rounds[:10])
    )
    assert middle == np.median(rounds)
    # The median of 400 normal values deviates by 1.25 / 20.
    assert high - low == pytest.approx(4 * 1.25 / 20, rel=0.25)
    assert higher - lower > 2 * (high - low)
