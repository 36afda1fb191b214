"""Folds that test on sentences, and where they are known on speakers, never trained on.

The rule: folds of speakers are made, and whatever else says a sentence of the test part is left
out. Where that would cost a fold half of its training part or more, the corpus is one of sentences
that every speaker reads. Its sentences are dealt out to groups, and so are its speakers; each fold
tests on one group of both, and trains on the other sentences by the other speakers.
"""

import math
import unicodedata

import numpy as np

from amh_tf import errors
from amh_tf.data import dev_part, fold_kinds, fold_table

# A speaker-disjoint fold must keep more than this share of its training part.
KEPT = 0.5
# With more speakers, folds of them replace leaving each one out.
MANY_SPEAKERS = 12


def key(sentence):
    """Returns what sentences that are the same have in common: their letters and digits.

    Case, accents' encoding, punctuation and spaces make no difference. What holds none but those,
    such as "...", stands for itself.
    """
    folded = unicodedata.normalize("NFKC", sentence).casefold()
    # An apostrophe belongs to its word, other punctuation parts words.
    joined = folded.replace("'", "").replace("\u2019", "")
    characters = (
        character if unicodedata.category(character)[0] in "LMN" else " " for character in joined
    )
    return " ".join("".join(characters).split()) or folded.strip()


def text(table):
    """Makes folds without a sentence of the test part in train or dev.

    Raises:
        ValueError: If a sentence is not known, all are the same, or the folds cannot be made.
    """
    sentences = np.array([key(sentence) for sentence in table.known("sentence", "text")], object)
    if len(set(sentences.tolist())) < 2:
        raise errors.refusal(
            "All utterances have the same sentence",
            "at least 2 sentences under the protocol 'text'",
            f"{table.index[0].sentence!r:.100} alone",
            "Choose other protocols with --protocols.",
        )
    base = _speaker_disjoint(table)
    if base is None:
        return _sentences_alone(table, sentences)
    splits = _without_test_sentences(base, sentences)
    before, after = (
        (table_splits == "train").sum(axis=0) for table_splits in (base.splits, splits)
    )
    if (after > KEPT * before).all():
        return _finish(table, base, splits)
    if not table.is_known("speaker"):
        return _sentences_alone(table, sentences)
    return _crossed(table, sentences)


def _speaker_disjoint(table):
    """Returns folds of different speakers, or None where they cannot be made."""
    homes = {}
    for entry in table.index:
        homes.setdefault(entry.speaker, set()).add(entry.session)
    apart = not table.is_known("speaker") or all(len(sessions) == 1 for sessions in homes.values())
    if table.is_known("session") and apart and len({e.session for e in table.index}) >= 3:
        return fold_kinds.session(table)
    if not table.is_known("speaker") or len(homes) < 3:
        return None
    if len(homes) > MANY_SPEAKERS and table.options.num_folds <= len(homes):
        return fold_kinds.speaker_kfold(table)
    return fold_kinds.speaker(table)


def _without_test_sentences(base, sentences):
    splits = base.splits.copy()
    for column in splits.T:
        tested = set(sentences[column == "test"].tolist())
        column[(column != "test") & np.isin(sentences, list(tested))] = ""
    return splits


def _finish(table, base, splits):
    columns = [
        column if "dev" in column else dev_part.take(column, table, number)
        for number, column in enumerate(splits.T)
    ]
    description = f"{base.description}; whoever else says a sentence of the test part is left out"
    return fold_table.split_of(description, base.names, columns)


def _sentences_alone(table, sentences):
    count = min(table.options.num_folds, len(set(sentences.tolist())))
    _check(count)
    dealt = fold_kinds.deal(table.labels, sentences, count, table.options.seed)
    columns = []
    for number in range(count):
        if count > 2:
            columns.append(fold_table.by_groups(dealt, {number}, {(number + 1) % count}))
        else:
            splits = fold_table.by_groups(dealt, {number})
            columns.append(dev_part.take(splits, table, number))
    selected = "selected on the next" if count > 2 else dev_part.describe(table)
    description = (
        f"{count} folds of sentences, balanced by class: tested on one, {selected}, trained on "
        "the others; speakers may be shared"
    )
    return fold_table.split_of(description, [f"sentences {n + 1}" for n in range(count)], columns)


def _crossed(table, sentences):
    num_folds, seed = table.options.num_folds, table.options.seed
    _check(num_folds)
    distinct, speakers = set(sentences.tolist()), set(table.speakers.tolist())
    # About as square as can be, so that neither sentences nor speakers cost most of training.
    texts = min(len(distinct), max(2, math.isqrt(num_folds)))
    crowds = min(len(speakers) - 1, max(2, num_folds // texts))
    sentence_groups = fold_kinds.deal(table.labels, sentences, texts, seed)
    speaker_groups = fold_kinds.deal(table.labels, table.speakers, crowds, seed)
    one = "sentence" if texts == len(distinct) else "sentences"
    columns, names = [], []
    for number in range(texts):
        for crowd in range(crowds):
            splits = np.full(len(sentence_groups), "", object)
            splits[(sentence_groups != number) & (speaker_groups != crowd)] = "train"
            splits[(sentence_groups == number) & (speaker_groups == crowd)] = "test"
            if "test" not in splits:
                continue  # these speakers say none of these sentences
            columns.append(dev_part.take(splits, table, len(columns)))
            names.append(f"{one} {number + 1}, speakers {crowd + 1}")
    description = (
        f"{texts} groups of sentences by {crowds} groups of speakers: tested on one of both, "
        f"trained on the other sentences by the other speakers, {dev_part.describe(table)}; the "
        "rest is left out"
    )
    return fold_table.split_of(description, names, columns)


def _check(num_folds):
    if num_folds < 2:
        raise errors.refusal(
            "`num_folds` is out of range",
            "at least 2",
            f"num_folds={num_folds}",
            "Set it with --num_folds.",
        )
