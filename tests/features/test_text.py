import json
import random
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
import tensorflow as tf
from hypothesis import strategies

from amh_tf import schema
from amh_tf.features import text

ORACLE = json.loads(Path(__file__).with_name("nltk_words.json").read_text(encoding="utf-8"))


def in_graph(texts):
    ragged = tf.function(text.tokenize)(tf.constant(texts, tf.string, [len(texts)]))
    return [[word.decode() for word in words] for words in ragged.to_list()]


@pytest.mark.parametrize(("written", "words"), ORACLE["texts"])
def test_words_are_nltks(written, words):
    assert text.words(written) == words


# Where we differ from nltk on purpose; its words for these are others.
@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("I'm gonna go, I cannot stay.", "i 'm gonna go , i cannot stay ."),
        ("'Twas dark, 'tis true", "'twas dark , 'tis true"),
        (
            "She said \"hello\", ''hello'' and ``hello``",
            'she said " hello " , " hello " and " hello "',
        ),
        ("I know \u2014 it\u2019s \u201cfine\u201d\u2026", 'i know -- it \'s " fine " ...'),
        ("I was there. It was fun.", "i was there . it was fun ."),
        ("well.... yes.. no", "well ... yes ... no"),
        ("Buy milk, eggs, etc.", "buy milk , eggs , etc."),
        ("I left at 5 p.m. So did Mrs. Smith.", "i left at 5 p.m. so did mrs. smith ."),
        ("Tell 'em, 'cause it's '92.", "tell 'em , 'cause it 's '92 ."),
        ("You shouldn't've, she'll've.", "you should n't 've , she 'll 've ."),
        ("no!!! ,, ::", "no ! ! ! , , : :"),
        ("1,2,3,4 1:2:3:4 1, 2", "1,2,3,4 1:2:3:4 1 , 2"),
        ("'quoted.' ''", "' quoted . ' \""),
        ("a\x00B\x00", "a b"),
        (" \t\n\u00a0\u2028\ufeff\x00\x01\x05", ""),
        ("\u0130I\u00c9", "ii\u00e9"),
    ],
)
def test_words_where_we_differ(written, words):
    assert text.words(written) == words.split()
    assert in_graph([written]) == [words.split()]


def test_graph_cuts_as_python_does():
    texts = [written for written, _ in ORACLE["texts"]] + ["", " "]
    assert in_graph(texts) == [text.words(written) for written in texts]


PIECES = [
    *" '\".,:;-?!",
    "n't",
    "'s",
    "ll",
    "mr.",
    "u.s.",
    "...",
    "--",
    "1",
    "9",
    "a",
    "I",
    "\u0130",
]
PIECES += [
    "\u00c9",
    "\u2019",
    "\u03a3",
    "\U0001f600",
    "\x01",
    "\x03",
    "\n",
    "\u00a0",
    "\u200d",
    "``",
]


def test_graph_and_python_agree_on_anything():
    rng = random.Random(4)
    texts = ["".join(rng.choices(PIECES, k=rng.randrange(24))) for _ in range(2000)]
    texts += ["".join(chr(rng.randrange(1, 0xD7FF)) for _ in range(8)) for _ in range(500)]
    for written, words in zip(texts, in_graph(texts), strict=True):
        assert words == text.words(written), repr(written)


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(strategies.lists(strategies.binary(max_size=24), max_size=20))
def test_invalid_utf8_is_replaced_alike(texts):
    assert in_graph(texts) == [text.words(written) for written in texts]


def test_half_a_surrogate_pair_is_replaced():
    assert text.words("a \ud800 b") == ["a", "\ufffd", "b"]


def test_case_does_not_follow_the_machines_language():
    # Turkish lower-cases I to a letter without its dot.
    code = "from amh_tf.features import text; print(text.tokenize(['I AM']).to_list())"
    environment = {
        "LC_ALL": "tr_TR.UTF-8",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": ":".join(sys.path),
    }
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert printed.stdout == "[[b'i', b'am']]\n"


def test_vocabulary_is_ordered_by_count_then_alphabet():
    built = text.build_vocabulary([["b", "a", "c"], ["c"], ["_UNK_", "_PAD_"]])
    assert built == ("_PAD_", "_UNK_", "c", "a", "b")


VOCABULARY = ("_PAD_", "_UNK_", "do", "n't", "stop", "caf\u00e9")


@pytest.fixture(params=["list", "file"])
def table(request, tmp_path):
    if request.param == "list":
        return text.table_from_vocabulary(VOCABULARY)
    path = tmp_path / "vocabulary.txt"
    path.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return text.table_from_file(path)


def test_word_ids(table):
    ids, length = text.word_ids(
        tf.constant(["Don't stop", "", "caf\u00e9 _PAD_ Stop", "a b c d"]), table, 3
    )
    assert ids.dtype == length.dtype == tf.int32
    assert ids.numpy().tolist() == [[2, 3, 4], [0, 0, 0], [5, 1, 4], [1, 1, 1]]
    assert length.numpy().tolist() == [3, 0, 3, 3]


@pytest.mark.parametrize("texts", [[], ["", " "]])
def test_word_ids_have_a_step_when_there_are_no_words(table, texts):
    ids, length = text.word_ids(tf.constant(texts, tf.string), table, 3)
    assert ids.shape == (len(texts), 1) and length.shape == (len(texts),)
    assert not ids.numpy().any() and not length.numpy().any()


def test_saved_model_holds_words_and_vocabulary(tmp_path):
    path = tmp_path / "vocabulary.txt"
    path.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    module = tf.Module()
    module.table = text.table_from_file(path)
    module.ids = tf.function(
        lambda strings: text.word_ids(strings, module.table, 128),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(module, tmp_path / "saved")
    path.unlink()
    (tmp_path / "saved").rename(tmp_path / "moved")
    ids, length = tf.saved_model.load(tmp_path / "moved").ids(tf.constant([b"DON\x92T don't\xff"]))
    assert ids.numpy().tolist() == [[1, 2, 1]] and length.numpy().tolist() == [3]


def test_vocabulary_with_a_word_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'a' 2 times"):
        text.table_from_vocabulary(["a", "b", "a"])
    path = tmp_path / "vocabulary.txt"
    path.write_text("a\nb\nb\n")
    with pytest.raises(ValueError, match="b'b' 2 times"):
        text.table_from_file(path)


def test_padding_and_unknown_cannot_be_said():
    for word in (schema.PADDING_WORD, schema.UNKNOWN_WORD):
        assert word not in text.words(f"{word} {word.lower()}")
