import collections
import shutil

import pytest

from amh_tf import schema
from amh_tf.corpora import iemocap
from tests.corpora import damage

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"


def evaluation(*turns):
    """Text of a label file with raters' lines between the labels."""
    return HEADER + "".join(
        f"[{start} - {end}]\t{name}\t{label}\t[2.5000, 2.5000, 2.5000]\n"
        "C-E2:\tNeutral;\t()\nC-F1:\tAnger; Other;\t(annoyed)\n"
        "A-E3:\tval 3; act 2; dom  2;\t()\n\n"
        for start, end, name, label in turns
    )


def write_dialog(folder, dialog, labels, words=None):
    session = folder / f"Session{dialog[4]}/dialog"
    for name, text in (("EmoEvaluation", labels), ("transcriptions", words)):
        if text is not None:
            path = session / name / f"{dialog}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return session / "EmoEvaluation" / f"{dialog}.txt"


@pytest.fixture
def release(tmp_path):
    """Two sessions by hand, with what lies in the real release beside the labels."""
    folder = tmp_path / "IEMOCAP_full_release"
    write_dialog(
        folder,
        "Ses01F_impro05",
        evaluation(
            ("140.2250", "145.6000", "Ses01F_impro05_F019", "ang"),
            ("6.2901", "8.2357", "Ses01F_impro05_M000", "exc"),
            ("9.0", "10.5", "Ses01F_impro05_M001", "xxx"),
        ),
        b"Ses01F_impro05_M000 [006.2901-008.2357]: Excuse me.\n"
        b"Ses01F_impro05_FXX0 [008.2357-009.0000]: [BREATHING]\n"
        b"M: a line of no utterance\n"
        b"Ses01F_impro05_F019 [140.2250-145.6000]: It\x92s  not: fair.\r\n",
    )
    write_dialog(
        folder,
        "Ses03M_impro05a",
        evaluation(
            ("1", "2", "Ses03M_impro05a_F000", "neu"),
            ("1.5", "3", "Ses03M_impro05a_M000", "hap"),
        ),
        "Ses03M_impro05a_F000 [001.0000-002.0000]: Yes.\n",
    )
    labels = folder / "Session1/dialog/EmoEvaluation"
    (labels / "._Ses01F_impro05.txt").write_bytes(b"\0\5\x16\7")
    (folder / "Session1/dialog/transcriptions/._Ses01F_impro05.txt").write_bytes(b"\0\5\x16\7")
    for name in ("Attribute", "Categorical", "Self-evaluation"):
        (labels / name).mkdir()
        (labels / name / "Ses01F_impro05_e2_cat.txt").write_text("Ses01F_impro05_F019 :Anger; ()\n")
    return folder


def test_release_is_read(release):
    corpus = iemocap.read(release)
    assert corpus.name == "IEMOCAP" and not corpus.synthetic
    assert corpus.classes == schema.PAPER_CLASSES
    first, second, third, fourth = corpus.recordings
    assert (first.id, first.label, first.group) == ("Ses01F_impro05_F019", 0, "Ses01F_impro05")
    assert (first.session, first.speaker, first.splits) == ("1", "Ses01F", ())
    assert first.audio == str(
        release / "Session1/sentences/wav/Ses01F_impro05/Ses01F_impro05_F019.wav"
    )
    assert (first.audio_start, first.audio_end) == (None, None)
    assert first.video == str(release / "Session1/dialog/avi/DivX/Ses01F_impro05.avi")
    assert (first.video_start, first.video_end) == (140.225, 145.6)
    assert first.transcript == "It\u2019s not: fair."
    assert (second.speaker, second.transcript, second.label) == ("Ses01M", "Excuse me.", 1)
    assert [r.speaker for r in (third, fourth)] == ["Ses03F", "Ses03M"]
    assert fourth.group == "Ses03M_impro05a" and fourth.transcript is None
    notes = "\n".join(corpus.notes)
    assert "4 utterances, not the published 7,487. Different in: ang 1 of 1,103" in notes
    assert "5 labelled utterances in 2 dialogs." in notes
    assert "Left out, without a class: 1 (xxx 1)." in notes
    assert "1 utterances have no transcript, the first 'Ses03M_impro05a_M000'" in notes


