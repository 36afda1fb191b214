import itertools

import pytest

from amh_tf.reporting import gather, pair_tables, report_tables, write
from amh_tf.scores import published, significance
from tests.reporting import crossvals

SCORES = [
    "weighted_accuracy",
    "unweighted_accuracy",
    "weighted_precision",
    "macro_precision",
    "weighted_f1",
    "macro_f1",
]


def cells(table, *start):
    """The row that begins with these cells."""
    (row,) = [row for row in table.rows if row[: len(start)] == list(start)]
    return row


def group(folder):
    (found,) = gather.gather(folder)
    return found


def test_published_figures_are_the_authors():
    assert len(published.ROWS) == 20
    row = published.find("amh", 7, ("audio", "text", "video"))
    assert row.weighted_precision == published.Estimate(0.624, 0.022)
    assert row.macro_precision == published.Estimate(0.597, 0.040)
    assert row.weighted_accuracy == published.Estimate(0.617, 0.016)
    assert row.unweighted_accuracy == published.Estimate(0.547, 0.025)
    row = published.find("mha", 2, ("text", "video"))
    assert row.weighted_precision == published.Estimate(0.590, 0.017)
    assert row.unweighted_accuracy == published.Estimate(0.526, 0.024)
    row = published.find("amh", 7, ("audio", "text", "video"), "asr")
    assert row.macro_precision == published.Estimate(0.595, 0.036)
    assert row.unweighted_accuracy is None
    row = published.find("rnn_attn", None, ("audio",))
    assert row.weighted_precision == published.Estimate(0.359, 0.058)
    hops = [published.find("amh", n, ("audio", "text", "video")) for n in range(1, 10)]
    assert [row.num_hops for row in hops] == list(range(1, 10))
    assert max(hops, key=lambda row: row.weighted_precision.mean).num_hops == 7


@pytest.mark.parametrize(
    "key",
    [
        ("amh", 10, ("audio", "text", "video"), "reference"),
        ("amh", 3, ("audio", "text", "video"), "asr"),
        ("amh", 7, ("audio", "text"), "reference"),
        ("rnn_attn", None, ("audio",), "asr"),
        ("mha", 2, ("audio", "text", "video"), "reference"),
    ],
)
def test_nothing_is_invented(key):
    assert published.find(*key) is None


def test_row_holds_published_and_own_figures_under_their_names(tmp_path):
    fields = crossvals.write(tmp_path / "a")
    table = report_tables.model_table(group(tmp_path))
    names = [(column.band, column.header) for column in table.columns]
    assert names == [
        ("", "model"),
        ("", "modalities"),
        ("", "transcripts"),
        ("paper (IEMOCAP)", "weighted precision"),
        ("paper (IEMOCAP)", "macro precision"),
        ("authors, corrected (IEMOCAP)", "WA (WAR)"),
        ("authors, corrected (IEMOCAP)", "UA (UAR)"),
        ("this code", "WA (WAR)"),
        ("this code", "UA (UAR)"),
        ("this code", "weighted precision"),
        ("this code", "macro precision"),
        ("this code", "weighted F1"),
        ("this code", "macro F1"),
        ("this code", "folds"),
        ("this code", "data set"),
        ("this code", "protocol"),
    ]
    row = cells(table, "AMH-7", "A+T+V", "reference")
    means = [0.624, 0.597, 0.617, 0.547, *(fields["mean"][name] for name in SCORES)]
    deviations = [0.022, 0.040, 0.016, 0.025]
    deviations += [fields["standard_deviation"][name] for name in SCORES]
    assert [cell.mean for cell in row[3:13]] == means
    assert [cell.deviation for cell in row[3:13]] == deviations
    assert row[13:] == ["10", "IEMOCAP", "random"]


