"""Progress where output goes to a file."""

import numpy as np
import pytest

from amh_tf import progress


@pytest.fixture
def lines(monkeypatch, capsys):
    """A function that spends seconds on steps; returns what was printed."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def work(steps, seconds, note=""):
        with progress.bar(steps, "writing", "utterances") as bar:
            for _ in range(steps):
                now[0] += seconds
                bar.note(note)
                bar.advance()
        return capsys.readouterr().out.splitlines()

    return work


@pytest.mark.parametrize(
    ("steps", "seconds", "expected"),
    [
        (100, 0.05, []),  # done in five seconds
        (10, 20, list(range(1, 10))),
        (3500, 0.01, [1000, 2000, 3000]),
        (3, 1000, [1, 2]),
    ],
)
def test_lines_come_at_once_in_a_while(lines, steps, seconds, expected):
    found = [int(line.split()[1].replace(",", "")) for line in lines(steps, seconds)]
    assert found == expected


def test_work_of_hours_has_fewer_lines(lines):
    """Ten seconds apart for five minutes, then a thirtieth of the time; ten minutes at most."""
    assert len(lines(300, 1)) == 29
    assert len(lines(3600, 1)) == pytest.approx(30 + 30 * np.log(3600 / 300), abs=5)
    assert len(lines(24 * 360, 10)) == pytest.approx(
        30 + 30 * np.log(18_000 / 300) + (24 * 3600 - 18_000) / 600, abs=12
    )


def test_line_says_how_far_and_how_long(lines):
    said = lines(4000, 0.01, "loss 1.23")[0]
    assert said == "writing: 1,000 of 4,000 utterances, 100.0/s, 0:00:30 left; loss 1.23"