def test_parent_of_the_release_is_taken_too(release):
    assert iemocap.read(release.parent).recordings == iemocap.read(release).recordings


@pytest.mark.parametrize(
    ("left", "sides"),
    [
        ("auto", ["left", "right", "right", "left"]),  # F, M in Ses01F; F, M in Ses03M
        ("other", ["right", "left", "left", "right"]),
        ("F", ["left", "right", "left", "right"]),
        ("M", ["right", "left", "right", "left"]),
    ],
)
def test_side_follows_dialog_and_speaker(release, left, sides):
    assert [r.side for r in iemocap.read(release, left_speaker=left).recordings] == sides


def test_unknown_side_is_refused(release):
    with pytest.raises(ValueError, match=r"`left_speaker`.*'auto'.*--left_speaker"):
        iemocap.read(release, left_speaker="female")


def whole_release(folder, counts):
    """Label files that hold as many utterances as the release does, in 151 dialogs."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    names = [f"Ses0{1 + i % 5}{'FM'[i // 5 % 2]}_impro{i // 10:02d}" for i in range(151)]
    for number, dialog in enumerate(names):
        turns = [
            (i, i + 0.9, f"{dialog}_{'FM'[i % 2]}{i:03d}", label)
            for i, label in enumerate(labels[number::151])
        ]
        write_dialog(folder, dialog, evaluation(*turns))


def test_counts_of_the_whole_release_are_the_published_ones(tmp_path):
    # The published counts by hand, from the corpus' own documentation.
    counts = {"neu": 1708, "fru": 1849, "ang": 1103, "sad": 1084, "exc": 1041, "hap": 595}
    counts |= {"sur": 107, "fea": 40, "oth": 3, "dis": 2, "xxx": 2507}
    whole_release(tmp_path, counts)
    corpus = iemocap.read(tmp_path)
    assert "7,487 utterances, in every class as many as published." in corpus.notes
    assert "10,039 labelled utterances in 151 dialogs." in corpus.notes
    found = collections.Counter(r.label for r in corpus.recordings)
    assert tuple(found[i] for i in range(7)) == (1103, 1041, 595, 1084, 1849, 107, 1708)
    assert (
        "5,531 utterances, in every class as many as published."
        in iemocap.read(tmp_path, "four").notes
    )
    assert (
        "7,380 utterances, in every class as many as published."
        in iemocap.read(tmp_path, "six").notes
    )


def test_order_is_that_of_sessions_dialogs_and_files(release):
    write_dialog(release, "Ses01F_impro04", evaluation(("1", "2", "Ses01F_impro04_F000", "neu")))
    groups = [r.group for r in iemocap.read(release).recordings]
    assert groups == ["Ses01F_impro04", *["Ses01F_impro05"] * 2, *["Ses03M_impro05a"] * 2]


def test_transcripts_that_cannot_be_used_are_noted(release):
    write_dialog(
        release,
        "Ses01F_impro05",
        None,
        "Ses01F_impro05_M000 [1-2]: Once.\nSes01F_impro05_M000 [1-2]: Twice.\nSes01F no words\n",
    )
    (release / "Session3/dialog/transcriptions/Ses03M_impro05a.txt").unlink()
    corpus = iemocap.read(release)
    assert [r.transcript for r in corpus.recordings] == [None, "Once.", None, None]
    notes = "\n".join(corpus.notes)
    assert "1 transcription files are missing" in notes
    assert "1 transcription lines cannot be read, the first 'Ses01F_impro05.txt, line 3'" in notes
    assert "1 transcripts appear twice; the first counts" in notes


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[2.0 - 1.0]\tSes01F_impro05_F000\tang\t[]", "line 3: the times are wrong"),
        ("[1.0 - 1.0]\tSes01F_impro05_F000\tang\t[]", "line 3: the times are wrong"),
        ("[nan - 1.0]\tSes01F_impro05_F000\tang\t[]", "line 3: the times are wrong"),
        ("[1.0.0 - 2]\tSes01F_impro05_F000\tang\t[]", "line 3: the times are wrong"),
        ("[-1 - 2]\tSes01F_impro05_F000\tang\t[]", "line 3: the times are wrong"),
        ("[1 - 2]\tSes01F_impro06_F000\tang\t[]", "line 3: the name is wrong"),
        ("[1 - 2]\tSes01F_impro05_X000\tang\t[]", "line 3: the name is wrong"),
        ("[1 - 2]\tSes01F_impro05_F../../x\tang\t[]", "line 3: the name is wrong"),
        ("[1 - 2]\t../Ses01F_impro05_F000\tang\t[]", "line 3: the name is wrong"),
        ("[1 - 2]\tSes01F_impro05_F000\t\t[]", "line 3: the emotion is wrong"),
        ("[1 - 2]\tSes01F_impro05_F000\tan\x1bg\t[]", "line 3: the emotion is wrong"),
        ("[1 - 2] Ses01F_impro05_F000 ang", "line 3: the line is not a label"),
        ("[1 - 2]\tSes01F_impro05_F000\tang\0", "line 3: this is not text"),
        ("[" + "1" * 70_000, "line 3: the line is too long"),
    ],
)
def test_bad_label_is_named(release, line, message):
    write_dialog(release, "Ses01F_impro05", HEADER + line + "\n")
    with pytest.raises(ValueError, match=rf"Ses01F_impro05\.txt', {message}"):
        iemocap.read(release)


def test_utterance_that_stands_twice_is_refused(release):
    turn = ("1", "2", "Ses01F_impro05_F000", "ang")
    write_dialog(release, "Ses01F_impro05", evaluation(turn, turn))
    with pytest.raises(ValueError, match="line 8: the id appears twice"):
        iemocap.read(release)


@pytest.mark.parametrize("name", ["notes", "Ses02F_impro05", "Ses01X_impro05", "Ses01F_impro 5"])
def test_label_file_of_no_dialog_is_refused(release, name):
    (release / f"Session1/dialog/EmoEvaluation/{name}.txt").write_text("x")
    with pytest.raises(ValueError, match=f"{name}.txt' is not the label file of a dialog"):
        iemocap.read(release)


@pytest.mark.parametrize("kind", ["missing", "empty", "file"])
def test_what_is_not_the_release_is_refused(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "empty":
        path.mkdir()
    elif kind == "file":
        path.write_text("")
    with pytest.raises(ValueError, match=r"does not hold IEMOCAP.*--source_dir"):
        iemocap.read(path)


def test_session_without_labels_is_refused(release):
    for session in ("Session1", "Session3"):
        shutil.rmtree(release / session / "dialog/EmoEvaluation")
    with pytest.raises(ValueError, match="labels that occur: there are none"):
        iemocap.read(release)


def test_damaged_release_reads_or_is_refused(release):
    for name in ("EmoEvaluation", "transcriptions"):
        path = release / f"Session1/dialog/{name}/Ses01F_impro05.txt"
        whole = path.read_bytes()
        for data in damage.mutations(whole, 400, seed=len(name)):
            path.write_bytes(data)
            try:
                corpus = iemocap.read(release)
            except ValueError as error:
                assert "Ses01F_impro05" in str(error) and len(str(error)) < 600
                continue
            for recording in corpus.recordings:
                assert 0 <= recording.video_start < recording.video_end
                assert recording.audio.startswith(str(release)) and ".." not in recording.audio
                assert recording.transcript is None or recording.transcript.isprintable()
        path.write_bytes(whole)


def test_text_file_far_larger_than_any_is_refused(release, monkeypatch):
    monkeypatch.setattr(iemocap, "MAX_DIALOG_BYTES", 99)
    with pytest.raises(ValueError, match=r"Ses01F_impro05\.txt' is too large.*at most 99 bytes"):
        iemocap.read(release)
