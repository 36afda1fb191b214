"""Text as vectors: data sets whose word ids are exchanged for vectors."""

import dataclasses

from amh_tf import schema


def of(read):
    """Returns a `Source` with the rows of its table of word vectors in place of the word ids."""
    table = read.embedding

    def utterances():
        for utterance in read.utterances():
            yield dataclasses.replace(utterance, text=table[utterance.text])

    return dataclasses.replace(
        read,
        widths={**read.widths, "text": table.shape[1]},
        vocabulary=schema.RESERVED_WORDS,
        embedding=None,
        utterances=utterances,
        fingerprint=f"{read.fingerprint} as vectors",
    )
