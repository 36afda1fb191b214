# ruff: noqa: RUF001  (characters that look alike are what is tested)
import codecs

import pytest

from amh_tf.corpora import text_files


def write(tmp_path, data):
    path = tmp_path / "some.csv"
    path.write_bytes(data)
    return path


# English as Windows-1252 has it, with lines of UTF-8, and of Windows-1252 that was read as Latin-1
# once and saved, as in MELD.
ENGLISH = [
    (b"caf\xc3\xa9\r\n", "café"),
    (b"\x93it\x92s\x94 a caf\xe9\x85 \x96\n", "\u201cit\u2019s\u201d a café\u2026 \u2013"),
    (b"it\xc2\x92s \xe2\x80\x99twas\n", "it\u2019s \u2019twas"),
    (b"\x93\xc9tienne\x94 owes \xa35, \xbfno?\n", "\u201cÉtienne\u201d owes £5, ¿no?"),
    (b"all else is plain text, " * 30 + b"\n", ("all else is plain text, " * 30)),
]


def test_english_of_windows_is_read_and_noted(tmp_path):
    notes = []
    path = write(tmp_path, b"".join(data for data, _ in ENGLISH))
    texts = [text for _, text in text_files.lines(path, notes=notes)]
    assert texts == [text for _, text in ENGLISH]
    assert notes == ["some.csv is not UTF-8 in line 2: read as Windows-1252."]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_unicode_is_read_by_its_mark(tmp_path, encoding, end):
    path = write(tmp_path, end.join(["id,a", "1,我𠮷", "2,é\u010a\u0d0a", ""]).encode(encoding))
    notes, expected = [], [(1, "id,a"), (2, "1,我𠮷"), (3, "2,é\u010a\u0d0a")]
    assert list(text_files.lines(path, notes=notes)) == expected and not notes
    marks = {"utf-16": codecs.BOM_UTF16_BE, "utf-32": codecs.BOM_UTF32_BE}
    if encoding in marks:  # the other order of bytes
        text = end.join(text for _, text in expected)
        path.write_bytes(marks[encoding] + text.encode(f"{encoding}-be"))
        assert list(text_files.lines(path)) == expected


# Words for joy, sorrow and anger, in what tables are saved in where they are used.
FOREIGN = {
    "gb18030": "开心 难过 生气",
    "big5": "高興 難過 生氣",
    "shift_jis": "嬉しい 悲しい 怒り",
    "euc_jp": "嬉しい 悲しい 怒り",
    "euc_kr": "행복 슬픔 분노",
    "windows-1251": "радость грусть злость",
    "koi8_r": "радость грусть злость",
    "windows-1250": "šťastný smutek złość",
    "windows-1252": "étonné colère Größe",
    "windows-1253": "χαρά λύπη θυμός",
    "windows-1254": "mutlu kızgın şaşkın",
    "windows-1255": "שמחה עצב כעס",
    "windows-1256": "فرح حزن غضب",
    "cp874": "ดีใจ เสียใจ โกรธ",
}
PLAIN = "but for this the table is plain English as long as you like " * 3


@pytest.mark.parametrize("encoding", FOREIGN)
@pytest.mark.parametrize("beside", ["", PLAIN])
def test_other_encoding_is_refused_with_its_name_and_read_under_it(tmp_path, encoding, beside):
    words = FOREIGN[encoding].split()
    lines = ["id,label", *(f"{beside}u{i},{words[i % 3]}" for i in range(12))]
    path = write(tmp_path, "\n".join(lines).encode(encoding))
    with pytest.raises(ValueError, match=r"line [234]: this is not UTF-8.*--encoding") as refused:
        list(text_files.rows(path))
    assert f"{encoding} (" in str(refused.value) and len(str(refused.value)) < 700
    notes = []
    rows = [row["label"] for _, row in text_files.rows(path, encoding, notes=notes)]
    assert rows == words * 4 and not notes


