"""Words and their ids, the same in Python and in a TensorFlow graph.

(But for capital letters of rare scripts that came to Unicode after TensorFlow's tables.)

Text is cut into words as GloVe's are: lower case, clitics (`n't`, `'s`, `'re`) and punctuation
are separate words. The rules are a list of regular expressions that Python and RE2 read
alike, so that an exported model holds them whole. As nltk's NLTKWordTokenizer, but

- `cannot`, `gonna`, `'tis` and the like stay whole: GloVe has them;
- quotation marks become `"`, or `'` for single ones, and dashes `--`;
- a full stop is split off any word, not the text's last alone, except in abbreviations
  (`mr.`, `u.s.`); any run of full stops becomes `...`;
- words such as `'em` and `'cause` keep their apostrophe, other apostrophes at either end of
  a word are split off;
- of two clitics in a row, as in `shouldn't've`, each is a word.

Chinese, Japanese, Thai, Lao, Khmer, Burmese and Tibetan have no spaces between words. Each of
their characters is a word, with the marks that belong to it: dakuten, tone marks, vowel signs, what
is stacked below it. (Tibetan is cut at its own mark, the tsheg.) A segmenter of words would need a
dictionary for each language, which a graph cannot hold, and no two segmenters agree; of characters
there are few enough to be known from a small corpus, and files of word vectors have them. Texts
that were cut into words before keep their words under `SPACES`, as all texts had it in data sets of
earlier versions.
"""

import collections
import re

import tensorflow as tf

from amh_tf import errors, schema

_ABBREVIATIONS = "mr|mrs|ms|dr|st|jr|sr|prof|rev|gen|sgt|capt|lt|vs|etc|inc|ltd|co|corp|mt|ave|blvd"
_SHORTENED = "cause|em|til|till|bout|round|tis|twas|n|kay|cuz|ere|neath|nother|[0-9]+s?"

# What must not be split is hidden behind control characters, which no text holds after the
# first rule: a comma or colon within a number, an abbreviation's stop, an apostrophe, "...".
_COMMA, _COLON, _STOP, _APOSTROPHE, _ELLIPSIS = "\x01", "\x02", "\x03", "\x04", "\x05"
_NUL = "\x00"
_DOTTED_I = "\u0130"  # lower-cased in two ways
BLANKS = "\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"

# (pattern, replacement), applied one after the other to text between two spaces. `\1` is a
# group; neither lookahead nor anything else that RE2 lacks.
RULES = (
    (f"[{BLANKS}]+", " "),
    ("[\u2018\u2019\u201b\u02bc\uff07\u00b4]", "'"),
    ("[\u201c-\u201f\u00ab\u00bb\uff02]|''|``", ' " '),
    ("`", "'"),
    ("\u2026|[.]{2,}", f" {_ELLIPSIS} "),
    ("[\u2012-\u2015]|-{2,}", " -- "),
    # Twice: of 1,2,3 the first pass takes every other comma.
    *[("([0-9]),([0-9])", rf"\1{_COMMA}\2"), ("([0-9]):([0-9])", rf"\1{_COLON}\2")] * 2,
    ('([,:;?!"()\\[\\]{}<>@#$%&*\u00a1\u00bf\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f])', r" \1 "),
    (r"n't\b", f" n{_APOSTROPHE}t"),
    (r"'(s|m|d|re|ve|ll)\b", rf" {_APOSTROPHE}\1"),
    (rf" '({_SHORTENED})\b", rf" {_APOSTROPHE}\1"),
    ("([^ ])' ", r"\1 ' "),
    (" '([^ ])", r" ' \1"),
    (rf"\b({_ABBREVIATIONS})[.] ", rf"\1{_STOP} "),
    (r"\b([a-z](?:[.][a-z])+)[.] ", rf"\1{_STOP} "),
    ("[.] ", " . "),
    *[(_COMMA, ","), (_COLON, ":"), (_STOP, "."), (_APOSTROPHE, "'"), (_ELLIPSIS, "...")],
)

CHARACTERS, SPACES = schema.UNSPACED_SCRIPTS

