"""One reader per source; each gives a `Source` of `Utterance`s."""
