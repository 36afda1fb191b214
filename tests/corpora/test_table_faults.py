"""Tables with faults: each is refused by its row."""

import json

import pytest

from amh_tf.corpora import table
from tests.corpora import damage
from tests.corpora.test_table import HEAD, write

BAD = [
    ("u1,a.wav,,1,,,,joy,,,\n", "line 2: start and end are not a time span"),
    ("u1,a.wav,,2,1,,,joy,,,\n", "line 2: start and end are not a time span"),
    ("u1,a.wav,,1,1,,,joy,,,\n", "line 2: start and end are not a time span"),
    ("u1,a.wav,,nan,2,,,joy,,,\n", "line 2: start and end are not a time span"),
    ("u1,a.wav,,1,inf,,,joy,,,\n", "line 2: start and end are not a time span"),
    ("u1,a.wav,,-1,2,,,joy,,,\n", "line 2: start and end are not a time span"),
    ("u1,a.wav,,x,2,,,joy,,,\n", "line 2: start and end are not a time span"),
    ("u1,a.wav,,,,up,,joy,,,\n", "line 2: side is not known.*whole, left, right"),
    ("u1,a.wav,,,,,,joy,,,dev2\n", "line 2: split is not known.*train, dev, test"),
    ("u1,a.wav,,,,,,,,,\n", "line 2: the label is missing"),
    ("u1,a.wav,,,,,,nan,,,\n", "line 2: the label is missing.*'nan'"),
    ("u1,a.wav,,,,,,#N/A,,,\n", "line 2: the label is missing.*'#N/A'"),
    ("u1,,,1,2,,,joy,,,\n", "line 2: the line is empty"),
    (",a.wav,,,,,,joy,,,\n", "line 2: the id cannot be used"),
    ("\x1b[2J,a.wav,,,,,,joy,,,\n", "line 2: id cannot be shown"),
    ("x" * 201 + ",a.wav,,,,,,joy,,,\n", "line 2: the id cannot be used"),
    ("u1,a,,,,,,j,,,\nu1,a,,,,,,j,,,\n", "line 3: the id appears twice"),
    ("u1,a\n", "line 2: the row does not fit"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_row_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"table\.csv', {message}"):
        table.read(write(tmp_path, HEAD + text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "a list"),
        ("{", "JSONDecodeError"),
        ('{"id": NaN}', "NaN"),
        ('{"id": 1, "id": 2}', "a name appears twice"),
        ('{"id": {"a": 1}}', "id is neither text nor a number"),
        ('{"id": true}', "id is neither text nor a number"),
        ('{"id": ' + "9" * 5000 + "}", "ValueError"),
        ("[" * 60_000, "RecursionError"),
        ('{"label": "a"}', "columns are missing"),
        ('{"id": 1, "label": "a", "audio": "a\\u0000"}', "audio is not a path"),
        ('{"id": 1, "label": "a", "audio": "\\ud800"}', "audio is not a path"),
        ('{"id": "\\ud800", "label": "a", "audio": "a"}', "id cannot be shown"),
        ('{"id": 1, "label": "a", "audio": "a", "start": 1e999, "end": 2}', "not a time span"),
    ],
)
def test_bad_line_is_named(tmp_path, text, message):
    path = write(tmp_path, "\n" + text + "\n", "table.jsonl")
    with pytest.raises(ValueError, match=rf"table\.jsonl', line 2: .*{message}"):
        table.read(path)


@pytest.mark.parametrize("name", ["table.csv", "table.jsonl"])
def test_table_without_utterances_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="holds no utterance"):
        table.read(write(tmp_path, HEAD if name.endswith("csv") else "\n", name))


def test_empty_csv_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="line 1: the header is wrong"):
        table.read(write(tmp_path, ""))


def test_missing_columns_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"line 1: columns are missing.*id and label"):
        table.read(write(tmp_path, "name,label\n1,a\n"))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ("1,500;2,500", "line 2: start is ambiguous.*decimal point.*'1,500'"),
        ("1.5;2,500", "line 2: end is ambiguous"),
        ("1,5,0;2", "line 2: start and end are not a time span"),
        ("1.234,5;2", "line 2: start and end are not a time span"),
        ("1,234.5;2000", "line 2: start and end are not a time span"),
        (",5;2", "line 2: start and end are not a time span"),
        ("5,25;2,5", "line 2: start and end are not a time span"),
    ],
)
def test_commas_that_may_be_no_decimal_ones_are_refused(tmp_path, times, message):
    text = f"id;label;audio;start;end\n1;a;x;{times}\n2;b;x;1;2\n"
    with pytest.raises(ValueError, match=message):
        table.read(write(tmp_path, text))


def test_one_label_makes_no_classes(tmp_path):
    with pytest.raises(ValueError, match=r"do not make classes.*--labels"):
        table.read(write(tmp_path, "id,label,audio\n1,a,x\n"))


@pytest.mark.parametrize("name", ["table.csv", "table.jsonl"])
def test_damaged_table_reads_or_is_refused(tmp_path, name):
    rows = [
        {"id": f"u{i}", "audio": f"{i}.wav", "start": i, "end": i + 1.5, "side": "left"}
        | {"transcript": 'so, "it" is', "label": "ab"[i % 2], "split": "dev"}
        for i in range(4)
    ]
    if name == "table.csv":
        lines = ['{id},{audio},{start},{end},{side},"so, it is",{label}'.format(**r) for r in rows]
        whole = "\n".join(["id,audio,start,end,side,transcript,label", *lines])
    else:
        whole = "\n".join(map(json.dumps, rows))
    for data in damage.mutations(whole.encode(), 800, seed=2):
        try:
            corpus = table.read(write(tmp_path, data, name))
        except ValueError as error:
            assert len(str(error)) < 700
        else:
            for recording in corpus.recordings:
                assert recording.id.isprintable() and 0 <= recording.label < len(corpus.classes)
                start, end = recording.audio_start, recording.audio_end
                assert (start is None) == (end is None) and (start is None or 0 <= start < end)
                assert recording.transcript is None or recording.transcript.isprintable()
