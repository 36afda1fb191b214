"""The script that makes the documentation's figures."""

import contextlib
import re

import numpy as np
import pytest

from amh_tf import errors
from amh_tf.scores import significance
from tests.commands import ROOT
from tests.reporting import crossvals
from tools import make_figures

PLACES = {
    "baselines.md": ("hops", "models", "pairs"),
    "absent_modalities.md": ("always", "dropped"),
}


def test_a_table_takes_the_place_of_the_former(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n\n<!-- x -->\n\n| old |\n\n<!-- /x -->\n\n| other |\n", encoding="utf-8")
    make_figures.put_table(page, "x", "| \\1 |\n")
    expected = "a\n\n<!-- x -->\n\n| \\1 |\n\n<!-- /x -->\n\n| other |\n"
    assert page.read_text(encoding="utf-8") == expected


def test_a_table_without_a_place_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n", encoding="utf-8")
    with pytest.raises(errors.InputError, match=r"page\.md"):
        make_figures.put_table(page, "x", "| new |")
    assert page.read_text(encoding="utf-8") == "a\n"


@pytest.mark.parametrize("page", PLACES)
def test_pages_have_places_for_all_tables(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for name in PLACES[page]:
        assert re.search(f"<!-- {name} -->\n\n(\\|.*\n)+\n<!-- /{name} -->", text), name


def test_pairs_are_turned_to_the_compared_model():
    better = significance.Difference(0.1, 0.05, 0.2)
    pairs = [
        [make_figures.COMPARED, "MDRE", better, None, "9", "2", "400", 0.25, 0.5],
        ["MHA", make_figures.COMPARED, better, None, "7", "3", "400", 0.0001, 0.5],
        ["MHA", "MDRE", better, None, "1", "1", "400", 0.5, 0.5],
    ]
    assert make_figures.pair_rows(pairs) == [
        ["MDRE", "+.100 [+.050, +.200]", "9", "2", ".250"],
        ["MHA", "−.100 [−.200, −.050]", "3", "7", "< .001"],  # noqa: RUF001
    ]


def test_tables_of_models_come_from_their_cross_validations(tmp_path, monkeypatch):
    page = tmp_path / "baselines.md"
    page.write_text("".join(f"<!-- {n} -->\n<!-- /{n} -->\n" for n in ("models", "pairs")))
    monkeypatch.setattr(make_figures, "DOCS", tmp_path)
    monkeypatch.setattr(make_figures, "BASELINES", ("mdre_at", "amh_3"))
    monkeypatch.setattr(make_figures.shared, "run", lambda *command: None)
    monkeypatch.setattr(make_figures, "_photographed", lambda *of: contextlib.nullcontext())
    one_fold = {"num_folds": 1, "protocol": "given"}
    better = crossvals.answers(folds=1, accuracy=0.8, seed=1)
    fields = crossvals.write(
        tmp_path / "work/baselines/amh_3", better, **one_fold, num_hops=3, title="AMH-3 (A+T+V)"
    )
    model = {"model": "mdre", "num_hops": None, "modalities": ["audio", "text"]}
    worse = crossvals.answers(folds=1, accuracy=0.3, seed=5)
    crossvals.write(
        tmp_path / "work/baselines/mdre_at", worse, **one_fold, **model, title="MDRE (A+T)"
    )
    make_figures.FIGURES["baselines"](tmp_path / "work")
    text = page.read_text(encoding="utf-8")
    correct = np.mean([label == answer for *_, label, answer in better])
    assert fields["pooled"]["weighted_accuracy"]["value"] == pytest.approx(correct)
    assert re.search(rf"\| AMH-3 \(A\+T\+V\) \| {f'{correct:.3f}'[1:]} \[", text)
    alone = sum(a[2] == a[3] and b[2] != b[3] for a, b in zip(better, worse))
    assert re.search(rf"\| MDRE \(A\+T\) \| \+\.[^|]+\| {alone} \|", text)