# Chinese characters, kana and bopomofo; then letters of Thai, Lao, Burmese and Khmer.
_EAST_ASIAN = (
    "\u2e80-\u2fd5\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u3096\u309b-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9d\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
_SOUTH_EAST_ASIAN = (
    "\u0e01-\u0e30\u0e32\u0e40-\u0e46\u0e50-\u0e59"
    "\u0e81-\u0eb0\u0eb2\u0ebd-\u0ec6\u0ed0-\u0edf"
    "\u1000-\u102a\u103f-\u1049\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081"
    "\u108e\u1090-\u1099\ua9e0-\ua9e4\ua9e6-\ua9fe\uaa60-\uaa76\uaa7a\uaa7e\uaa7f"
    "\u1780-\u17b3\u17d7\u17dc\u17e0-\u17f9"
)
# What belongs to the letter before it. The am of Thai and Lao counts as a letter in Unicode.
_MARKS = (
    "\u0e31\u0e33-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb3-\u0ebc\u0ec8-\u0ece"
    "\u102b-\u1038\u103a-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074"
    "\u1082-\u108d\u108f\u109a-\u109d\ua9e5\uaa7b-\uaa7d\u17b4-\u17d1\u17d3\u17dd"
    "\u3099\u309a\uff9e\uff9f\ufe00-\ufe0f\U000e0100-\U000e01ef"
)
_STACKING = "\u1039\u17d2"  # what puts the next letter of Burmese or Khmer below this one
_CHARACTER = (
    f"[{_EAST_ASIAN}{_SOUTH_EAST_ASIAN}]"
    f"(?:[{_MARKS}]|[{_STACKING}][{_SOUTH_EAST_ASIAN}])*[{_STACKING}]?"
)
_UNSPACED_RULES = (
    (f"({_CHARACTER})", r" \1 "),
    ("[\u0f0b\u0f0c]", " "),
    # Brackets, dots and ends of sentences that only these scripts have, and full-width ones.
    (
        "([\u3003\u3008-\u3011\u3014-\u301f\u3030\u30a0\u30fb\uff04-\uff06\uff08-\uff0b\uff0f\uff1c-\uff1e\uff20"
        "\uff3b-\uff3d\uff5b-\uff65\u0e2f\u0e5a\u0e5b\u104a\u104b\u17d4-\u17d6\u0f0d-\u0f12])",
        r" \1 ",
    ),
)
_RULES = {SPACES: RULES, CHARACTERS: (*_UNSPACED_RULES, *RULES)}
_COMPILED = {
    unspaced: tuple((re.compile(pattern, re.ASCII), text) for pattern, text in rules)
    for unspaced, rules in _RULES.items()
}
_UNIT = re.compile(f"{_CHARACTER}|[\u0f0b\u0f0c](?=[\u0f40-\u0f6c])|^[\u0f40-\u0f6c]")


def unspaced_scripts(features):
    """Returns how the texts of a data set were cut, one of `schema.UNSPACED_SCRIPTS`.

    Args:
        features: What the data set says of its features, or None. Those of earlier versions cut at
            spaces alone, and do not say so.
    """
    described = (features or {}).get("text") or {}
    return described.get("unspaced_scripts", SPACES)


def rules(unspaced=CHARACTERS):
    """Returns pairs of a pattern, of ASCII classes, and what takes its place, one after the other.

    Args:
        unspaced: How scripts without spaces are cut, one of `schema.UNSPACED_SCRIPTS`.
    """
    return _RULES[unspaced]


def is_clause(word):
    """Returns whether a word holds two or more characters (of Tibetan syllables) without spaces."""
    return len(_UNIT.findall(word)) > 1


def share_cut(vocabulary, unspaced=SPACES):
    """Returns the share of a vocabulary's words, after the two reserved ones, that `words` gives.

    It is low for pieces of words, and for words with their punctuation.
    """
    own = vocabulary[2:]
    # SentencePiece marks the beginning of a word by a sign that texts do not hold.
    is_whole = (words(word, unspaced) == [word] and "\u2581" not in word for word in own)
    return sum(is_whole) / len(own) if own else 1.0


def whole(text):
    """Returns a text, or bytes of UTF-8, as whole characters; what is none becomes U+FFFD."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def words(text, unspaced=CHARACTERS):
    """Cuts a text into words.

    Args:
        text: String, or bytes of UTF-8; what is not Unicode becomes U+FFFD.
        unspaced: How scripts without spaces are cut, one of `schema.UNSPACED_SCRIPTS`.

    Returns:
        List of words.
    """
    text = " " + whole(text).replace(_DOTTED_I, "i").lower() + " "
    for pattern, replacement in _COMPILED[unspaced]:
        text = pattern.sub(replacement, text)
    return [word for word in text.split(" ") if word]


def tokenize(strings, unspaced=CHARACTERS):
    """Cuts texts into words, in TensorFlow operations.

    Args:
        strings: String tensor of shape `(batch,)`, UTF-8; what is not becomes U+FFFD.
        unspaced: As for `words`.

    Returns:
        RaggedTensor of shape `(batch, words)`: what `words` gives for each.
    """
    text = tf.strings.unicode_transcode(strings, "UTF-8", "UTF-8", errors="replace")
    text = tf.strings.regex_replace(text, _NUL, " ")  # lower-casing ends at the first
    # Letters of ASCII first: the full lower-casing follows the machine's language, and in
    # Turkish turns I into another letter.
    text = tf.strings.lower(tf.strings.regex_replace(text, _DOTTED_I, "i"))
    text = tf.strings.lower(text, encoding="utf-8")
    text = tf.strings.join([" ", text, " "])
    for pattern, replacement in rules(unspaced):
        text = tf.strings.regex_replace(text, pattern, replacement)
    return tf.strings.split(text)


def build_vocabulary(texts):
    """Numbers the words of texts: padding, unknown, then by count, then by alphabet.

    Args:
        texts: Iterable of lists of words.

    Returns:
        Tuple of words in the order of their ids.
    """
    counts = collections.Counter(word for text in texts for word in text)
    reserved = (schema.PADDING_WORD, schema.UNKNOWN_WORD)
    for word in reserved:
        del counts[word]
    return (*reserved, *sorted(counts, key=lambda word: (-counts[word], word)))


def table_from_file(path):
    """Makes a lookup table from a file with one word a line, in the order of the ids.

    A model that is saved with the table takes the file along as an asset.

    Args:
        path: The file.

    Returns:
        `tf.lookup.StaticHashTable` of string to int64; other words are `schema.UNKNOWN_ID`.

    Raises:
        ValueError: If a word appears twice; the message names it.
    """
    with tf.io.gfile.GFile(str(path), "rb") as file:
        _check_vocabulary(file.read().removesuffix(b"\n").split(b"\n"))
    initializer = tf.lookup.TextFileInitializer(
        str(path),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    return tf.lookup.StaticHashTable(initializer, schema.UNKNOWN_ID)


def _check_vocabulary(vocabulary):
    word, count = collections.Counter(vocabulary).most_common(1)[0] if vocabulary else ("", 0)
    if count != 1:
        raise errors.refusal(
            "The vocabulary does not number its words",
            "words that differ",
            f"{word!r} {count} times",
        )


def word_ids(strings, table, max_length, unspaced=CHARACTERS):
    """Cuts texts into words and looks up their ids, in TensorFlow operations.

    Args:
        strings: String tensor of shape `(batch,)`.
        table: Lookup table from word to id.
        max_length: Number of words that are kept of each text.
        unspaced: As for `words`.

    Returns:
        int32 tensor of shape `(batch, time)`, padded with `schema.PADDING_ID`, where time is
        the longest text's and at least 1; int32 tensor of the lengths, `(batch,)`.
    """
    return look_up(tokenize(strings, unspaced)[:, :max_length], table)


def look_up(words, table):
    """Looks up the ids of words.

    Args:
        words: RaggedTensor of strings, `(batch, words)`.
        table: Lookup table from word to id.

    Returns:
        As `word_ids`.
    """
    ids = tf.cast(table.lookup(words).to_tensor(schema.PADDING_ID), tf.int32)
    missing = tf.maximum(1 - tf.shape(ids)[1], 0)
    ids = tf.pad(ids, [[0, 0], [0, missing]], constant_values=schema.PADDING_ID)
    return ids, tf.cast(words.row_lengths(), tf.int32)
