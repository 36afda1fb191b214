import base64
import html.parser
import re

import pytest

from amh_tf.reporting import write
from tests import commands
from tests.reporting import crossvals
from tools import browser

HOSTILE = 'a_b & $c$ % <script>alert("1")</script> <img src=x onerror=alert(2)>'
needs_browser = pytest.mark.skipif(
    not browser.is_here(), reason="Chromium or Playwright is missing"
)


class Elements(html.parser.HTMLParser):
    """Collects start tags, their attributes, and the text outside of style."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text):
        super().__init__()
        self.found, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def write_two(folder):
    """Two cross-validations of a synthetic set, and one with hostile names."""
    shared = {"data": "tiny set", "synthetic": True, "warnings": ["7 of 10 folds are missing."]}
    crossvals.write(folder / "runs" / "three", num_hops=3, title="AMH-3 (A+T+V)", **shared)
    rows = [row for row in crossvals.answers(seed=5) if row[0] < 3]
    crossvals.write(folder / "runs" / "seven", rows, **shared)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_two(folder)
    classes = ("<b>ang</b>", "h$p$", "s&d")
    rows = crossvals.answers(classes=classes)
    crossvals.write(
        folder / "runs" / "hostile <i>", rows, classes, title=HOSTILE, data=HOSTILE,
        protocol_description=HOSTILE, warnings=[HOSTILE],
    )  # fmt: skip
    return write.report(folder / "runs", folder / "out")


def test_every_file_is_written_and_named(report):
    folder = report.page.parent
    names = sorted(str(path.relative_to(folder)) for path in report.paths)
    hostile = "a_b_c_script_alert_1_script_img_src_x_onerror_alert_2_random"
    slugs = ("table_1", "table_2", "controls")
    tables = [f"{slug}.{ending}" for slug in slugs for ending in ("csv", "md", "tex")]
    pairs = [f"paired_tests.{ending}" for ending in ("csv", "md", "tex")]
    pictures = ["confusion_amh_3_a_t_v.png", "confusion_amh_7_a_t_v.png", "hops.png"]
    assert names == sorted(
        ["report.html", "tables.md"]
        + [f"{hostile}/{name}" for name in [*tables, pictures[1]]]
        + [f"tiny_set_random/{name}" for name in [*tables, *pairs, *pictures]]
    )
    on_disk = [path for path in folder.rglob("*") if path.is_file()]
    assert sorted(on_disk) == sorted(report.paths)


def test_page_needs_nothing_else(report):
    elements = Elements(report.page.read_text())
    assert elements.open == []
    tags = [tag for tag, _ in elements.found]
    assert "script" not in tags and "iframe" not in tags
    for tag, attributes in elements.found:
        for name in ("src", "href"):
            if name in attributes:
                assert attributes[name].startswith(("data:", "#")), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert "url(" not in report.page.read_text() and "@import" not in report.page.read_text()


def test_page_is_accessible(report):
    elements = Elements(report.page.read_text())
    attributes = {}
    for tag, found in elements.found:
        attributes.setdefault(tag, []).append(found)
    assert attributes["html"] == [{"lang": "en"}]
    assert "title" in attributes
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in attributes[
        "meta"
    ]
    assert len(attributes["img"]) == 4
    for image in attributes["img"]:
        assert len(image["alt"]) > 20
        data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
        assert data.startswith(b"\x89PNG")
    assert all("scope" in found for found in attributes["th"])
    assert len(attributes["caption"]) == len(attributes["table"]) == 7
    links = {found["href"].removeprefix("#") for found in attributes["a"]}
    assert links <= {found.get("id") for found in attributes["section"]}


def test_page_says_what_must_be_said(report):
    text = " ".join(Elements(report.page.read_text()).texts)
    for expected in (
        "Unweighted accuracy (UA)",
        "neither is an accuracy",
        "Table 1: models",
        "Table 2: AMH (A+T+V) by number of hops",
        "Scores beside chance",
        "also called UAR or macro recall",
        "Paired tests",
        "tiny set (synthetic)",
        "synthetic data",
        "7 of 10 folds are missing.",
        "3 of 10 folds",
        "p, Holm for 1",
        HOSTILE,
    ):
        assert expected in text, expected


def test_all_tables_are_in_one_file(report):
    text = (report.page.parent / "tables.md").read_text()
    titles = re.findall(r"^### (Table \d|Paired tests)", text, re.MULTILINE)
    assert titles == ["Table 1", "Table 2", "Table 1", "Table 2", "Paired tests"]


def test_report_is_the_same_again(report, tmp_path):
    again = write.report(report.page.parent.parent / "runs", tmp_path)
    assert again.page.read_bytes() == report.page.read_bytes()


def test_groups_with_the_same_name_have_folders_of_their_own(tmp_path):
    crossvals.write(tmp_path / "runs" / "a")
    crossvals.write(tmp_path / "runs" / "b", protocol_description="Seed 2.")
    written = write.report(tmp_path / "runs", tmp_path / "out")
    folders = {path.parent.name for path in written.paths}
    assert folders == {"out", "iemocap_random", "iemocap_random_2"}


def test_nothing_is_written_when_an_input_is_damaged(tmp_path):
    write_two(tmp_path)
    (tmp_path / "runs" / "seven" / "predictions.csv").unlink()
    with pytest.raises(ValueError, match="seven"):
        write.report(tmp_path / "runs", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("folders", [("", "out"), ("runs", "")])
def test_empty_folder_name_is_refused(folders):
    with pytest.raises(ValueError, match=r"is empty.*Set it with --"):
        write.report(*folders)


def command(*flags):
    wide = {"COLUMNS": "160"}
    return commands.run("-m", "amh_tf.report", *flags, environment=wide)


def test_command_writes_a_report(tmp_path):
    write_two(tmp_path)
    out = tmp_path / "out"
    finished = command(f"--runs={tmp_path / 'runs'}", f"--output_dir={out}")
    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr
    for text in ("Table 2", "tiny set (synthetic)", "table_1.md", f"Open {out / 'report.html'}"):
        assert text in finished.stdout
    assert (out / "report.html").exists()


def test_command_refuses_a_folder_without_runs(tmp_path):
    finished = command(f"--runs={tmp_path}", f"--output_dir={tmp_path / 'out'}")
    commands.assert_refused(finished, "--runs")
    assert list(tmp_path.iterdir()) == []


@needs_browser
def test_browser_shows_the_page_without_complaint(report):
    with browser.opened(report.page.resolve().as_uri()) as (shown, seen):
        document = shown.content()
    assert seen.complaints == []
    tags = [tag for tag, _ in Elements(document).found]
    assert tags.count("table") == 7 and tags.count("img") == 4 and "script" not in tags
    for text in ("Table 1: models", "Paired tests", "3 of 10 folds", ".624 ± .022"):
        assert text in document
