"""Reports of this and of former versions are taken, damaged ones are not."""

import copy

import numpy as np
import pytest

from amh_tf import errors, typed
from amh_tf.runs import stored_reports
from amh_tf.scores import metrics

ADDED = ("interval", "notes", "controls", "per_speaker", "per_sex")


@pytest.fixture
def report():
    labels = np.arange(60) % 3
    return metrics.report(
        labels,
        np.eye(3)[np.arange(60) % 2],
        ("ang", "hap", "sad"),
        speakers=[f"s{i % 12}" for i in range(60)],
        sexes=["female" if i % 2 else "male" for i in range(60)],
        sentences=["a"] * 60,
    )


def test_report_of_this_version_is_taken_whole(report):
    assert set(ADDED) < set(report)
    assert report["per_sex"]["gap"]["interval_95"] is not None
    assert report["controls"]["text_ceiling"]["explanation"]
    typed.convert(report, stored_reports.Report)


@pytest.mark.parametrize("left_out", ADDED)
def test_report_of_a_former_version_lacks_it(report, left_out):
    del report[left_out]
    typed.convert(report, stored_reports.Report)


DAMAGES = [
    (("interval",), 3),
    (("notes",), "none"),
    (("notes",), [1]),
    (("controls",), None),
    (("controls", "majority_class"), None),
    (("controls", "majority_class", "weighted_accuracy"), 2),
    (("controls", "shuffled_labels", "unweighted_accuracy"), 0.3),
    (("controls", "shuffled_labels", "weighted_accuracy", "range_95"), [0.1]),
    (("controls", "shuffled_labels", "weighted_accuracy", "mean"), float("nan")),
    (("controls", "text_ceiling"), 1),
    (("controls", "text_ceiling", "explanation"), 1),
    (("controls", "text_ceiling", "sentences"), 0),
    (("per_speaker",), {}),
    (("per_speaker", 0), "s0"),
    (("per_speaker", 0, "utterances"), 0),
    (("per_sex",), []),
    (("per_sex", "groups"), None),
    (("per_sex", "groups", 0, "sex"), 1),
    (("per_sex", "gap"), 0.1),
    (("per_sex", "gap", "between"), ["female"]),
    (("per_sex", "gap", "score"), "beauty"),
    (("per_sex", "gap", "value"), -0.1),
    (("per_sex", "gap", "interval_95"), [0, float("nan")]),
]


@pytest.mark.parametrize(
    "path",
    [
        ("controls", "majority_class"),
        ("controls", "text_ceiling", "explanation"),
        ("per_sex", "groups"),
        ("per_sex", "gap"),
        ("per_sex", "gap", "interval_95"),
    ],
    ids=".".join,
)
def test_part_of_an_addition_must_not_be_absent(report, path):
    place = report
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    with pytest.raises(errors.InputError):
        typed.convert(report, stored_reports.Report)


@pytest.mark.parametrize(("path", "value"), DAMAGES, ids=lambda value: str(value)[:60])
def test_damaged_addition_is_refused(report, path, value):
    damaged = copy.deepcopy(report)
    place = damaged
    for key in path[:-1]:
        place = place[key]
    assert place[path[-1]] != value
    place[path[-1]] = value
    with pytest.raises(errors.InputError):
        typed.convert(damaged, stored_reports.Report)
