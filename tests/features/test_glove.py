import contextlib
import gzip

import numpy as np
import pytest

from amh_tf.features import glove

VOCABULARY = ("_PAD_", "_UNK_", "the", "n't", "zyx", "1")
LINES = [
    b"the 1 2 -3.5",
    b". . . 4 5 6",
    b"at name@domain.com 7 8 9",
    b"n't 0.25 1e-1 -1",
    b"1 9 9 9",
    b"the 7 7 7",
    b"caf\xff 1 1 1",
    b"other 1 1 1",
]
KNOWN = {2: [1, 2, -3.5], 3: [0.25, 0.1, -1], 5: [9, 9, 9]}


def write(path, lines=LINES, end=b"\n"):
    path.write_bytes(end.join(lines) + end)
    return path


def check(vectors, found):
    assert vectors.shape == (6, 3) and vectors.dtype == np.float32 and found == 3
    for row, vector in KNOWN.items():
        np.testing.assert_array_equal(vectors[row], np.array(vector, np.float32))
    assert not vectors[0].any() and vectors[[1, 4]].all()


def test_vectors_of_the_vocabulary_are_read(tmp_path):
    check(*glove.load_glove(write(tmp_path / "glove.txt"), VOCABULARY))


def test_word2vec_text_is_read(tmp_path):
    check(*glove.load_glove(write(tmp_path / "w2v.txt", [b"8 3", *LINES], b" \n"), VOCABULARY))


def spread(line, by):
    """Puts other spaces between the word and the numbers; those within the word stay."""
    return by.join(line.rsplit(b" ", 3))


@pytest.mark.parametrize("by", [b"\t", b"  ", b" \t ", b"\t\t"])
@pytest.mark.parametrize("header", [[], [b"8 3"], [b"8\t3"], [b" 8  3 "]])
@pytest.mark.parametrize("end", [b"\n", b" \r\n", b"\t\n"])
def test_tabs_and_doubled_spaces_are_read(tmp_path, by, header, end):
    lines = [spread(line, by) for line in LINES]
    check(*glove.load_glove(write(tmp_path / "w.txt", [*header, *lines], end), VOCABULARY))
    mixed = [line if number % 2 else spread(line, by) for number, line in enumerate(LINES)]
    check(*glove.load_glove(write(tmp_path / "m.txt", [*header, *mixed], end), VOCABULARY))


def test_fasttext_is_read(tmp_path):
    """Its count of words, its mark for the end of a sentence, spaces at the end of lines."""
    lines = [b"2000000 3", b"</s> 0 0 0", *LINES, b" 1 2 3", b"\xe4\xb8\xad 5 5 5"]
    vectors, found = glove.load_glove(
        write(tmp_path / "cc.vec", lines, b" \n"), (*VOCABULARY, "\u4e2d", "\u6587")
    )
    assert found == 4 and vectors[6].tolist() == [5, 5, 5]
    check(vectors[:6], 3)


def test_mark_of_utf8_is_no_part_of_a_word(tmp_path):
    lines = [b"\xef\xbb\xbf" + LINES[0], *LINES[1:]]
    check(*glove.load_glove(write(tmp_path / "glove.txt", lines), VOCABULARY))


def test_packed_file_with_windows_line_ends_is_read(tmp_path):
    path = tmp_path / "glove.txt.gz"
    path.write_bytes(gzip.compress(b"\r\n".join(LINES)))
    check(*glove.load_glove(path, VOCABULARY))


def test_missing_words_get_seeded_vectors_of_the_same_spread(tmp_path):
    rng = np.random.default_rng(0)
    known = rng.standard_normal((200, 5)) * 0.3
    lines = [f"w{i} {' '.join(map(str, row))}".encode() for i, row in enumerate(known)]
    path = write(tmp_path / "glove.txt", lines)
    words = ("_PAD_", "_UNK_", *(f"w{i}" for i in range(200)), *(f"x{i}" for i in range(400)))
    vectors, found = glove.load_glove(path, words, seed=3)
    again, _ = glove.load_glove(path, words, seed=3)
    other, _ = glove.load_glove(path, words, seed=4)
    assert found == 200
    np.testing.assert_array_equal(vectors, again)
    np.testing.assert_allclose(vectors[202:].std(), 0.3, rtol=0.05)
    assert abs(vectors[202:].mean()) < 0.02
    assert (vectors[202:] != other[202:]).all() and (vectors[:202] == other[:202])[2:].all()