@pytest.mark.parametrize(
    ("data", "encoding", "message"),
    [
        ("id,开心\nu1,难过\n".encode("gb18030"), "utf-8", "line 1: this is not utf-8"),
        (b"id,a\nu1,\x81\n", "windows-1252", "line 2: this is not cp1252.*throughout"),
        (b"id,a\n\nu1,\xff\n", "ascii", "line 3: this is not ascii"),
        ("id,a\nu1,é\n".encode("utf-16")[:-1], None, "line 2: this is not utf-16"),
        ("id,a\n".encode("utf-16"), "gb18030", "line 1: the encoding does not match"),
        (
            "id,é\n".encode("utf-8-sig"),
            "windows-1252",
            "line 1: the encoding does not match.*utf-8-sig",
        ),
        *(
            (
                "我,a\nu1,é\n".encode(name),
                None,
                f"line .: this is not UTF-8.*It may be {name} .'我,a",
            )
            for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
        ),
        ("a,b\n日本,1\n".encode("iso2022_jp"), None, "line 2: this is not text.*iso2022_jp"),
        ("a,b\n행복,1\n".encode("iso2022_kr"), None, "line 2: this is not text.*iso2022_kr"),
        ("我今天\n很高兴\n".encode()[:-2], None, "line 2: this is not UTF-8"),
        ("我今天很高兴\n".encode() * 99 + b"\xe6\n", None, "line 100: this is not UTF-8"),
        (b"PK\x03\x04xl/workbook.xml", None, "line 1: this is a workbook.*saved as CSV"),
    ],
)
def test_wrong_encoding_is_refused(tmp_path, data, encoding, message):
    with pytest.raises(ValueError, match=rf"some\.csv', {message}"):
        list(text_files.lines(write(tmp_path, data), encoding=encoding))


def test_encoding_by_name_reads_what_has_no_mark(tmp_path):
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-be", "iso2022_jp", "gbk", "hz"):
        path = write(tmp_path, "a,b\n日本,1\n".encode(encoding))
        assert list(text_files.rows(path, encoding)) == [(2, {"a": "日本", "b": "1"})]


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "base64", "idna", "\0", "undefined"])
def test_unknown_encoding_is_refused(tmp_path, encoding):
    with pytest.raises(ValueError, match=r"`encoding` is not known.*--encoding"):
        next(text_files.lines(write(tmp_path, b"a"), encoding=encoding))


def test_clean_text_is_printable():
    assert text_files.clean(" a\u00a0\tb\x00c\x1b[2J\u200bd\n ") == "a b c [2Jd"


def test_rows_of_a_csv_file(tmp_path):
    path = write(tmp_path, b'a, b\n"x, y", 1\n\n"two\nlines","say ""hi"""\n')
    assert list(text_files.rows(path)) == [
        (2, {"a": "x, y", "b": "1"}),
        (5, {"a": "two\nlines", "b": 'say "hi"'}),
    ]


@pytest.mark.parametrize("delimiter", [b";", b"\t"])
def test_cells_are_separated_as_the_headers_are(tmp_path, delimiter):
    path = write(tmp_path, b"a%cb\n1,5%c2\n" % (delimiter, delimiter))
    assert list(text_files.rows(path)) == [(2, {"a": "1,5", "b": "2"})]


# What spreadsheets and pandas leave: (the file, the notes).
LEFT = [
    (b"sep=,\na,b\n1,2\n3,4\n", []),
    (b'"sep=;";;\r\na;b\r\n1;2\r\n3;4\r\n', []),
    (b"SEP=\t\na\tb\n1\t2\n3\t4\n", []),
    (b"a|b\n1|2\n3|4\n", []),
    (b"a,b\r1,2\r3,4", []),
    (b"a,b\r\r\n1,2\r\r\n3,4\r\r\n", []),
    (b",,\n\na,b,\n1,2,\n3,4,\n", []),
    (b"a,b,,\n1,2,,\n3,4\n", []),  # Excel leaves the last commas out after 16 rows
    (b"a,b\n1,2,,\n3,4,\n", []),
    (b"a,,b\n1,,2\n3, ,4\n", []),
    (b"a,b\n1,2\n,\n  , \n3,4\n,,,\n\n", ["Rows of some.csv that are empty: 3, skipped."]),
    (b",a,b\n0,1,2\n1,3,4\n", ["Column 1 has no name, as in an index: not read."]),
    (
        b",,a,b\nx,0,1,2\nx,1,3,4\n",
        ["Columns 1 to 2 have no name, as in an index: not read."],
    ),
    (b"A,b\n1,2\n3,4\n", ["Read without regard to capitals: A."]),
    (b"\xef\xbb\xbf\xef\xbb\xbfa,B \n1,2\n3,4\n", ["Read without regard to capitals: B."]),
]


