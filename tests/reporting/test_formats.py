import csv
import io
import re

import pytest
from rich import console as rich_console

from amh_tf import escaping
from amh_tf.reporting import formats, report_tables
from amh_tf.scores import published, significance

HOSTILE = "a_b & $c$ % <script>alert(1)</script> | ~^#{}\\ [x] `y` *z*"
COLUMNS = (
    report_tables.Column("model"),
    report_tables.Column("WA", "this code", "estimate"),
    report_tables.Column("WA", "first minus second", "difference"),
    report_tables.Column("p", kind="p"),
    report_tables.Column("data set", "this code", named=True, wide=True),
)


def made(name="AMH-7", data="IEMOCAP"):
    rows = [
        [
            name,
            published.Estimate(0.6171, 0.0162),
            significance.Difference(-0.02, -0.05, 0.01),
            0.0004,
            data,
        ],
        ["MDRE", report_tables.NOT_RECORDED, "", "", ""],
    ]
    return report_tables.Table("t", "Table 1", data, COLUMNS, rows, ("A note on 100 % of it.",))


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [
        (0.6244, ".624", "+.624"),
        (1.0, "1.000", "+1.000"),
        (0.9996, "1.000", "+1.000"),
        (0.0, ".000", ".000"),
        (-0.0001, ".000", ".000"),
        (-0.021, "−.021", "−.021"),  # noqa: RUF001 (a minus sign)
    ],
)
def test_shares_are_written_as_in_print(value, plain, signed):
    assert formats.share(value) == plain
    assert formats.share(value, signed=True) == signed


def test_p_values_are_written_as_in_print():
    assert formats.probability(0.00099) == "< .001"
    assert formats.probability(0.0123) == ".012"
    assert formats.probability(1.0) == "1.000"


def test_markdown_is_a_table():
    lines = formats.markdown(made()).splitlines()
    assert lines[0] == "### Table 1. IEMOCAP"
    assert (
        lines[2] == "| model | this code: WA | first minus second: WA | p | this code: data set |"
    )
    assert lines[3] == "|---|---:|---:|---:|---|"
    difference = r"−.020 \[−.050, +.010\]"  # noqa: RUF001
    assert lines[4] == rf"| AMH-7 | .617 ± .016 | {difference} | \< .001 | IEMOCAP |"
    assert lines[5].startswith("| MDRE | –")  # noqa: RUF001
    assert lines[7] == "- A note on 100 % of it."


def test_markdown_keeps_hostile_names_in_their_cells():
    line = formats.markdown(made(HOSTILE)).splitlines()[4]
    assert len(re.findall(r"(?<!\\)\|", line)) == len(COLUMNS) + 1
    assert not re.search(r"(?<!\\)[<$`*\[]", line)


def test_csv_holds_plain_numbers():
    rows = list(csv.reader(io.StringIO(formats.csv_text(made(HOSTILE)))))
    assert rows[0] == [
        "model",
        "this code: WA, mean",
        "this code: WA, standard deviation",
        "first minus second: WA",
        "first minus second: WA, low",
        "first minus second: WA, high",
        "p",
        "this code: data set",
    ]
    assert rows[1] == [HOSTILE, "0.6171", "0.0162", "-0.02", "-0.05", "0.01", "0.0004", "IEMOCAP"]
    assert rows[2] == ["MDRE", *[""] * 7]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b & $c$ %", r"a\_b \& \$c\$ \%"),
        ("<script>", r"\textless{}script\textgreater{}"),
        ("{\\x}#~^", r"\{\textbackslash{}x\}\#\textasciitilde{}\textasciicircum{}"),
        (".6 ± .1", r".6 $\pm$ .1"),
        ("[x]", "{[}x{]}"),
        ("Überraschung", "Überraschung"),
    ],
)
def test_latex_is_escaped(text, escaped):
    assert escaping.latex(text) == escaped


def test_latex_is_a_booktabs_table():
    text = formats.latex(made(HOSTILE, HOSTILE))
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\begin{tabular}{lrrrl}"):
        assert part in text
    assert r"\cmidrule(lr){2-2} \cmidrule(lr){3-3} \cmidrule(lr){5-5}" in text
    assert r".617 $\pm$ .016" in text
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 4
    for row in rows:  # as many cells as columns, and mathematics only where it was meant
        assert len(re.findall(r"(?<!\\)&", row)) == len(COLUMNS) - 1
    bare = text.replace(r"$\pm$", "").replace("$-$", "")
    assert not re.search(r"(?<!\\)[$#_~^]", bare)
    assert bare.count("%") - bare.count(r"\%") == 2  # a comment, and the end of a line


def test_latex_braces_are_balanced():
    text = formats.latex(made(HOSTILE, HOSTILE)).replace(r"\{", "").replace(r"\}", "")
    assert text.count("{") == text.count("}")


def test_terminal_leaves_out_what_needs_room():
    printed = io.StringIO()
    console = rich_console.Console(file=printed, width=120, markup=False)
    console.print(formats.for_terminal(made("AMH-7 [red]"), console))
    for text in ("Table 1. IEMOCAP", "AMH-7 [red]", ".617 ± .016", "< .001"):
        assert text in printed.getvalue()
    assert "data set" not in printed.getvalue()


def test_narrow_terminal_has_rows_below_each_other():
    printed = io.StringIO()
    console = rich_console.Console(file=printed, width=50, markup=False, soft_wrap=True)
    console.print(formats.for_terminal(made("AMH-7 [red]"), console))
    assert printed.getvalue().splitlines() == [
        "",
        "Table 1. IEMOCAP",
        "",
        "AMH-7 [red]",
        "    this code: WA .617 ± .016",
        "    first minus second: WA −.020 [−.050, +.010]",  # noqa: RUF001
        "    p < .001",
    ]