def test_published_rows_without_a_run_have_nothing_of_ours(tmp_path):
    crossvals.write(tmp_path / "a")
    table = report_tables.model_table(group(tmp_path))
    assert [row[:2] for row in table.rows] == [
        ["RNN-attn", "A"],
        ["RNN-attn", "T"],
        ["RNN-attn", "V"],
        ["MDRE", "A+T"],
        ["MDRE", "T+V"],
        ["MDRE", "A+V"],
        ["MDRE", "A+T+V"],
        ["MHA", "A+T"],
        ["MHA", "T+V"],
        ["MHA", "A+V"],
        ["AMH-7", "A+T+V"],
        ["AMH-7", "A+T+V"],
    ]
    assert [row[2] for row in table.rows[-2:]] == ["reference", "ASR"]
    for row in [*table.rows[:-2], table.rows[-1]]:
        assert all(isinstance(cell, published.Estimate) for cell in row[3:5])
        accuracies = {"RNN-attn": [report_tables.NOT_RECORDED] * 2}.get(row[0], row[5:7])
        assert row[5:7] == accuracies
        assert row[7:] == [""] * 9
    assert any("no cross-validation of this row" in note for note in table.notes)


def test_rows_without_published_figures_have_dashes_and_a_note(tmp_path):
    text = {"modalities": ["text"], "model": "rnn_attn", "num_hops": None}
    crossvals.write(tmp_path / "a", transcripts="asr", **text)
    crossvals.write(tmp_path / "b", num_hops=2, transcripts="asr")
    table = report_tables.model_table(group(tmp_path))
    for names in (["RNN-attn", "T", "ASR"], ["AMH-2", "A+T+V", "ASR"]):
        assert cells(table, *names)[3:7] == [report_tables.NOT_RECORDED] * 4
    assert any("no such figure was published" in note for note in table.notes)


def test_mha_takes_the_published_row_whatever_its_hops(tmp_path):
    crossvals.write(tmp_path / "a", model="mha", num_hops=2, modalities=["audio", "text"])
    table = report_tables.model_table(group(tmp_path))
    assert cells(table, "MHA-2", "A+T")[3] == published.Estimate(0.583, 0.025)
    assert not [row for row in table.rows if row[:2] == ["MHA", "A+T"]]
    assert any("how many hops their MHA takes" in note for note in table.notes)


def test_hops_have_a_table_of_their_own(tmp_path):
    for hops in (10, 2, 1):
        crossvals.write(tmp_path / str(hops), num_hops=hops)
    crossvals.write(tmp_path / "asr", num_hops=2, transcripts="asr")
    found = group(tmp_path)
    table = report_tables.hop_table(found)
    assert [row[0] for row in table.rows] == [str(hops) for hops in range(1, 11)]
    assert cells(table, "7")[1] == published.Estimate(0.624, 0.022)
    assert cells(table, "7")[5:] == [""] * 9
    assert cells(table, "2")[1] == published.Estimate(0.610, 0.024)
    assert cells(table, "2")[3:5] == [report_tables.NOT_RECORDED] * 2
    assert cells(table, "10")[1:5] == [report_tables.NOT_RECORDED] * 4
    names = [row[:3] for row in report_tables.model_table(found).rows]
    assert names[-3:] == [
        ["AMH-7", "A+T+V", "reference"],
        ["AMH-2", "A+T+V", "ASR"],
        ["AMH-7", "A+T+V", "ASR"],
    ]


def test_group_without_amh_has_no_hop_table(tmp_path):
    crossvals.write(tmp_path / "a", model="mdre", num_hops=None)
    assert report_tables.hop_table(group(tmp_path)) is None


def test_synthetic_figures_are_not_offered_for_comparison(tmp_path):
    crossvals.write(tmp_path / "a", data="planted", synthetic=True)
    table = report_tables.model_table(group(tmp_path))
    assert "planted (synthetic), protocol: random" in table.title
    assert cells(table, "AMH-7", "A+T+V", "reference")[14] == "planted (synthetic)"
    assert any("synthetic" in note and "cannot be compared" in note for note in table.notes)


def test_one_fold_has_no_deviation(tmp_path):
    crossvals.write(tmp_path / "a", [row for row in crossvals.answers() if row[0] == 4])
    table = report_tables.model_table(group(tmp_path))
    row = cells(table, "AMH-7", "A+T+V", "reference")
    assert row[7].deviation is None and row[13] == "1 of 10 folds"
    assert any("of one fold" in note for note in table.notes)


