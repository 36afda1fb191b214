"""Vectors of words: the mean of the vectors of a word's pieces.

The words are those that `features.text` cuts, so that attention falls on the same words, and as
many, whether they are numbered or encoded. The encoder reads the text as it was written, with its
capital letters and spaces.
"""

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
        cut = [self._cut(text, most, unspaced) for text in all_texts]
        for place, (words, _, _, is_cut) in enumerate(cut):
            if not words:
                yield place, np.zeros((0, self.width), np.float32), is_cut
        places = [place for place, (words, *_) in enumerate(cut) if words]
        lengths = [len(cut[place][1]) for place in places]
        for batch in batches.by_length(lengths, self._batch, self._network.pads):
            rows = [places[number] for number in batch]
            for place, vectors in zip(rows, self._run([cut[place][1] for place in rows])):
                words, _, pieces, is_cut = cut[place]
                yield place, align(vectors, pieces, words), is_cut

    def _cut(self, text, most, unspaced):
        """Cuts a text to what is kept of it.

        Returns:
            Spans of its words, ids of its pieces, spans of these, and whether it was too long.
        """
        text = texts.whole(text)
        words, is_cut = spans(text, unspaced)[:most], False
        while words:
            text = text[: max(end for _, end in words)]
            ids, pieces = self._network.pieces(text)
            limit = self._network.limit
            if limit is None or len(ids) <= limit:
                return words, ids, pieces, is_cut
            is_cut = True
            words = _fitting(words, pieces, limit)
        return words, [], [], is_cut


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
    written = [number for number, span in enumerate(pieces) if span is not None]
    starts, ends = np.array([pieces[number] for number in written]).reshape(-1, 2).T
    averaged = np.zeros((len(words), vectors.shape[1]), np.float32)
    for row, (start, end) in enumerate(words):
        own = np.flatnonzero((starts < end) & (ends > start))
        if len(own):
            averaged[row] = vectors[[written[number] for number in own]].mean(axis=0)
    return averaged
