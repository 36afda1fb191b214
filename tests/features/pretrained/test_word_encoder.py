"""Vectors of words: the mean of their pieces', as the library gives them."""

import numpy as np
import pytest

from amh_tf.features import text
from amh_tf.features.pretrained import choice, opening, word_encoder
from tests.features.pretrained import tiny

TEXTS = [
    "I am so happy that you came!",
    "Why?",
    "",
    "unbelievable, it is fine",
    "No, I don't. I don't!",
    "happy",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.bert(tmp_path_factory.mktemp("words") / "bert")


def encode(path, texts=TEXTS, most=128, **chosen):
    encoder = opening.open_encoder("text", choice.Choice(str(path), **chosen))
    rows = {place: (vectors, is_cut) for place, vectors, is_cut in encoder(texts, most, "spaces")}
    return [rows[place][0] for place in range(len(texts))], [
        rows[place][1] for place in range(len(texts))
    ]


def states(folder, sentence, layer=-1):
    """Returns what the library itself gives for a text alone."""
    torch, transformers = tiny.library("torch"), tiny.library("transformers")
    model = transformers.AutoModel.from_pretrained(folder)
    cut = transformers.AutoTokenizer.from_pretrained(folder)(sentence, return_tensors="pt")
    with torch.inference_mode():
        outputs = model(cut.input_ids, output_hidden_states=True)
    return outputs.hidden_states[layer][0].numpy()


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_words_are_the_mean_of_their_pieces(folder, batch):
    vectors, _ = encode(folder, batch=batch)
    assert [len(one) for one in vectors] == [8, 2, 0, 5, 10, 1]
    for sentence, own, pieces in (
        (TEXTS[0], vectors[0], [[1], [2], [3], [4], [5], [6], [7], [8]]),
        (TEXTS[3], vectors[3], [[1, 2, 3], [4], [5], [6], [7]]),
        # no , i do n't . i do n't ! of the pieces no , i don ' t . i don ' t !
        (
            TEXTS[4],
            vectors[4],
            [[1], [2], [3], [4], [4, 5, 6], [7], [8], [9], [9, 10, 11], [12]],
        ),
    ):
        library = states(folder, sentence)
        by_hand = [library[places].mean(axis=0) for places in pieces]
        np.testing.assert_allclose(own, by_hand, atol=1e-5)


@pytest.mark.parametrize(("layer", "first", "last"), [("0", 0, 0), ("1", 1, 1), ("1-2", 1, 2)])
def test_layer_is_the_one_or_the_mean_that_is_asked_for(folder, layer, first, last):
    (own,), _ = encode(folder, TEXTS[1:2], layer=layer)
    library = np.mean([states(folder, TEXTS[1], n) for n in range(first, last + 1)], axis=0)
    np.testing.assert_allclose(own, library[1:3], atol=1e-5)


def test_text_longer_than_the_positions_is_cut_at_a_word(tmp_path):
    folder = tiny.bert(tmp_path / "bert", positions=10)
    longest = "I am so happy unbelievable you came"  # 9 pieces, and two that are added
    (own, whole), are_cut = encode(folder, [longest, TEXTS[0][:-1]])
    assert are_cut == [True, False] and len(whole) == 7
    # Of eight places the word of three pieces takes the fifth to seventh.
    library = states(folder, "I am so happy unbelievable you")
    by_hand = [library[places].mean(axis=0) for places in ([1], [2], [3], [4], [5, 6, 7], [8])]
    np.testing.assert_allclose(own, by_hand, atol=1e-5)
    ((giant,), are_cut) = encode(folder, ["un" + "able" * 20])
    assert are_cut == [True] and giant.shape == (1, tiny.WIDTH)


def test_only_so_many_words_are_read_as_are_kept(folder):
    (own,), are_cut = encode(folder, TEXTS[:1], most=3)
    np.testing.assert_allclose(own, states(folder, "I am so")[1:4], atol=1e-5)
    assert are_cut == [False]


@pytest.mark.parametrize("unspaced", [text.CHARACTERS, text.SPACES])
@pytest.mark.parametrize(
    "sentence",
    [
        *TEXTS,
        "Don\u2019t... they'll \u201csay\u201d so \u2014 (really)?",
        "\u00c9t\u00e9 \u0130stanbul 1,234.5 e.g. at 5:30, shouldn't've",
        "\u4f60\u597d\u5417\uff1f ok \u0e2a\u0e27\u0e31\u0e2a",
        "  a\u00a0b\t\n'tis ''quoted'' -- \ud800 x",
    ],
)
def test_spans_are_those_of_the_words(sentence, unspaced):
    whole = text.whole(sentence)
    own, words = word_encoder.spans(whole, unspaced), text.words(sentence, unspaced)
    assert len(own) == len(words)
    for (start, end), word in zip(own, words):
        assert 0 <= start < end <= len(whole)
        if word.isalnum() and word.isascii():
            assert whole[start:end].lower() == word or "\u0130" in whole[start:end]


@pytest.mark.parametrize("unspaced", [text.CHARACTERS, text.SPACES])
@pytest.mark.parametrize("word", ["a", "Mr", "cannot", "tis", "til", "nt", "USA", "etc", "ll", "S"])
def test_no_rule_cuts_letters_of_english(word, unspaced):
    assert text.words(f"x {word} y", unspaced) == ["x", word.lower(), "y"]
    assert word_encoder.spans(f"x {word} y", unspaced)[1] == (2, 2 + len(word))


def test_random_pieces_belong_to_the_words_that_they_touch():
    rng = np.random.default_rng(4)
    for _ in range(200):
        begins = rng.integers(0, 30, 12)  # in any order, and over each other
        pieces = [None, *zip(begins, begins + rng.integers(0, 5, 12)), None]
        words = sorted((start, start + rng.integers(1, 6)) for start in rng.integers(0, 30, 8))
        vectors = rng.standard_normal((14, 3)).astype(np.float32)
        for own, (start, end) in zip(word_encoder.align(vectors, pieces, words), words):
            touching = [
                place
                for place, piece in enumerate(pieces)
                if piece and any(start <= character < end for character in range(*piece))
            ]
            expected = vectors[touching].mean(axis=0) if touching else np.zeros(3)
            np.testing.assert_allclose(own, expected, atol=1e-6)


def test_pieces_belong_to_each_word_that_they_touch():
    vectors = np.arange(10, dtype=np.float32).reshape(5, 2)
    pieces = [None, (0, 3), (3, 4), (4, 5), None]
    own = word_encoder.align(vectors, pieces, [(0, 2), (2, 5), (7, 9)])
    np.testing.assert_array_equal(own, [[2, 3], [4, 5], [0, 0]])


@pytest.mark.parametrize("mask", [None])
def test_onnx_file_gives_what_its_formula_says(tmp_path, mask):
    path, table = tiny.onnx_words(tmp_path / "tiny.onnx", mask=mask)
    vectors, _ = encode(path)
    ids = tiny.wordpiece()(TEXTS[3])["input_ids"]
    by_hand = [table[np.array(ids)[places]].mean(axis=0) for places in ([1, 2, 3], [4], [5])]
    np.testing.assert_allclose(vectors[3][:3], by_hand, atol=1e-6)


def test_onnx_file_is_cut_at_its_positions(tmp_path):
    path, _ = tiny.onnx_words(tmp_path / "tiny.onnx", positions=6)
    (own,), are_cut = encode(path, TEXTS[:1])
    assert are_cut == [True] and len(own) == 4