@pytest.mark.parametrize(("data", "expected"), LEFT)
def test_leftovers_of_spreadsheets_are_skipped(tmp_path, data, expected):
    notes = []
    found = list(text_files.rows(write(tmp_path, data), None, ("a", "b"), ("a",), notes))
    assert [row for _, row in found] == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert notes == expected


def test_names_that_differ_in_capitals_alone_are_told_apart_or_refused(tmp_path):
    path = write(tmp_path, b"a,A\n1,2\n")
    assert list(text_files.rows(path, None, ("a",))) == [(2, {"a": "1", "A": "2"})]
    path = write(tmp_path, b"AB,Ab\n1,2\n")
    with pytest.raises(ValueError, match=r"line 1: the header is wrong.*'ab'"):
        list(text_files.rows(path, None, ("ab",)))


@pytest.mark.parametrize(
    ("required", "expected"),
    [(("a", "c"), "the columns a and c"), (("a", ("c", "d")), "the columns a and c or d")],
)
def test_missing_columns_are_those_of_the_header(tmp_path, required, expected):
    path = write(tmp_path, b"sep=,\na,b\n")
    with pytest.raises(ValueError, match=f"line 2: columns are missing. Expected {expected}"):
        list(text_files.rows(path, required=required))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,a\n", "line 1: the header is wrong"),
        (b",,\n", "line 1: the header is wrong"),
        (b"sep=;\na;a\n1;2\n", "line 2: the header is wrong.*differ.*'a'"),
        (b"a,b,\n1,2,3\n", "line 2: the row does not fit.*cell 3.*'3'"),
        (b"a,,b\n1,2,3\n", "line 2: the row does not fit.*cell 2.*'2'"),
        (b"a,b,,\n1\n", "line 2: the row does not fit"),
        (b"a,b,,\n1,2,,,3\n", "line 2: the row does not fit"),
        (b'"a,b\n1,2\n', "line 1: the row is not CSV"),
        (b"", "line 1: the header is wrong"),
        (b"a,b\n1\n", "line 2: the row does not fit.*2 cells"),
        (b"a,b\n1,2,3\n", "line 2: the row does not fit.*2 cells"),
        (b'a,b\n1,"2\n3,4\n', "line 3: the row is not CSV"),
        (b'a,b\n1,"2"3\n', "line 2: the row is not CSV"),
        (b'a,b\n1,"' + b"x\n" * 70_000 + b'"\n', "the row is not CSV.*field larger"),
        (b"a,b\n1,2\0\n", "line 2: this is not text"),
        ("a,b\n1,2\n".encode("utf-16-le"), "line 1: this is not UTF-8.*utf-16-le"),
        (b"a,b\n" + b"x" * 70_000, "line 2: the line is too long"),
        (b"a,b\r1,2,3\r", "line 2: the row does not fit"),
        (b"a,b\n1,2\r3,4\n", "line 2: the row is not CSV"),
    ],
)
def test_bad_row_is_named(tmp_path, data, message):
    with pytest.raises(ValueError, match=rf"some\.csv'.*{message}"):
        list(text_files.rows(write(tmp_path, data)))


def test_file_beyond_bounds_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "MAX_FILE_BYTES", 7)
    with pytest.raises(ValueError, match=r"too large.*at most 7 bytes.*8"):
        next(text_files.lines(write(tmp_path, b"12345678")))


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_what_is_no_file_is_refused(tmp_path, kind):
    path = tmp_path / "none" if kind == "missing" else tmp_path
    with pytest.raises(ValueError, match="is missing"):
        next(text_files.lines(path))


def test_ids_are_unique_and_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "MAX_UTTERANCES", 2)
    seen = text_files.Seen()
    seen.add("a.csv", 2, "x")
    with pytest.raises(
        ValueError, match=r"'b.csv', line 3: the id appears twice.*line 2 of 'a.csv'"
    ):
        seen.add("b.csv", 3, "x")
    seen.add("b.csv", 4, "y")
    with pytest.raises(ValueError, match=r"'b.csv', line 5: there are too many"):
        seen.add("b.csv", 5, "z")


def test_long_text_is_cut_in_messages():
    assert len(str(text_files.error("f", 1, "bad", "good", "x" * 9999))) < 400


def test_likely_encodings_show_the_word_that_is_meant(tmp_path):
    text = "id,transcript\n1,Ich bin heute sehr glücklich\n2,Wie schön\n"
    with pytest.raises(ValueError, match=r"windows-1252 \('glücklich'\)"):
        list(text_files.rows(write(tmp_path, text.encode("windows-1252"))))
