import pytest

from amh_tf.corpora import text_files


def write(tmp_path, data):
    path = tmp_path / "some.csv"
    path.write_bytes(data)
    return path


def test_lines_are_decoded_one_by_one(tmp_path):
    path = write(
        tmp_path,
        b"\xef\xbb\xbfcaf\xc3\xa9\r\n"  # UTF-8 with its mark
        b"it\x92s caf\xe9\n"  # Windows-1252
        b"it\xc2\x92s\n"  # Windows-1252 that was read as Latin-1, as in MELD
        b"\x81\n"  # neither
        b"last",
    )
    texts = [text for _, text in text_files.lines(path)]
    assert texts == ["café", "it\u2019s café", "it\u2019s", "\ufffd", "last"]


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


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,a\n", "line 1: the header is wrong"),
        (b"a,\n", "line 1: the header is wrong"),
        (b"", "line 1: the header is wrong"),
        (b"a,b\n1\n", "line 2: the row does not fit.*2 cells"),
        (b"a,b\n1,2,3\n", "line 2: the row does not fit.*2 cells"),
        (b'a,b\n1,"2\n3,4\n', "line 3: the row is not CSV"),
        (b'a,b\n1,"2"3\n', "line 2: the row is not CSV"),
        (b'a,b\n1,"' + b"x\n" * 70_000 + b'"\n', "the row is not CSV.*field larger"),
        (b"a,b\n1,2\0\n", "line 2: this is not text"),
        ("a,b\n1,2\n".encode("utf-16"), "line 1: this is not text.*UTF-8"),
        (b"a,b\n" + b"x" * 70_000, "line 2: the line is too long"),
        (b"a,b\r1,2\r", "line 1|not CSV|header"),
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
        ValueError, match=r"'b.csv', line 3: the id stands twice.*line 2 of 'a.csv'"
    ):
        seen.add("b.csv", 3, "x")
    seen.add("b.csv", 4, "y")
    with pytest.raises(ValueError, match=r"'b.csv', line 5: there are too many"):
        seen.add("b.csv", 5, "z")


def test_long_text_is_cut_in_messages():
    assert len(str(text_files.error("f", 1, "bad", "good", "x" * 9999))) < 400
