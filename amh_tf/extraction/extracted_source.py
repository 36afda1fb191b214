"""What was extracted, as a `Source` that the writer takes."""

import collections
import csv
import dataclasses
import hashlib
import io
import itertools
import json

import numpy as np

from amh_tf import errors, escaping, schema
from amh_tf.corpora import source, text_files
from amh_tf.features import glove, media, text, transcribe

PROBLEMS_FILE = "problems.csv"


def fingerprint(corpus, groups, glove_path, own_split):
    """Tells one data set from another before its features are made.

    Args:
        corpus: `recording.Corpus`.
        groups: List of `work_folder.Group`, as planned.
        glove_path: File of word vectors, or None.
        own_split: Whether the vocabulary is that of the corpus' own train split.

    Returns:
        Text that differs where the content may differ.
    """
    vectors = None
    if glove_path:
        with open(glove_path, "rb") as file:
            vectors = hashlib.file_digest(file, "sha256").hexdigest()
    entries = [dataclasses.astuple(entry(utterance)) for utterance in corpus.recordings]
    keys = [group.key for group in groups]
    described = [corpus.name, corpus.synthetic, corpus.classes, entries, keys, vectors, own_split]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()


def entry(utterance):
    """Returns the `Entry` of a `recording.Recording`."""
    return source.Entry(
        id=utterance.id,
        label=utterance.label,
        splits=utterance.splits,
        speaker=utterance.speaker,
        sex=utterance.sex,
        session=utterance.session,
        sentence=text_files.clean(utterance.transcript or ""),
    )


class Extraction:
    """A corpus whose features are made.

    Args:
        corpus: `recording.Corpus`.
        groups: List of `work_folder.Group`, as planned.
        summaries: Dict from the number of a group to its list of `work_folder.Summary`.
        work: `work_folder.WorkFolder`.
        maker: `extractor.Extractor`.
    """

    def __init__(self, corpus, groups, summaries, work, maker):
        self._corpus, self._groups, self._work, self._maker = corpus, groups, work, maker
        pairs = [
            (utterance, summary)
            for group in groups
            for utterance, summary in zip(group.recordings, summaries[group.number], strict=True)
        ]
        self._good = [pair for pair in pairs if not pair[1].problem]
        self.problems = [summary for _, summary in pairs if summary.problem]
        if not self._good:
            raise errors.InputError(
                f"Nothing is left of the {corpus.name}. Expected at least one utterance without "
                f"a problem. Received: {len(pairs)} with one, the first: "
                f"{self.problems[0].problem if pairs else 'none at all'}"
            )

    def problems_csv(self):
        """Returns the text of `problems.csv`: what was left out, and why."""
        output = io.StringIO()
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(["id", "file", "problem"])
        for summary in self.problems:
            writer.writerow(map(escaping.cell, (summary.id, summary.file, summary.problem)))
        return output.getvalue()

    def notes(self):
        """Returns what is worth saying of the files that were read, one line each."""
        noted = {tuple(pair) for _, summary in self._good for pair in summary.notes}
        counts = collections.Counter(note for _, note in sorted(noted))
        return [media.say(note, counts[note]) for note in sorted(counts)]

    def word_error_rate(self):
        """Compares recognized words with the corpus' own.

        Returns:
            The rate and the number of utterances it was taken over; None where words were not
            recognized or there are no transcripts.
        """
        unspaced = self._maker.settings.unspaced_scripts
        pairs = [
            (utterance.transcript, summary.words)
            for utterance, summary in self._good
            if utterance.transcript and text.words(utterance.transcript, unspaced)
        ]
        if not self._maker.settings.recognizes or not pairs:
            return None
        return transcribe.word_error_rate(*zip(*pairs), unspaced), len(pairs)

    def source(self, glove_path, own_split, identity, progress=None):
        """Makes the `Source`.

        Args:
            glove_path: File of word vectors, or None to start from random ones.
            own_split: Whether the vocabulary is that of the train part of the one split that the
                corpus publishes; under other folds, each masks what it must not know.
            identity: What `fingerprint` gave.
            progress: Context manager factory as `amh_tf.progress.bar`, or None.

        Returns:
            `source.Source`, and the number of words that have vectors, or None.
        """
        longest = self._maker.settings.max_lengths["text"]
        sentences = (
            text.words(summary.words, self._maker.settings.unspaced_scripts)[:longest]
            for utterance, summary in self._good
            if not own_split or utterance.splits[0] == "train"
        )
        has_vectors = "text" in self._maker.widths
        vocabulary = text.build_vocabulary([] if has_vectors else sentences)
        vectors, num_known = None, None
        if glove_path and len(vocabulary) > 2:
            vectors, num_known = glove.load_glove(glove_path, vocabulary, progress=progress)
        new_source = source.Source(
            name=self._corpus.name,
            synthetic=self._corpus.synthetic,
            classes=self._corpus.classes,
            widths=self._maker.widths,
            vocabulary=vocabulary,
            embedding=vectors,
            index=tuple(entry(utterance) for utterance, _ in self._good),
            utterances=lambda: self._utterances(vocabulary, longest),
            fingerprint=identity,
            transcripts=self._maker.settings.transcripts,
            features=self._maker.recipe,
            fold_names=self._corpus.fold_names,
            published=self._corpus.published,
        )
        return new_source, num_known

    def _utterances(self, vocabulary, longest):
        ids = {word: number for number, word in enumerate(vocabulary)}
        unspaced = self._maker.settings.unspaced_scripts
        features = itertools.chain.from_iterable(map(self._work.features, self._groups))
        for (utterance, _), extracted in zip(self._good, features, strict=True):
            yield source.Utterance(
                id=extracted.id,
                label=utterance.label,
                audio=extracted.audio,
                text=extracted.text
                if "text" in self._maker.widths
                else word_ids(text.words(extracted.words, unspaced)[:longest], ids),
                video=extracted.video,
            )


def word_ids(words, ids):
    """Returns the ids of words, `(time,)` int32.

    Args:
        words: List of words.
        ids: Dict from word to id.
    """
    return np.array([ids.get(word, schema.UNKNOWN_ID) for word in words], np.int32)
