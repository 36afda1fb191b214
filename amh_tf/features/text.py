"""Words and their ids, the same in Python and in a TensorFlow graph.

Text is cut into words as GloVe's are: lower case, clitics (`n't`, `'s`, `'re`) and punctuation
are words of their own. The rules are a list of regular expressions that Python and RE2 read
alike, so that an exported model holds them whole. As nltk's NLTKWordTokenizer, but

- `cannot`, `gonna`, `'tis` and the like stay whole: GloVe has them;
- quotation marks become `"`, or `'` for single ones, and dashes `--`;
- a full stop is split off any word, not the text's last alone, except in abbreviations
  (`mr.`, `u.s.`); any run of full stops becomes `...`;
- words such as `'em` and `'cause` keep their apostrophe, other apostrophes at either end of
  a word are split off;
- of two clitics in a row, as in `shouldn't've`, each is a word.
"""

import collections
import re

import tensorflow as tf

from amh_tf import schema

_ABBREVIATIONS = "mr|mrs|ms|dr|st|jr|sr|prof|rev|gen|sgt|capt|lt|vs|etc|inc|ltd|co|corp|mt|ave|blvd"
_SHORTENED = "cause|em|til|till|bout|round|tis|twas|n|kay|cuz|ere|neath|nother|[0-9]+s?"

# What must not be split is hidden behind control characters, which no text holds after the
# first rule: a comma or colon within a number, an abbreviation's stop, an apostrophe, "...".
_COMMA, _COLON, _STOP, _APOSTROPHE, _ELLIPSIS = "\x01", "\x02", "\x03", "\x04", "\x05"
_NUL = "\x00"
_DOTTED_I = "\u0130"  # lower-cased in two ways
_SPACES = "\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"

# (pattern, replacement), applied one after the other to text between two spaces. `\1` is a
# group; neither lookahead nor anything else that RE2 lacks.
RULES = (
    (f"[{_SPACES}]+", " "),
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
_COMPILED = tuple((re.compile(pattern, re.ASCII), text) for pattern, text in RULES)


def words(text):
    """Cuts a text into words.

    Args:
        text: String, or bytes of UTF-8; what is not Unicode becomes U+FFFD.

    Returns:
        List of words.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = " " + text.replace(_DOTTED_I, "i").lower() + " "
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    return [word for word in text.split(" ") if word]


def tokenize(strings):
    """Cuts texts into words, in TensorFlow operations.

    Args:
        strings: String tensor of shape `(batch,)`, UTF-8; what is not becomes U+FFFD.

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
    for pattern, replacement in RULES:
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


def table_from_vocabulary(vocabulary):
    """Makes a lookup table from words to ids.

    Args:
        vocabulary: Words in the order of their ids.

    Returns:
        `tf.lookup.StaticHashTable` of string to int64; other words are `schema.UNKNOWN_ID`.

    Raises:
        ValueError: If a word stands twice.
    """
    vocabulary = list(vocabulary)
    _check_vocabulary(vocabulary)
    initializer = tf.lookup.KeyValueTensorInitializer(
        vocabulary, range(len(vocabulary)), tf.string, tf.int64
    )
    return tf.lookup.StaticHashTable(initializer, schema.UNKNOWN_ID)


def table_from_file(path):
    """Makes a lookup table from a file with one word a line, in the order of the ids.

    A model that is saved with the table takes the file along as an asset.

    Args:
        path: The file.

    Returns:
        As `table_from_vocabulary`.

    Raises:
        ValueError: If a word stands twice; the message names it.
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
        raise ValueError(
            "The vocabulary does not number its words. Expected words that differ. Received: "
            f"{word!r} {count} times."
        )


def word_ids(strings, table, max_length):
    """Cuts texts into words and looks up their ids, in TensorFlow operations.

    Args:
        strings: String tensor of shape `(batch,)`.
        table: Lookup table from word to id.
        max_length: Number of words that are kept of each text.

    Returns:
        int32 tensor of shape `(batch, time)`, padded with `schema.PADDING_ID`, where time is
        the longest text's and at least 1; int32 tensor of the lengths, `(batch,)`.
    """
    found = tokenize(strings)[:, :max_length]
    ids = tf.cast(table.lookup(found).to_tensor(schema.PADDING_ID), tf.int32)
    missing = tf.maximum(1 - tf.shape(ids)[1], 0)
    ids = tf.pad(ids, [[0, 0], [0, missing]], constant_values=schema.PADDING_ID)
    return ids, tf.cast(found.row_lengths(), tf.int32)
