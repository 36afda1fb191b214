"""Vectors of words: the mean of the vectors of a word's pieces.

The words are those that `features.text` cuts, so that attention falls on the same words, and as
many, whether they are numbered or encoded. The encoder reads the text as it was written, with its
capital letters and spaces.
"""

import bisect
import dataclasses
import functools
import itertools
import re

import numpy as np

from amh_tf.features import text as texts
from amh_tf.features.pretrained import batches, encoder

_CHUNK = re.compile(f"[^{texts.BLANKS}]+")
_PLAIN = str.maketrans("\u2018\u2019\u201b\u02bc\uff07\u00b4`\u201c\u201d", "'''''''\"\"")


def spans(text, unspaced):
    """Finds the words of a text.

    Args:
        text: String.
        unspaced: As for `features.text.words`.

    Returns:
        List of (start, end) of each word that `features.text.words` gives. Words that are not
        written as they are cut, such as the "..." of a single sign, share what is left of their
        stretch between two spaces.
    """
    return [
        (chunk.start() + start, chunk.start() + end)
        for chunk in _CHUNK.finditer(text)
        for start, end in _within(chunk.group(), unspaced)
    ]


@functools.lru_cache(maxsize=1 << 16)
def _within(chunk, unspaced):
    if chunk.isascii() and chunk.isalpha():  # no rule cuts these, and most words are so
        return [(0, len(chunk))]
    plain = chunk.translate(_PLAIN).lower()
    if len(plain) != len(chunk):  # a letter whose small one takes two characters
        plain = chunk
    position, own = 0, []
    for word in texts.words(chunk, unspaced):
        start = plain.find(word, position)
        if start < 0:
            own.append((position, len(chunk)))
        else:
            position = start + len(word)
            own.append((start, position))
    return own


class WordEncoder(encoder.Encoder):
    """Turns texts into vectors of their words.

    Args:
        text_network: Network, `hugging_face.Texts` or `onnx_file.Texts`.
        chosen: `choice.Choice`.
        digests: As for `Encoder`.
    """

    def __call__(self, all_texts, most, unspaced):
        """Encodes texts.

        Args:
            all_texts: List of strings.
            most: Words that are kept of each.
            unspaced: As for `features.text.words`.

        Yields:
            The place of each in the list; the vectors of its words, `(time, width)` float32; and
            whether words were left out because the encoder has no positions for them.
        """
        cut = self._cut(all_texts, most, unspaced)
        for place, one in enumerate(cut):
            if not one.words:
                yield place, np.zeros((0, self.width), np.float32), one.is_too_long
        places = [place for place, one in enumerate(cut) if one.words]
        lengths = [len(cut[place].ids) for place in places]
        for batch in batches.by_length(lengths, self._batch, self._network.pads):
            rows = [places[number] for number in batch]
            for place, vectors in zip(rows, self._run([cut[place].ids for place in rows])):
                one = cut[place]
                yield place, align(vectors, one.pieces, one.words), one.is_too_long

    def _cut(self, all_texts, most, unspaced):
        """Cuts texts to what is kept of them, and into pieces; returns a `_Cut` of each."""
        cut = []
        for text in map(texts.whole, all_texts):
            cut.append(_Cut(text, spans(text, unspaced)[:most]))
        waiting, limit = [one for one in cut if one.words], self._network.limit
        while waiting:
            written = [one.text[: max(end for _, end in one.words)] for one in waiting]
            with self._timed():
                cut_texts = list(self._network.pieces(written))
            for one, (one.ids, one.pieces) in zip(waiting, cut_texts):
                if limit is not None and len(one.ids) > limit:
                    one.is_too_long = True
                    one.words = _fitting(one.words, one.pieces, limit)
                    one.ids = []
            waiting = [one for one in waiting if one.words and not one.ids]
        return cut


@dataclasses.dataclass
class _Cut:
    """A text as it is encoded.

    Attributes:
        text: All of it.
        words: Spans of the words that are kept.
        ids, pieces: Ids and spans of their pieces.
        is_too_long: Whether the encoder does not have positions for all.
    """

    text: str
    words: list
    ids: list = dataclasses.field(default_factory=list)
    pieces: list = dataclasses.field(default_factory=list)
    is_too_long: bool = False


def _fitting(words, pieces, limit):
    """Returns the first words whose pieces there are positions for.

    A single word that is longer than all positions is cut.
    """
    written = [span for span in pieces if span is not None]
    begin = written[max(limit - (len(pieces) - len(written)), 0)][0]
    kept = list(itertools.takewhile(lambda word: word[1] <= begin, words))
    return kept or ([(words[0][0], begin)] if begin > words[0][0] else [])


def align(vectors, pieces, words):
    """Averages the vectors of pieces to those of words.

    Args:
        vectors: `(pieces, width)`.
        pieces: List of (start, end) of each piece in the text, None for what is not of it.
        words: List of (start, end) of each word.

    Returns:
        `(words, width)` float32: the mean over all pieces that share a character with the word;
        zeros where there is none.
    """
    averaged = np.zeros((len(words), vectors.shape[1]), np.float32)
    # What a tokenizer adds touches nothing.
    written = sorted(
        (*span, place) for place, span in enumerate(pieces) if span and span[0] < span[1]
    )
    begins = [begin for begin, *_ in written]
    reached = list(itertools.accumulate((end for _, end, _ in written), max))
    rows, single = [], []
    for row, (start, end) in enumerate(words):
        near = slice(bisect.bisect_right(reached, start), bisect.bisect_left(begins, end))
        touching = [place for _, piece_end, place in written[near] if piece_end > start]
        if len(touching) > 1:
            averaged[row] = vectors[touching].mean(axis=0)
        elif touching:
            rows.append(row)
            single.append(touching[0])
    averaged[rows] = vectors[single]
    return averaged
