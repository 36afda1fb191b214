"""What is written is read back the same, by this package and by libraries of each format."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amh_tf.corpora import text_files
from amh_tf.segments import cues, reading, segment, tables, textgrid

CLASSES = ("angry", "=sum(A1)", "sad, very")
# Letters, marks and quotes; not those that a format cannot hold in words: tags of SRT.
WORDS = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="<>{}"), min_size=1, max_size=8
)
TEXTS = st.lists(WORDS, max_size=5).map(" ".join).map(text_files.clean)


@st.composite
def entries(draw):
    """Segments with times in milliseconds, all with a speaker or all without."""
    named, clock, made = draw(st.booleans()), 0, []
    for _ in range(draw(st.integers(1, 6))):
        start = max(clock + draw(st.integers(-800, 3000)), 0)
        end = start + draw(st.integers(25, 9000))
        clock = end
        speaker = draw(st.sampled_from(["Ann", "Bob B.", "\u5f20"])) if named else ""
        # A name before a colon, in all words of a file, is a speaker in SRT.
        text = text_files.clean(draw(TEXTS).replace(":", "")) or None
        made.append(segment.Segment(start / 1000, end / 1000, speaker, text))
    return sorted(made, key=lambda s: (s.start, s.end, s.speaker))


def written(kind, made):
    labelled = [(spoken, f"{CLASSES[0]} 0.62") for spoken in made]
    if kind == "srt":
        return cues.srt(labelled)
    if kind == "vtt":
        return cues.vtt(labelled)
    if kind == "textgrid":
        return textgrid.text(labelled, made[-1].end + 1)
    shares = dict(zip(CLASSES, (0.62, 0.3, 0.08)))
    return tables.text([(spoken, CLASSES[0], shares, "") for spoken in made], CLASSES)


@pytest.mark.parametrize("kind", ["srt", "vtt", "textgrid", "csv"])
def test_what_is_written_is_read_back(tmp_path_factory, kind):
    path = tmp_path_factory.mktemp("written") / f"talk.{kind}"

    @settings(max_examples=60, deadline=None)
    @given(entries())
    def check(made):
        path.write_text(written(kind, made), encoding="utf-8", newline="\n")
        key = lambda s: (s.start, s.end, s.speaker, s.text or "")  # noqa: E731
        assert sorted(reading.read(path), key=key) == sorted(made, key=key)

    check()


SPOKEN = [
    segment.Segment(0.4, 2.4, "Ann", 'Where\'s my "son" & heir?'),
    segment.Segment(2.0, 3.25, "Bob", None),
    segment.Segment(2.1, 3661.5, "Ann", "Here"),
]


def test_subtitles_are_those_that_a_library_reads():
    srt = pytest.importorskip("srt")
    read = list(srt.parse(written("srt", SPOKEN)))
    assert [(x.start.total_seconds(), x.end.total_seconds()) for x in read] == [
        (s.start, s.end) for s in SPOKEN
    ]
    assert read[0].content == 'Ann: Where\'s my "son" & heir?\n(angry 0.62)'
    assert srt.compose(read).strip() == written("srt", SPOKEN).strip()


@pytest.mark.parametrize("start", [0.9995, 1.0004, 1.0005, 1.0015, 35999.9995, 359999.9994])
@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_shortest_segment_stays_as_long_between_milliseconds(tmp_path, kind, start):
    path = tmp_path / f"talk.{kind}"
    made = [segment.Segment(start, round(start + reading.SHORTEST, 6))]
    path.write_text(written(kind, made), encoding="utf-8")
    (read,) = reading.read(path)
    assert abs(read.start - start) <= 0.0005 + 1e-9
    assert read.seconds == pytest.approx(reading.SHORTEST, abs=1e-6)


def test_captions_are_those_that_a_library_reads():
    webvtt = pytest.importorskip("webvtt")
    read = webvtt.from_string(written("vtt", SPOKEN)).captions
    assert [(x.start, x.end, x.voice) for x in read] == [
        ("00:00:00.400", "00:00:02.400", "Ann"),
        ("00:00:02.000", "00:00:03.250", "Bob"),
        ("00:00:02.100", "01:01:01.500", "Ann"),
    ]


def test_grid_is_one_that_a_library_reads(tmp_path):
    praatio = pytest.importorskip("praatio.textgrid")
    path = tmp_path / "talk.TextGrid"
    path.write_text(written("textgrid", SPOKEN), encoding="utf-8")
    grid = praatio.openTextgrid(str(path), includeEmptyIntervals=False)
    assert grid.tierNames == (
        *("Ann words", "Ann emotion", "Bob words", "Bob emotion"),
        *("Ann words 2", "Ann emotion 2"),
    )
    words = grid.getTier("Ann words").entries
    assert [(e.start, e.end, e.label) for e in words] == [(0.4, 2.4, SPOKEN[0].text)]
    assert grid.getTier("Bob emotion").entries[0].label == "angry 0.62"
    assert grid.maxTimestamp == 3662.5


def test_table_computes_nothing():
    hostile = [segment.Segment(0, 1, "=1+1", "@SUM(A1)")]
    rows = list(csv.DictReader(io.StringIO(written("csv", hostile))))
    assert rows[0]["speaker"] == "'=1+1" and rows[0]["text"] == "'@SUM(A1)"
    assert float(rows[0]["p_angry"]) == 0.62 and rows[0]["emotion"] == "angry"


def test_table_of_a_stranger_keeps_its_apostrophes(tmp_path):
    path = tmp_path / "talk.csv"
    path.write_text("start,end,text\n0,1,'tis\n", encoding="utf-8")
    assert reading.read(path)[0].text == "'tis"
