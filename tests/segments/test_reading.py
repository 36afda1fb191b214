"""Files of segments: what they say is read, and what cannot be so is refused by its line."""

import json

import pytest

from amh_tf import errors
from amh_tf.segments import reading
from tests.commands import ROOT

DIALOG = ROOT / "tests/demo_corpus/Session1/dialog/transcriptions/Ses01F_impro01.txt"
RTTM = """;; a comment
SPKR-INFO talk 1 <NA> <NA> <NA> unknown ann <NA> <NA>
SPEAKER talk 1 3.50 1.25 <NA> <NA> bob <NA> <NA>
SPEAKER talk 1 0.40 2.00 <NA> <NA> ann <NA> <NA>
"""
SRT = """1
00:00:00,400 --> 00:00:02,400
Ann: Where are <i>you</i>?

2
00:00:03,500 --> 00:00:04,750 X1:100 X2:200
Bob: {\\an8}In the
garden.
"""
VTT = """WEBVTT - talk

NOTE
nobody says this

STYLE
::cue { color: red }

intro
00:00.400 --> 00:02.400 align:start
<v Ann>Where are <c.loud>you</c> &amp; him?

00:00:03.500 --> 00:00:04.750
<v.first Bob B.>In the
garden.</v>
"""
CSV = """start;end;Speaker;text
0.4;2.4;Ann;Where are you?
3.5;4.75;Bob;"In the; garden."
"""
TEXTGRID = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 5
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "Ann"
        xmin = 0
        xmax = 5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.4
            text = ""
        intervals [2]:
            xmin = 0.4
            xmax = 2.4
            text = "She said ""where
are you"""
        intervals [3]:
            xmin = 2.4
            xmax = 5
            text = ""
    item [2]:
        class = "TextTier"
        name = "bells"
        xmin = 0
        xmax = 5
        points: size = 1
        points [1]:
            number = 1
            mark = "ding"
    item [3]:
        class = "IntervalTier"
        name = "Bob"
        xmin = 0
        xmax = 5
        intervals: size = 1
        intervals [1]:
            xmin = 3.5
            xmax = 4.75
            text = "garden"
'''
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
5
<exists>
1
"IntervalTier"
"Ann"
0
5
1
0.4
2.4
"Where are you?"
"""


def write(folder, name, text, encoding="utf-8"):
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def spoken(path, **options):
    return [(s.start, s.end, s.speaker, s.text) for s in reading.read(path, **options)]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("talk.rttm", RTTM, [(0.4, 2.4, "ann", None), (3.5, 4.75, "bob", None)]),
        (
            "talk.srt",
            SRT,
            [(0.4, 2.4, "Ann", "Where are you?"), (3.5, 4.75, "Bob", "In the garden.")],
        ),
        (
            "talk.vtt",
            VTT,
            [(0.4, 2.4, "Ann", "Where are you & him?"), (3.5, 4.75, "Bob B.", "In the garden.")],
        ),
        (
            "talk.csv",
            CSV,
            [(0.4, 2.4, "Ann", "Where are you?"), (3.5, 4.75, "Bob", "In the; garden.")],
        ),
        (
            "talk.TextGrid",
            TEXTGRID,
            [(0.4, 2.4, "Ann", 'She said "where are you"'), (3.5, 4.75, "Bob", "garden")],
        ),
        ("talk.TextGrid", SHORT, [(0.4, 2.4, "Ann", "Where are you?")]),
        (
            "talk.json",
            json.dumps({"segments": [{"start": 1, "end": 2.5, "text": "Oh."}], "more": 1}),
            [(1, 2.5, "", "Oh.")],
        ),
    ],
)
def test_each_format_is_read(tmp_path, name, text, expected):
    assert spoken(write(tmp_path, name, text)) == expected


def test_praats_utf_16_is_read(tmp_path):
    path = write(tmp_path, "talk.TextGrid", SHORT.replace("you", "söhne"), "utf-16")
    assert spoken(path)[0][3] == "Where are söhne?"