def test_confusions_stand_beside_those_of_the_paper(tmp_path):
    classes = ("ang", "fru", "sad")
    rows = crossvals.answers(classes=classes)
    crossvals.write(tmp_path / "runs" / "a", rows, classes)
    crossvals.write(tmp_path / "runs" / "b", rows, classes, num_hops=3)
    (found,) = gather.gather(tmp_path / "runs")
    write.report(tmp_path / "runs", tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    (row,) = (row for row in found.rows if row.num_hops == 7)
    anger, frustration = row.classes.index("ang"), row.classes.index("fru")
    shares = row.confusion / row.confusion.sum(axis=1, keepdims=True)
    told = f"ang taken for fru {shares[anger, frustration]:.3f}".replace("0.", ".")
    assert page.count("figure 2") == 1 and f"{told}, .383 there" in page
    told = f"fru taken for ang {shares[frustration, anger]:.3f}".replace("0.", ".")
    assert f"{told}, .045 there" in page


def test_every_pair_is_tested_once_surest_first(tmp_path):
    for hops, accuracy in ((1, 0.2), (2, 0.5), (3, 0.9)):
        rows = crossvals.answers(seed=hops, utterances=200, accuracy=accuracy)
        crossvals.write(tmp_path / str(hops), rows, num_hops=hops)
    found = group(tmp_path)
    table = pair_tables.pair_table(found)
    pairs = {frozenset(row[:2]) for row in table.rows}
    names = [row.name for row in found.rows]
    assert pairs == set(map(frozenset, itertools.combinations(names, 2)))
    assert table.rows[0][:2] == ["AMH-3 (A+T+V)", "AMH-1 (A+T+V)"]
    p_values = [row[7] for row in table.rows]
    assert p_values == sorted(p_values)
    assert all(row[2].value >= 0 for row in table.rows)
    answers = [
        {utterance: answer for (_, utterance), answer in found.rows[index].predictions.items()}
        for index in (2, 0)
    ]
    expected = significance.compare(*answers)
    assert table.rows[0][2] == expected.weighted_accuracy
    assert table.rows[0][7] == expected.p_value
    assert table.rows[0][8] == pytest.approx(min(3 * expected.p_value, 1))


def test_pairs_use_the_fold_where_ids_repeat(tmp_path):
    rows = crossvals.answers(utterances=40, folds=2)
    rows = [(fold, f"test_{i // 2:05d}", *answer) for i, (fold, _, *answer) in enumerate(rows)]
    crossvals.write(tmp_path / "a", rows, num_folds=2, num_hops=1)
    crossvals.write(tmp_path / "b", rows, num_folds=2, num_hops=2)
    (row,) = pair_tables.pair_table(group(tmp_path)).rows
    assert row[6] == "40" and row[7] == 1


def test_pairs_without_common_utterances_are_named(tmp_path):
    rows = crossvals.answers()
    crossvals.write(tmp_path / "a", [row for row in rows if row[0] < 5], num_hops=1)
    crossvals.write(tmp_path / "b", [row for row in rows if row[0] >= 5], num_hops=2)
    table = pair_tables.pair_table(group(tmp_path))
    assert table.rows == []
    assert table.notes[-1].startswith("AMH-1 (A+T+V) and AMH-2 (A+T+V) share no")


def test_labels_that_differ_are_refused_with_both_folders(tmp_path):
    crossvals.write(tmp_path / "a", num_hops=1)
    crossvals.write(tmp_path / "b", crossvals.answers(labels_seed=9), num_hops=2)
    with pytest.raises(ValueError, match=r"'a' and 'b' disagree on the label of 'utt_"):
        pair_tables.pair_table(group(tmp_path))


def test_single_row_has_no_pairs(tmp_path):
    crossvals.write(tmp_path / "a")
    assert pair_tables.pair_table(group(tmp_path)) is None