def test_progress_is_shown_in_megabytes(tmp_path):
    moves = []

    @contextlib.contextmanager
    def bar(total, title, unit):
        assert unit == "MB" and total > 0
        yield type("Bar", (), {"move_to": staticmethod(moves.append)})

    path = write(tmp_path / "glove.txt", LINES * 5000)
    glove.load_glove(path, VOCABULARY, progress=bar)
    assert moves == sorted(moves) and 0 < moves[-1] <= path.stat().st_size / 1e6


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*LINES, b"short 1 2"], r"glove.txt', line 9: the line is too short"),
        ([*LINES, b"short\t1\t2"], r"glove.txt', line 9: the line is too short"),
        ([*LINES, b" 1  2 "], r"glove.txt', line 9: the line is too short"),
        ([b"the  1 2", *LINES[1:]], "line 1: the vector is bad|line 1: the line is too short"),
        ([b"the,1,2,3", b"of,1,2,3"], "line 2: the line holds no word vector"),
        ([b"the 1 x 2", *LINES], r"glove.txt', line 1: the vector is bad.*'the 1 x 2'"),
        ([b"the 1 nan 2", *LINES], "line 1: the vector is bad.*3 finite numbers"),
        ([b"the 1 1e39 2", *LINES], "line 1: the vector is bad"),
        ([b"the 1 1e30 2", *LINES], "line 1: the vector is bad"),
        ([*LINES, b"\xff" * (1 << 20)], "line 9: the line is too long"),
        ([b"hello"], "line 1: the line holds no word vector"),
        ([b"5 9999999"], "line 1: the line holds no word vector|empty"),
        ([b"2 99999", *LINES], "holds no word vector"),
        ([b""], "is empty"),
        ([b"other 1 1 1"], "none of the 6 words.*--glove"),
        ([b"PK\x03\x04"], "zip file. Unpack"),
        ([b"2 3", b"the " + bytes(12), b"of " + bytes(12)], "is not text.*binary.*word2vec"),
        ([b"\x93NUMPY\x01\0v\0"], "is not text"),
        (["\n".join(["the 1 2 3"] * 9).encode("utf-16-le")], "is not text"),
        ([b"\x1f\x8b\x08\x00nonsense"], "line 1: it cannot be unpacked"),
        ([gzip.compress(b"\n".join(LINES * 99))[:-9]], "it cannot be unpacked"),
    ],
)
def test_wrong_file_is_refused(tmp_path, lines, message):
    with pytest.raises(ValueError, match=message):
        glove.load_glove(
            write(tmp_path / "glove.txt", lines, b"\n" if lines[0][:1] != b"\x1f" else b""),
            VOCABULARY,
        )


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"is missing.*--glove"):
        glove.load_glove(tmp_path / "none.txt", VOCABULARY)


def test_damaged_file_reads_or_is_refused(tmp_path):
    rng = np.random.default_rng(5)
    whole = np.frombuffer(b"\n".join(LINES), np.uint8)
    path = tmp_path / "glove.txt"
    for _ in range(300):
        damaged = whole.copy()
        where = rng.integers(len(damaged), size=3)
        damaged[where] = rng.integers(256, size=3)
        path.write_bytes(damaged.tobytes()[: rng.integers(1, len(whole) + 1)])
        try:
            vectors, found = glove.load_glove(path, VOCABULARY)
        except ValueError as error:
            assert "glove.txt" in str(error)
        else:
            assert np.isfinite(vectors).all() and len(vectors) == 6 and 0 < found < 6