def test_transcription_of_a_dialog_is_read_without_noises():
    segments = reading.read(DIALOG)
    lines = DIALOG.read_text("cp1252").splitlines()
    lines = [line for line in lines if line.startswith("Ses") and "XX" not in line]
    assert len(segments) == len(lines) > 0
    for segment, line in zip(segments, sorted(lines, key=lambda x: x.split("[")[1])):
        name, times = line.split(" [")[0], line.split("[")[1].split("]")[0]
        assert (segment.start, segment.end) == tuple(map(float, times.split("-")))
        gender = name.rpartition("_")[2][0]
        assert segment.speaker == f"Ses01{gender}"
        assert segment.side == ("left" if gender == "F" else "right")
        assert segment.text and segment.text in line.replace("\x92", "\u2019")


def test_names_before_colons_are_speakers_where_all_have_one(tmp_path):
    path = write(tmp_path, "talk.srt", SRT.replace("Bob: ", "Mind: the\nstep. Bob says: "))
    assert [entry[2] for entry in spoken(path)] == ["Ann", "Mind"]
    path = write(tmp_path, "talk.srt", SRT.replace("Bob: ", ""))
    assert spoken(path)[0] == (0.4, 2.4, "", "Ann: Where are you?")


def test_blank_line_among_words_loses_none(tmp_path):
    path = write(tmp_path, "talk.srt", SRT.replace("In the\n", "In the\n\n"))
    assert spoken(path)[1][3] == "In the garden."


def test_segments_may_overlap_and_come_in_any_order(tmp_path):
    text = "start,end\n5,6\n1,9\n2,3\n"
    path = write(tmp_path, "talk.csv", text)
    assert [s[:2] for s in spoken(path)] == [(1, 9), (2, 3), (5, 6)]
    assert [s.line for s in reading.read(path)] == [3, 4, 2]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("62.5", "64"),
        ("62,5", "64,0"),
        ("62,500", "64,0"),
        ("1:02.5", "1:04"),
        ("0:01:02.5", "0:01:04"),
        ("00:01:02,500", "00:01:04,000"),
        ("6.25e1", " 64 "),
    ],
)
def test_times_of_a_table_are_seconds_or_have_minutes(tmp_path, start, end):
    path = write(tmp_path, "a.csv", f"Start;End;Speaker\n{start};{end};Ann\n")
    assert spoken(path) == [(62.5, 64, "Ann", None)]


