# ruff: noqa: RUF001  (characters that look alike are what is tested)
import importlib.util
import json
import random
from pathlib import Path

import hypothesis
import pytest
import tensorflow as tf
from hypothesis import strategies

from amh_tf import schema
from amh_tf.features import text
from tests import commands

ORACLE = json.loads(Path(__file__).with_name("nltk_words.json").read_text(encoding="utf-8"))


in_one_graph = tf.function(text.tokenize, input_signature=[tf.TensorSpec([None], tf.string)])


at_spaces_in_one_graph = tf.function(
    lambda strings: text.tokenize(strings, text.SPACES),
    input_signature=[tf.TensorSpec([None], tf.string)],
)


def in_graph(texts, graph=in_one_graph):
    ragged = graph(tf.constant(texts, tf.string, [len(texts)]))
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


# Cut by hand.
UNSPACED = [
    ("我今天很高兴，因为你来了", "我 今 天 很 高 兴 ， 因 为 你 来 了"),
    ("とても嬉しいです", "と て も 嬉 し い で す"),
    ("東京タワー々〇", "東 京 タ ワ ー 々 〇"),
    ("ฉันมีความสุข ทำน้ำ", "ฉั น มี ค ว า ม สุ ข ทำ น้ำ"),
    ("ຂ້ອຍດີໃຈ", "ຂ້ ອ ຍ ດີ ໃ ຈ"),
    ("ខ្ញុំសប្បាយ", "ខ្ញុំ ស ប្បា យ"),
    ("ကျွန်တော် မန္တလေး", "ကျွ န် တော် မ န္တ လေး"),
    ("བཀྲ་ཤིས་བདེ་ལེགས།", "བཀྲ ཤིས བདེ ལེགས །"),
    ("ㄅㄆㄇ𠮷野家", "ㄅ ㄆ ㄇ 𠮷 野 家"),
    ("ｶﾞｷﾊﾟ｡か\u3099", "ｶﾞ ｷ ﾊﾟ ｡ か\u3099"),
    ("我love你, OK吗？", "我 love 你 , ok 吗 ？"),
    ("it's「好」ｎｏ（１２）2024年3.5个", "it 's 「 好 」 ｎｏ （ １２ ） 2024 年 3.5 个"),
    ("😀我👍🏽好1,234元。", "😀 我 👍🏽 好 1,234 元 。"),
    ("他说：“别走！”……", '他 说 ： " 别 走 ！ " ... ...'),
    ("我\u200b很 好\u3000吗", "我 很 好 吗"),
]


@pytest.mark.parametrize(("written", "words"), UNSPACED)
def test_scripts_without_spaces_are_cut_into_characters(written, words):
    assert text.words(written) == words.split()
    assert in_graph([written]) == [words.split()]


# Words as their spaces have them, in either way of cutting.
SPACED = [
    "أنا سعيد جدا",
    "나는 행복하다",
    "я счастлив",
    "मैं खुश हूँ",
    "είμαι χαρούμενος",
    "tôi rất vui",
]


@pytest.mark.parametrize("written", SPACED)
def test_scripts_with_spaces_are_cut_at_spaces(written):
    for unspaced in schema.UNSPACED_SCRIPTS:
        assert text.words(written, unspaced) == written.split()


def test_words_that_were_cut_before_stay_whole_under_spaces():
    for written in ("我 今天 很 高兴", "今日 は とても 嬉しい です", "ฉัน มี ความสุข"):
        assert text.words(written, text.SPACES) == written.split()
        assert in_graph([written], at_spaces_in_one_graph) == [written.split()]


def test_clauses_are_told_from_characters():
    for word in ("高兴", "嬉しい", "มีค", "ชั่น", "བཀྲ་ཤིས", "ok很好"):
        assert text.is_clause(word)
    for word in ("我", "น้ำ", "ខ្ញុំ", "བཀྲ", "ｶﾞ", "happy", "행복하다", "сча", "ok我"):
        assert not text.is_clause(word)


