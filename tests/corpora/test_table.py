import json

import pytest

from amh_tf.corpora import table

HEAD = "id,audio,video,start,end,side,transcript,label,speaker,session,split\n"


def write(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_csv_is_read(tmp_path):
    path = write(
        tmp_path,
        HEAD + "u1,a.wav,clips/b.avi,1.5,2.25,left,Hello there,joy,Ann,s1,train\n"
        "u2,,c.avi,,,,,anger,,,\n"
        'u3,,,,,,"Only, words",joy,,,test\n',
    )
    corpus = table.read(path)
    assert corpus.name == "table.csv" and corpus.classes == ("anger", "joy")
    first, second, third = corpus.recordings
    assert (first.audio, first.video) == (str(tmp_path / "a.wav"), str(tmp_path / "clips/b.avi"))
    assert (
        (first.audio_start, first.audio_end) == (first.video_start, first.video_end) == (1.5, 2.25)
    )
    assert (first.side, first.label, first.splits) == ("left", 1, ("train",))
    assert (first.speaker, first.session, first.transcript) == ("Ann", "s1", "Hello there")
    assert (second.audio, second.video_start, second.side, second.splits) == (
        None,
        None,
        "whole",
        (),
    )
    assert second.transcript is None and third.video is None and third.group == "u3"
    assert corpus.notes == (
        "2 of 3 utterances have no audio.",
        "1 of 3 utterances have no text.",
        "1 of 3 utterances have no video.",
    )


def test_json_lines_are_read_as_csv_is(tmp_path):
    rows = [
        {"id": 7, "label": "a", "video": "x.mp4", "start": 1, "end": 2.5, "speaker": None},
        {"id": "u2", "label": "b", "transcript": "caf\u00e9 \u2019s"},
    ]
    text = "\n\n".join(json.dumps(row) for row in rows) + "\n"
    first, second = table.read(write(tmp_path, text, "table.jsonl")).recordings
    assert (first.id, first.video_start, first.video_end, first.speaker) == ("7", 1.0, 2.5, "")
    assert second.transcript == "caf\u00e9 \u2019s"


def test_sound_may_have_a_span_of_its_own(tmp_path):
    text = "id,label,audio,video,start,end,audio_start,audio_end\n"
    text += "u1,a,s.wav,d.avi,10,12,,\nu2,b,s.wav,d.avi,12,13,0.5,1\n"
    first, second = table.read(write(tmp_path, text)).recordings
    assert (first.audio_start, first.audio_end) == (None, None)
    assert (first.video_start, first.video_end) == (10, 12)
    assert (second.audio_start, second.audio_end) == (0.5, 1)
    line = {"id": 1, "label": "a", "audio": "s.wav", "video": "d.avi", "start": 1, "end": 2}
    text = (
        json.dumps({**line, "audio_end": None}) + "\n" + json.dumps({**line, "id": 2, "label": "b"})
    )
    own, shared = table.read(write(tmp_path, text, "t.jsonl")).recordings
    assert own.audio_start is None and own.video_start == 1 and shared.audio_start == 1


def test_utterances_of_one_file_are_put_together(tmp_path):
    text = "id,label,video\n1,a,x.avi\n2,b,y.avi\n3,a,x.avi\n"
    recordings = table.read(write(tmp_path, text)).recordings
    assert [r.id for r in recordings] == ["1", "3", "2"]
    assert recordings[0].group == recordings[1].group != recordings[2].group


def test_labels_are_chosen(tmp_path):
    path = write(tmp_path, "id,label,audio\n1,a,x\n2,b,x\n3,c,x\n4,d,x\n")
    corpus = table.read(path, labels="low=a+c,b", name="mine")
    assert corpus.name == "mine" and corpus.classes == ("low", "b")
    assert [(r.id, r.label) for r in corpus.recordings] == [("1", 0), ("2", 1), ("3", 0)]
    assert "Left out, without a class: 1 (d 1)." in corpus.notes


def test_files_elsewhere_and_columns_not_read_are_noted(tmp_path):
    text = "id,label,audio,transcipt\n1,a,/data/x.wav,hi\n2,b,../y.wav,\n3,b,in/../z.wav,\n"
    corpus = table.read(write(tmp_path, text))
    assert corpus.recordings[0].audio == "/data/x.wav"
    assert "Columns that are not read: transcipt." in corpus.notes
    assert any(
        note.startswith("2 of its files are outside the table's folder") for note in corpus.notes
    )


@pytest.mark.parametrize(
    ("text", "sex"),
    [("female", "female"), ("F", "female"), ("Woman", "female"), ("", "")]
    + [("male", "male"), ("m", "male"), ("MAN", "male")],
)
def test_sex_is_read(tmp_path, text, sex):
    path = write(tmp_path, f"id,label,audio,sex\n1,a,x,{text}\n2,b,y,\n")
    assert table.read(path).recordings[0].sex == sex


def test_sex_of_another_name_is_refused(tmp_path):
    path = write(tmp_path, "id,label,audio,sex\n1,a,x,f\n2,b,y,fem\n")
    with pytest.raises(ValueError, match=r"line 3: sex is not known.*female, f, .*'fem'"):
        table.read(path)


def test_each_fold_tests_on_its_own_rows(tmp_path):
    text = (
        "id,label,audio,fold\n1,a,1.wav,fold 10\n2,b,2.wav,fold 9\n3,a,3.wav,\n4,b,4.wav,fold 9\n"
    )
    corpus = table.read(write(tmp_path, text))
    assert corpus.fold_names == ("fold 9", "fold 10")
    assert corpus.published == "2 folds that the table names"
    assert {spoken.id: spoken.splits for spoken in corpus.recordings} == {
        "1": ("train", "test"),
        "2": ("test", "train"),
        "3": ("train", "train"),
        "4": ("test", "train"),
    }


def test_folds_of_words_are_sorted(tmp_path):
    text = "id,label,audio,fold\n1,a,1.wav,Zoe\n2,b,2.wav,Anna\n3,b,2.wav,Bo\n"
    assert table.read(write(tmp_path, text)).fold_names == ("Anna", "Bo", "Zoe")


def test_table_without_folds_has_the_given_split(tmp_path):
    corpus = table.read(write(tmp_path, "id,label,audio,split\n1,a,1.wav,train\n2,b,2.wav,dev\n"))
    assert corpus.fold_names == ("given",)


@pytest.mark.parametrize("rows", ["1,a,x,f1,\n2,b,y,,train\n", "1,a,x,,test\n2,b,y,f1,\n"])
def test_fold_and_split_together_are_refused(tmp_path, rows):
    path = write(tmp_path, "id,label,audio,fold,split\n" + rows)
    with pytest.raises(ValueError, match=r"line 3: fold and split are both set"):
        table.read(path)


def test_one_fold_of_all_rows_is_refused(tmp_path):
    path = write(tmp_path, "id,label,audio,fold\n1,a,x,f1\n2,b,y,f1\n")
    with pytest.raises(ValueError, match=r"does not hold folds.*Received: 1"):
        table.read(path)


def test_table_of_another_encoding_is_read_by_its_name(tmp_path):
    text = "ID,Label,Transcript\n1,开心,我今天很高兴\n2,难过,这是坏消息\n"
    path = write(tmp_path, text.encode("gb18030"))
    with pytest.raises(ValueError, match=r"table\.csv', line 2: this is not UTF-8.*gb18030"):
        table.read(path)
    corpus = table.read(path, encoding="gbk")
    assert corpus.classes == ("开心", "难过")
    assert corpus.recordings[0].transcript == "我今天很高兴"
    assert "Read without regard to capitals: ID, Label, Transcript." in corpus.notes
    line = json.dumps({"ID": 1, "label": "難過", "transcript": "x"}, ensure_ascii=False)
    path = write(
        tmp_path,
        "\n".join([line, line.replace("1", "2").replace("過", "")]).encode("big5"),
        "t.jsonl",
    )
    assert table.read(path, encoding="big5").classes == ("難", "難過")


def test_choices_may_be_in_capitals(tmp_path):
    text = "id,label,video,side,split\n1,a,x,Left,Train\n2,b,y,RIGHT,TEST\n"
    first, second = table.read(write(tmp_path, text)).recordings
    assert (first.side, first.splits) == ("left", ("train",))
    assert (second.side, second.splits) == ("right", ("test",))


def test_index_of_pandas_is_noted(tmp_path):
    corpus = table.read(write(tmp_path, ",id,label,audio\n0,1,a,x\n1,2,b,y\n"))
    assert [spoken.id for spoken in corpus.recordings] == ["1", "2"]
    assert "Column 1 has no name, as in an index: not read." in corpus.notes


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["1,5;2,25", "0,125;3"], [(1.5, 2.25), (0.125, 3)]),
        (["1,500;2,250", "0,500;1"], [(1.5, 2.25), (0.5, 1)]),
        (["12,345;1234,567", "1;2"], [(12.345, 1234.567), (1, 2)]),
        (["1.5;2.25", "0.125;3"], [(1.5, 2.25), (0.125, 3)]),
        (["0:01:02.5;1:04", "00:59;100:00:00"], [(62.5, 64), (59, 360_000)]),
    ],
)
def test_times_may_have_a_decimal_comma(tmp_path, times, expected):
    lines = [f"u{i};{'ab'[i]};x.wav;{text}" for i, text in enumerate(times)]
    corpus = table.read(write(tmp_path, "\n".join(["id;label;audio;start;end", *lines])))
    assert [(each.audio_start, each.audio_end) for each in corpus.recordings] == expected
    commas = sum(text.count(",") for text in times)
    told = [note for note in corpus.notes if "decimal comma" in note]
    assert told == ([f"Times with a decimal comma: {commas}."] if commas else [])