def test_rttm_of_several_recordings_needs_the_right_one(tmp_path):
    path = write(tmp_path, "all.rttm", RTTM + RTTM.replace(" talk ", " other ").replace("ann", "x"))
    assert [s[2] for s in spoken(path, recording_name="other")] == ["x", "bob"]
    with pytest.raises(errors.InputError, match=r"several recordings.*'third'.*other, talk"):
        reading.read(path, "third")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.rttm", "SPEAKER talk 1 x 1 <NA> <NA> a <NA> <NA>", r"line 1: the time is wrong.*'x'"),
        ("a.rttm", "SPEAKER talk 1 0.5", "line 1: the line is not RTTM"),
        ("a.rttm", "\nSPEAKER t 1 1 -1 <NA> <NA> a <NA>", "line 2: the times are wrong"),
        ("a.rttm", "SPEAKER t 1 nan 1 <NA> <NA> a <NA>", "line 1: the times are wrong"),
        ("a.rttm", "SPEAKER t 1 1 1e99 <NA> <NA> a <NA>", "line 1: the times are wrong"),
        ("a.rttm", ";; nothing\n", "holds no segment"),
        ("a.srt", SRT.replace("02,400", "00,100"), "line 2: the times are wrong"),
        ("a.srt", SRT.replace("00:00:03,500", "3.5 s"), "line 6: the subtitle has no times"),
        ("a.srt", "Hello\nthere\n", "line 1: the subtitle has no times"),
        ("a.srt", SRT.replace("Bob: ", "B\0b: "), "line 7: this is not text"),
        ("a.vtt", SRT, "line 1: this is not WebVTT"),
        ("a.vtt", "", "line 1: this is not WebVTT"),
        ("a.csv", "start,finish\n1,2\n", "line 1: columns are missing.*start and end"),
        ("a.csv", "start,end\n1,2\none,2\n", "line 3: the time is wrong"),
        ("a.csv", "start;end\n1,500;2,500\n", "line 2: start is ambiguous.*'1,500'"),
        ("a.csv", "start,end\n1,1:60\n", "line 2: the time is wrong.*'1:60'"),
        ("a.csv", "start,end\n1,1:70:00\n", "line 2: the time is wrong.*'1:70:00'"),
        ("a.csv", "start,end\n1,1.01\n", "line 2: the segment is too short"),
        ("a.csv", "start,end,side\n1,2,top\n", "line 2: the side is not known"),
        ("a.csv", f"start,end,speaker\n1,2,{'x' * 300}\n", "line 2: the speaker is wrong"),
        ("a.textgrid", SHORT.replace("TextGrid", "Pitch"), "line 2: this is not a TextGrid"),
        ("a.textgrid", SHORT.replace("\n1\n0.4", "\n900\n0.4"), "line 15: the TextGrid ends"),
        ("a.textgrid", SHORT.replace("\n1\n0.4", "\n1e30\n0.4"), "line 12: .* is damaged"),
        ("a.textgrid", SHORT.replace('you?"', "you?"), "line 15: a text is open"),
        ("a.json", "[]", "'.*a.json' cannot be read"),
        ("a.json", '{"segments": [{"start": "1"}]}', "segments"),
        ("a.json", '{"segments": [{"start": 2, "end": 1}]}', "line 1: the times are wrong"),
        (
            "a.json",
            json.dumps({"segments": [{"start": 1, "end": 2, "text": "x" * 70_000}]}),
            "line 1: the words are too long.*65,536",
        ),
        ("a.txt", "0.5\t3.0\tAnn\n", r"holds no segment.*Ses01F_impro06_F000 \[006.*CSV file"),
        ("a.txt", "Ses01F_impro01_F000 [2-1]: Oh.", "line 1: the times are wrong"),
        ("a.txt", "Ses01F_impro01_F000 2-1: Oh.", "line 1: the line is not a turn"),
        ("a.txt", "SesX_F000 [1-2]: Oh.", "line 1: the line is not a turn"),
        ("a.docx", "x", r"no format that is read.*\.rttm"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_line(tmp_path, name, text, message):
    with pytest.raises(errors.InputError, match=f"(?s){message}"):
        reading.read(write(tmp_path, name, text))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(errors.InputError, match=r"nowhere.srt' is missing"):
        reading.read(tmp_path / "nowhere.srt")


def test_too_many_segments_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading.segment, "MAX_SEGMENTS", 2)
    path = write(tmp_path, "talk.csv", "start,end\n1,2\n2,3\n3,4\n")
    with pytest.raises(errors.InputError, match="line 4: there are too many segments"):
        reading.read(path)


def test_segments_beyond_the_end_are_refused_and_nearly_fitting_ones_cut(tmp_path):
    path = write(tmp_path, "talk.csv", "start,end\n1,2\n3,4\n")
    segments = reading.read(path)
    assert reading.within(path, segments, 4.0) == (segments, 0)
    (first, last), cut = reading.within(path, segments, 3.6)
    assert (first.end, last.start, last.end, cut) == (2, 3, 3.6, 1)
    for seconds in (3.4, 3.0, 2.0):
        with pytest.raises(errors.InputError, match=r"line 3: .*beyond the recording's end"):
            reading.within(path, segments, seconds)