def test_data_sets_of_former_versions_are_cut_at_spaces():
    for features in (None, {}, {"text": None}, {"text": {"transcripts": "asr"}}):
        assert text.unspaced_scripts(features) == text.SPACES
    assert text.unspaced_scripts({"text": {"unspaced_scripts": "characters"}}) == text.CHARACTERS


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


# CJK, kana of either width, Thai and Khmer marks, full-width, emoji: each beside each.
MIXED = [*"我𠮷々あガーｶﾞﾟ\u3099นํ้ำเខ្ញុံမ\u1039ཀ་།、。，「」（）ＡＺ＇＂１．", "\ufe0f", "\U000e0100"]
MIXED += ["😀", "👩\u200d👩", "👍🏽", "🇯🇵", "\u3000", *PIECES]


def test_graph_and_python_agree_on_anything():
    rng = random.Random(4)
    texts = ["".join(rng.choices(PIECES, k=rng.randrange(24))) for _ in range(2000)]
    texts += ["".join(chr(rng.randrange(1, 0xD7FF)) for _ in range(8)) for _ in range(500)]
    texts += ["".join(rng.choices(MIXED, k=rng.randrange(24))) for _ in range(2000)]
    for graph, unspaced in (
        (in_one_graph, text.CHARACTERS),
        (at_spaces_in_one_graph, text.SPACES),
    ):
        for written, words in zip(texts, in_graph(texts, graph), strict=True):
            assert words == text.words(written, unspaced), repr(written)


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(strategies.lists(strategies.binary(max_size=24), max_size=20))
def test_invalid_utf8_is_replaced_alike(texts):
    assert in_graph(texts) == [text.words(written) for written in texts]


def test_half_a_surrogate_pair_is_replaced():
    assert text.words("a \ud800 b") == ["a", "\ufffd", "b"]


def test_case_does_not_follow_the_machines_language():
    # Turkish lower-cases I to a letter without its dot.
    code = (
        "import contextlib, locale\n"
        "from amh_tf.features import text\n"
        "with contextlib.suppress(locale.Error):  # of a machine without it\n"
        "    locale.setlocale(locale.LC_ALL, '')\n"
        "print(text.tokenize(['I AM']).to_list())"
    )
    printed = commands.run("-c", code, environment={"LC_ALL": "tr_TR.UTF-8"})
    assert printed.stdout == "[[b'i', b'am']]\n", printed.stderr


def test_vocabulary_is_ordered_by_count_then_alphabet():
    built = text.build_vocabulary([["b", "a", "c"], ["c"], ["_UNK_", "_PAD_"]])
    assert built == ("_PAD_", "_UNK_", "c", "a", "b")


VOCABULARY = ("_PAD_", "_UNK_", "do", "n't", "stop", "caf\u00e9")


@pytest.fixture
def table(tmp_path):
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
    path = tmp_path / "vocabulary.txt"
    path.write_text("a\nb\nb\n")
    with pytest.raises(ValueError, match="b'b' 2 times"):
        text.table_from_file(path)


def test_padding_and_unknown_cannot_be_said():
    for word in (schema.PADDING_WORD, schema.UNKNOWN_WORD):
        assert word not in text.words(f"{word} {word.lower()}")


def test_device_script_cuts_as_the_package_does():
    pytest.importorskip("ai_edge_litert", reason="extra edge")
    place = Path(__file__).parents[2] / "export" / "edge" / "emotion.py"
    spec = importlib.util.spec_from_file_location("emotion", place)
    emotion = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(emotion)
    texts = [written for written, _ in [*ORACLE["texts"], *UNSPACED]] + SPACED
    for unspaced in schema.UNSPACED_SCRIPTS:
        rules = json.loads(json.dumps(text.rules(unspaced)))  # as in edge.json
        for written in texts:
            words = text.words(written, unspaced)
            known = list(dict.fromkeys(words))
            ids = emotion.word_ids(written, ["_PAD_", "_UNK_", *known], rules)
            assert ids.tolist() == [2 + known.index(word) for word in words]
