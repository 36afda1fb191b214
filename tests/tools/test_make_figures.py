"""The script that makes the documentation's figures."""

import re

import pytest

from amh_tf import errors, significance
from tests.commands import ROOT
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
