import pytest

from amh_tf.corpora import timestamps


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:00", 0),
        ("1:02.5", 62.5),
        ("0:01:02,500", 62.5),
        ("00:00:01.1", 1.1),
        ("90:00", 5400),
        ("100:59:59.999", 363_599.999),
    ],
)
def test_clock_is_hours_minutes_and_seconds(text, seconds):
    assert timestamps.clock(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "1:60", "1:60:00", "1:2:3:4", "-1:00", "1:", ":30", "1:00.", "1e1:00", "\u0661:00"],
)
def test_what_is_no_time_of_a_clock_is_none(text):
    assert timestamps.clock(text) is None
